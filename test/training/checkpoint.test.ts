import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadCheckpoint, removeCheckpoints, saveCheckpoint } from '../../src/training/checkpoint.js';

const at = (step: number) => ({
  position: {
    step,
    sums: { steps: 2, clips: 16, loss: 1 / 3, correct: 5 },
    meanLoss: 0.1 + step,
    lowestLoss: 0.05,
    lowestAt: 3,
  },
  state: {
    parameters: Float32Array.of(step, Math.fround(Math.PI)),
    momentum: Float32Array.of(-step),
    statistics: new Float32Array(0),
    average: Float32Array.of(1e-30, Number.MAX_VALUE),
  },
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('checkpoints', () => {
  it('come back bit for bit', async () => {
    await saveCheckpoint(folder, at(7));
    expect(await loadCheckpoint(folder)).toEqual(at(7));
  });

  it('are absent in a folder without any', async () => {
    expect(await loadCheckpoint(folder)).toBeUndefined();
    expect(await loadCheckpoint(join(folder, 'nowhere'))).toBeUndefined();
  });

  it('are kept two at a time, the newest taken', async () => {
    for (const step of [1, 20, 300]) await saveCheckpoint(folder, at(step));
    expect(await readdir(folder)).toHaveLength(2);
    expect((await loadCheckpoint(folder))?.position.step).toBe(300);
  });

  it('are kept two at a time also after one was damaged', async () => {
    const newest = async () => join(folder, (await readdir(folder)).sort().at(-1) ?? '');
    for (const step of [200, 300]) await saveCheckpoint(folder, at(step));
    await writeFile(await newest(), 'damaged');
    expect(await loadCheckpoint(folder)).toEqual(at(200));
    await saveCheckpoint(folder, at(201));
    await writeFile(await newest(), 'damaged');
    expect(await loadCheckpoint(folder)).toEqual(at(200));
  });

  it.each(['cut short', 'changed in one byte'])('are passed over for the one before when %s', async (how) => {
    await saveCheckpoint(folder, at(1));
    await saveCheckpoint(folder, at(2));
    const newest = join(folder, (await readdir(folder)).sort().at(-1) ?? '');
    const bytes = await readFile(newest);
    if (how === 'cut short') await writeFile(newest, bytes.subarray(0, bytes.length - 3));
    else {
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      await writeFile(newest, bytes);
    }
    expect(await loadCheckpoint(folder)).toEqual(at(1));
  });

  it('leave nothing behind when removed', async () => {
    await saveCheckpoint(folder, at(1));
    await writeFile(join(folder, 'checkpoint-000000002.0123456789abcdef.bin.some-uuid.tmp'), 'cut off');
    await removeCheckpoints(folder);
    expect(await readdir(folder)).toEqual([]);
  });
});
