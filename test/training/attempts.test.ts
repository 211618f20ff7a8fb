/** What tries of a training leave in a home: put in place once, whole, by whoever holds it. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Home, homeAt } from '../../src/home.js';
import { damagedIn } from '../../src/sums.js';
import { beginTry, keptResult, putInPlace } from '../../src/training/attempts.js';
import { saveCheckpoint } from '../../src/training/checkpoint.js';
import type { TrainingResult } from '../../src/training/training.js';

let folder: string;
let home: Home;
let made = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x3d-keeping-'));
  home = homeAt(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const newId = () => `c${++made}`;
const holding = async () => true;
const result = (seconds: number): TrainingResult => ({
  classes: ['a'],
  evaluations: {},
  steps: 1,
  seconds,
  clipsPerSecond: 1,
  peakBytes: 1,
  trainingLoss: 1,
  lowestLoss: 1,
  stepShare: 1,
});

async function make(id: string, number: number): Promise<string> {
  const own = await beginTry(home, id, number);
  await writeFile(join(own, 'weights.safetensors'), `weights of try ${number}`);
  await writeFile(join(own, 'curve.jsonl'), '');
  await writeFile(join(own, 'result.json'), JSON.stringify(result(number)));
  return own;
}
const weightsOf = (id: string) => readFile(join(home.candidate(id), 'weights.safetensors'), 'utf8');

async function checkpoint(own: string, step: number): Promise<void> {
  const vector = new Float32Array([step]);
  await saveCheckpoint(own, {
    position: {
      step,
      sums: { steps: 0, clips: 0, loss: 0, correct: 0 },
      meanLoss: 1,
      lowestLoss: 1,
      lowestAt: 0,
    },
    curve: [],
    state: { parameters: vector, momentum: vector, statistics: vector, average: vector },
  });
}

describe('what a try made', () => {
  test('is put in place whole, with sums of its files, and nothing of the tries is left', async () => {
    const id = newId();
    const own = await make(id, 1);
    await checkpoint(own, 5);
    await writeFile(join(own, 'half.tmp'), '');
    expect(await putInPlace(home, id, own, holding)).toBe(true);
    expect((await readdir(home.candidate(id))).sort()).toEqual([
      'SHA256SUMS',
      'curve.jsonl',
      'result.json',
      'weights.safetensors',
    ]);
    expect(await keptResult(home.candidate(id))).toEqual(result(1));
    expect(existsSync(home.attempts(id))).toBe(false);
  });

  test('goes nowhere where whoever made it does not hold the training any more', async () => {
    const id = newId();
    expect(await putInPlace(home, id, await make(id, 1), async () => false)).toBe(false);
    expect(existsSync(home.candidate(id))).toBe(false);
  });

  test('never takes the place of what another try made, even by one that held it a moment ago', async () => {
    const id = newId();
    const late = await make(id, 1);
    // Cut off: the next try begins, and ends.
    const next = await beginTry(home, id, 2);
    await mkdir(late, { recursive: true });
    for (const name of ['weights.safetensors', 'curve.jsonl'])
      await writeFile(join(late, name), 'of the late one');
    await writeFile(join(late, 'result.json'), JSON.stringify(result(1)));
    await writeFile(join(next, 'weights.safetensors'), 'weights of try 2');
    await writeFile(join(next, 'result.json'), JSON.stringify(result(2)));
    // Frozen between its look at the lease and its last step.
    const asked = async () => {
      await putInPlace(home, id, next, holding);
      return true;
    };
    await putInPlace(home, id, late, asked).catch(() => {});
    expect(await weightsOf(id)).toBe('weights of try 2');
    expect(await keptResult(home.candidate(id))).toEqual(result(2));
  });

  test.each([
    [
      'weights cut short',
      (at: string) => truncate(join(at, 'weights.safetensors'), 3),
      'weights.safetensors',
    ],
    [
      'another figure',
      (at: string) => writeFile(join(at, 'result.json'), JSON.stringify(result(9))),
      'result.json',
    ],
    ['a curve of another', (at: string) => writeFile(join(at, 'curve.jsonl'), 'x'), 'curve.jsonl'],
    ['no weights', (at: string) => rm(join(at, 'weights.safetensors')), 'weights.safetensors'],
    ['damaged sums', (at: string) => writeFile(join(at, 'SHA256SUMS'), 'x'), 'SHA256SUMS'],
  ])('is known to be damaged by %s, is no result any more, and makes room', async (_, damage, named) => {
    const id = newId();
    await putInPlace(home, id, await make(id, 1), holding);
    await damage(home.candidate(id));
    expect(await damagedIn(home.candidate(id))).toEqual([named]);
    expect(await keptResult(home.candidate(id))).toBeUndefined();
    await putInPlace(home, id, await make(id, 2), holding);
    expect(await weightsOf(id)).toBe('weights of try 2');
    expect(await keptResult(home.candidate(id))).toEqual(result(2));
  });
});

describe('a try', () => {
  test('goes on from the checkpoints of the one that had come farthest, which a late writer does not reach', async () => {
    const id = newId();
    const first = await beginTry(home, id, 1);
    for (const step of [3, 5]) await checkpoint(first, step);
    const second = await beginTry(home, id, 2);
    const names = (await readdir(second)).filter((name) => name.startsWith('checkpoint-'));
    expect(names).toHaveLength(2);
    await checkpoint(first, 9);
    expect((await readdir(second)).filter((name) => name.startsWith('checkpoint-'))).toEqual(names);
  });

  test('takes over what an earlier version left in the folder of the training itself', async () => {
    const id = newId();
    await mkdir(home.candidate(id), { recursive: true });
    await checkpoint(home.candidate(id), 4);
    const own = await beginTry(home, id, 1);
    expect((await readdir(own)).filter((name) => name.startsWith('checkpoint-'))).toHaveLength(1);
    await writeFile(join(own, 'weights.safetensors'), 'weights');
    await writeFile(join(own, 'result.json'), JSON.stringify(result(1)));
    expect(await putInPlace(home, id, own, holding)).toBe(true);
    expect(await keptResult(home.candidate(id))).toEqual(result(1));
  });
});
