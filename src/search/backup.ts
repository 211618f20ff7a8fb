/**
 * A copy of what can't be made again: the logs of all searches, and what they left in runs/. Taken while they go on: a log
 * only grows, so that a copy of it is the log as it was a moment before. A backup is a folder: `searches.jsonl`, a line
 * an event; `runs/`; and the sums of both, as the files beside them have them.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Redis } from 'ioredis';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { X3dError } from '../errors.js';
import { openRegular } from '../files.js';
import { type Home, ID, isId, REPORT } from '../home.js';
import { damagedIn, writeSums } from '../sums.js';
import { INDEX, streamOf } from './log.js';

const LOGS = 'searches.jsonl';
const PAGE = 500;

const Line = Type.Object({
  search: Type.String({ pattern: ID }),
  created: Type.Number({ description: 'Milliseconds since 1970.' }),
  version: Type.Integer({ minimum: 1 }),
  event: Type.String(),
});
type Line = Static<typeof Line>;
const line = Compile(Line);

export interface Backup {
  readonly searches: number;
  readonly events: number;
  readonly runs: number;
}

async function* linesOf(redis: Redis): AsyncGenerator<Line> {
  const index = await redis.zrange(INDEX, '0', '-1', 'WITHSCORES');
  for (let i = 0; i < index.length; i += 2) {
    const [search = '', created = ''] = index.slice(i, i + 2);
    if (!isId(search)) continue;
    for (let from = '-'; ; ) {
      const entries = await redis.xrange(streamOf(search), from, '+', 'COUNT', PAGE);
      for (const [id, fields] of entries)
        yield { search, created: Number(created), version: Number.parseInt(id, 10), event: fields[1] ?? '' };
      if (entries.length < PAGE) break;
      from = `(${entries.at(-1)?.[0]}`;
    }
  }
}

const runsIn = async (folder: string): Promise<string[]> =>
  (await readdir(join(folder, 'runs')).catch(() => [])).filter(isId);

const copyRun = (from: string, to: string): Promise<void> =>
  cp(from, to, { recursive: true, filter: (path) => !path.endsWith('.tmp') });

/** Of what can not be made again. */
async function damagedOf(run: string): Promise<string | undefined> {
  const again: readonly string[] = Object.values(REPORT);
  for (const folder of [run, join(run, 'split'), join(run, 'network')])
    for (const name of await damagedIn(folder))
      if (folder !== run || !again.includes(name)) return join(folder, name);
  return undefined;
}

/** Throws X3dError invalid-input where there is something at `folder` already. */
export async function backUp(redis: Redis, home: Home, folder: string): Promise<Backup> {
  if (existsSync(folder))
    throw new X3dError('invalid-input', {
      subject: folder,
      expected: 'a folder that is not there yet',
      got: 'one that is',
    });
  const temporary = `${folder}.${randomUUID()}.tmp`;
  await mkdir(temporary, { recursive: true });
  try {
    const searches = new Set<string>();
    let events = 0;
    const file = await open(join(temporary, LOGS), 'w');
    try {
      for await (const one of linesOf(redis)) {
        await file.write(`${JSON.stringify(one)}\n`);
        searches.add(one.search);
        events += 1;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    // After the logs: what a run has that its log does not say yet is made again where it differs.
    const runs = await runsIn(home.folder);
    for (const run of runs) await copyRun(home.run(run), join(temporary, 'runs', run));
    await writeSums(temporary);
    await rename(temporary, folder);
    return { searches: searches.size, events, runs: runs.length };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

const refuse = (subject: string, expected: string, got: string) =>
  new X3dError('data', { subject, expected, got, remedy: 'Take another backup: nothing was restored.' });

/** The logs of a backup by search, checked. */
async function logsIn(folder: string): Promise<ReadonlyMap<string, readonly Line[]>> {
  const file = join(folder, LOGS);
  if (!existsSync(file)) throw refuse(folder, `a backup, with ${LOGS}`, 'no such file');
  const [damaged] = await damagedIn(folder);
  if (damaged !== undefined)
    throw refuse(join(folder, damaged), 'the file that was written', 'another one, or none');
  const logs = new Map<string, Line[]>();
  const handle = await openRegular(file);
  try {
    let number = 0;
    for await (const text of handle.readLines()) {
      number += 1;
      let one: unknown;
      try {
        one = JSON.parse(text);
      } catch {}
      if (!line.Check(one))
        throw refuse(`${file}, line ${number}`, 'an event of a search', text.slice(0, 80));
      logs.set(one.search, [...(logs.get(one.search) ?? []), one]);
    }
  } finally {
    await handle.close();
  }
  return logs;
}

/** Whether a search has no log, or one that begins as the backup's does. Else throws X3dError conflict. */
async function isMissing(redis: Redis, search: string, lines: readonly Line[]): Promise<boolean> {
  const entries = await redis.xrange(streamOf(search), '-', '+', 'COUNT', lines.length);
  if (entries.length === 0) return true;
  const same = entries.every(([, fields], index) => fields[1] === lines[index]?.event);
  if (same && entries.length === lines.length) return false;
  throw new X3dError('conflict', {
    subject: `search ${search}`,
    expected: 'no log of it, or one that goes on from the one in the backup',
    got: same ? `one of ${entries.length} events, where the backup has ${lines.length}` : 'another one',
    remedy: 'Restore into another home, or into a Redis that is empty.',
  });
}

/**
 * Brings back what a backup has and the home lacks; a search that has gone on since stays as it is. Throws X3dError:
 * data for what is no whole backup, conflict where a log is there that is not of the same search.
 */
export async function restoreBackup(redis: Redis, home: Home, folder: string): Promise<Backup> {
  const logs = await logsIn(folder);
  const runs = await runsIn(folder);
  for (const run of runs) {
    const damaged = await damagedOf(join(folder, 'runs', run));
    if (damaged !== undefined) throw refuse(damaged, 'the file that was written', 'another one, or none');
  }
  const missing: [string, readonly Line[]][] = [];
  for (const [search, lines] of logs)
    if (await isMissing(redis, search, lines)) missing.push([search, lines]);
  const absent = runs.filter((run) => !existsSync(home.run(run)));
  // Files first: who reads in a log that a search has ended finds them.
  for (const run of absent) {
    const target = home.run(run);
    const temporary = `${target}.${randomUUID()}.tmp`;
    await mkdir(dirname(target), { recursive: true });
    await copyRun(join(folder, 'runs', run), temporary);
    await rename(temporary, target);
  }
  let events = 0;
  for (const [search, lines] of missing) {
    const transaction = redis.multi();
    for (const { version, event } of lines)
      transaction.xadd(streamOf(search), `${version}-0`, 'event', event);
    transaction.zadd(INDEX, lines[0]?.created ?? 0, search);
    await transaction.exec();
    events += lines.length;
  }
  return { searches: missing.length, events, runs: absent.length };
}
