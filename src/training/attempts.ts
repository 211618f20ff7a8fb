/**
 * What trainings leave in a home, and how it gets there. A try works in a folder of its own, `attempts/<training>/…`; it
 * takes over the checkpoints of the tries before it. What it made is put in place as `candidates/<training>` in one step
 * that fails where something is there already, so that a try that was cut off, however late it wakes, changes nothing.
 */
import { randomUUID } from 'node:crypto';
import { copyFile, link, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Home } from '../home.js';
import { damagedIn, writeSums } from '../sums.js';
import { newestStep } from './checkpoint.js';
import { type TrainingResult, trainingResult } from './training.js';

export const RESULT = 'result.json';
export const WEIGHTS = 'weights.safetensors';
const CURVE = 'curve.jsonl';
/** What a trainer of the user's keeps on the way, in a form of its own. */
export const OWN_CHECKPOINTS = 'checkpoint-own';
/** What was of use on the way only. */
export const isPassing = (name: string): boolean => /^checkpoint-|\.tmp$/.test(name);

/** The result of a training that has ended, where all of what it left is as it was written. */
export async function keptResult(folder: string): Promise<TrainingResult | undefined> {
  try {
    const result: unknown = JSON.parse(await readFile(join(folder, RESULT), 'utf8'));
    if (!trainingResult.Check(result) || (await damagedIn(folder)).length > 0) return undefined;
    return (await stat(join(folder, WEIGHTS))).isFile() ? result : undefined;
  } catch {
    return undefined;
  }
}

/** Folders of a training's tries, and its own where that holds no whole result: also what an earlier version left. */
async function triesOf(home: Home, training: string): Promise<string[]> {
  const folder = home.attempts(training);
  const names = await readdir(folder).catch(() => []);
  const own = home.candidate(training);
  const before = (await stat(own).catch(() => undefined)) ? [own] : [];
  return [...names.map((name) => join(folder, name)), ...before];
}

/** Files are never changed once they are there, so that two names for one are as good as a copy. */
const take = (from: string, to: string): Promise<void> => link(from, to).catch(() => copyFile(from, to));

/** A folder for one more try, with the checkpoints and the curve of the try that had come farthest. */
export async function beginTry(home: Home, training: string, number: number): Promise<string> {
  const tries = await triesOf(home, training);
  const folder = join(home.attempts(training), `${number}-${randomUUID().slice(0, 8)}`);
  await mkdir(folder, { recursive: true });
  const steps = await Promise.all(tries.map(newestStep));
  const farthest = tries[steps.indexOf(Math.max(...steps))];
  if (farthest !== undefined && Math.max(...steps) >= 0) {
    const names = (await readdir(farthest)).filter(
      (name) => /^checkpoint-.*\.bin$/.test(name) || name === CURVE,
    );
    for (const name of names) await take(join(farthest, name), join(folder, name));
  }
  for (const other of tries)
    await rename(join(other, OWN_CHECKPOINTS), join(folder, OWN_CHECKPOINTS)).catch(() => {});
  // One that was cut off and goes on for a moment may write there again: the next try, or the end, clears that too.
  for (const other of tries)
    if (other !== home.candidate(training)) await rm(other, { recursive: true, force: true }).catch(() => {});
  return folder;
}

/**
 * Puts what a try made in place. `holds` says whether whoever asks still holds the training; false where not, and
 * nothing has changed then. Where another try was there first, its result stays.
 */
export async function putInPlace(
  home: Home,
  training: string,
  folder: string,
  holds: () => Promise<boolean>,
): Promise<boolean> {
  for (const name of await readdir(folder))
    if (isPassing(name)) await rm(join(folder, name), { recursive: true, force: true });
  await writeSums(folder);
  const target = home.candidate(training);
  await mkdir(dirname(target), { recursive: true });
  if (!(await holds())) return false;
  // Half of a result, or a damaged one, makes room.
  if ((await stat(target).catch(() => undefined)) && !(await keptResult(target)))
    await rename(target, join(home.attempts(training), `damaged-${randomUUID().slice(0, 8)}`));
  await rename(folder, target).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
  await rm(home.attempts(training), { recursive: true, force: true }).catch(() => {});
  return true;
}

/** Where a training's curve is to be read: what it left, or what the try that goes on has so far. */
export async function curveFolder(home: Home, training: string): Promise<string> {
  const own = home.candidate(training);
  if (await stat(join(own, CURVE)).catch(() => undefined)) return own;
  const tries = await triesOf(home, training);
  const newest = await Promise.all(
    tries.map(async (folder) => (await stat(join(folder, CURVE)).catch(() => undefined))?.mtimeMs ?? 0),
  );
  return tries[newest.indexOf(Math.max(...newest))] ?? own;
}
