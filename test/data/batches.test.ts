import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type Dataset,
  openDataset,
  type TrainingPlan,
  trainingBatches,
  type ViewPlan,
  viewBatches,
} from '../../src/data/index.js';
import { frameOf, temporaryFolder, writeClasses, writeGreys } from './videos.js';

/** Six training videos of 12 frames in two classes, and two to validate on. */
async function aDataset(): Promise<{ dataset: Dataset; folder: string }> {
  const folder = temporaryFolder();
  writeClasses(join(folder, 'train'), { a: 3, b: 3 });
  writeClasses(join(folder, 'val'), { a: 1, b: 1 });
  return { dataset: await openDataset({ path: folder }, { cacheFolder: temporaryFolder() }), folder };
}

const planIn = (cacheFolder: string, changes: Partial<TrainingPlan> = {}): TrainingPlan => ({
  frames: 4,
  stride: 2,
  rate: 25,
  crop: 16,
  shortSides: { min: 18, max: 22 },
  flip: true,
  batchSize: 5,
  repeats: 1,
  seed: 3,
  firstStep: 0,
  steps: 6,
  cacheFolder,
  ...changes,
});

/** The bytes and labels of every step of a plan. */
async function batchesOf(dataset: Dataset, plan: TrainingPlan) {
  const source = trainingBatches(dataset, plan);
  const batches: { step: number; clips: Buffer; labels: number[]; names: string[] }[] = [];
  try {
    for (let i = 0; i < plan.steps; i++) {
      const batch = await source.next();
      batches.push({
        step: batch.step,
        clips: Buffer.from(batch.clips),
        labels: [...batch.labels],
        names: batch.videos.map(({ name }) => name),
      });
      source.release(batch);
    }
  } finally {
    await source.close();
  }
  return batches;
}

const cachedFiles = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.rgb'))
    .map((name) => join(folder, name))
    .sort();

describe('training batches', () => {
  it('hold time first, then clips, with the frames of each clip at the stride', async () => {
    const { dataset } = await aDataset();
    const [batch] = await batchesOf(dataset, planIn(temporaryFolder(), { steps: 1 }));
    expect(batch?.clips).toHaveLength(4 * 5 * 16 * 16 * 3);
    for (let clip = 0; clip < 5; clip++) {
      const frames = Array.from({ length: 4 }, (_, t) =>
        frameOf(batch?.clips[(t * 5 + clip) * 16 * 16 * 3] ?? 0),
      );
      const [start = 0] = frames;
      expect(frames).toEqual([start, start + 2, start + 4, start + 6]);
      expect(batch?.names[clip]).toMatch(batch?.labels[clip] === 0 ? /^train\/a/ : /^train\/b/);
    }
  });

  it('are the same bytes from one thread or three, from memory, from disk or decoded each time, anew or cached', async () => {
    const { dataset } = await aDataset();
    const cacheFolder = temporaryFolder();
    const first = await batchesOf(dataset, planIn(cacheFolder));
    expect(cachedFiles(cacheFolder)).toHaveLength(6);
    for (const changes of [
      {},
      { threads: 3 },
      { memoryBytes: 0 },
      { memoryBytes: 0, diskBytes: 0, threads: 2 },
    ]) {
      expect(await batchesOf(dataset, planIn(cacheFolder, changes)), JSON.stringify(changes)).toEqual(first);
    }
  });

  it('leave no file where none may be kept', async () => {
    const { dataset } = await aDataset();
    const cacheFolder = temporaryFolder();
    await batchesOf(dataset, planIn(cacheFolder, { diskBytes: 0, memoryBytes: 0 }));
    expect(cachedFiles(cacheFolder)).toEqual([]);
  });

  it('go on at a later step with the bytes of a run that was never stopped', async () => {
    const { dataset } = await aDataset();
    const cacheFolder = temporaryFolder();
    const whole = await batchesOf(dataset, planIn(cacheFolder));
    const rest = await batchesOf(dataset, planIn(cacheFolder, { firstStep: 4, steps: 2 }));
    expect(rest).toEqual(whole.slice(4));
  });

  it('are whole where the set is smaller than a batch, and balanced as the set is', async () => {
    const { dataset } = await aDataset();
    const [batch] = await batchesOf(dataset, planIn(temporaryFolder(), { batchSize: 12, steps: 1 }));
    expect(batch?.labels.filter((label) => label === 0)).toHaveLength(6);
  });

  it('are made ahead, but no further than the buffers that were given back', async () => {
    const { dataset } = await aDataset();
    const source = trainingBatches(dataset, planIn(temporaryFolder(), { steps: 100 }));
    try {
      for (let i = 0; i < 3; i++) await source.next();
      await expect(source.next()).rejects.toThrow(/none was released/);
    } finally {
      await source.close();
    }
  });

  it('come from a cache that mends itself: cut files, wrong bytes and leftovers are passed over', async () => {
    const { dataset } = await aDataset();
    const cacheFolder = temporaryFolder();
    for (const memoryBytes of [0, 2 ** 20]) {
      const first = await batchesOf(dataset, planIn(cacheFolder, { memoryBytes }));
      const [cut = '', wrong = '', ...others] = cachedFiles(cacheFolder);
      const before = [cut, wrong].map((file) => readFileSync(file));
      truncateSync(cut, statSync(cut).size / 2);
      const bytes = readFileSync(wrong);
      // One bit in every frame.
      for (let at = 100; at < bytes.length; at += 24 * 32 * 3) bytes[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(wrong, bytes);
      expect(await batchesOf(dataset, planIn(cacheFolder, { memoryBytes }))).toEqual(first);
      expect([cut, wrong].map((file) => readFileSync(file))).toEqual(before);
      expect(cachedFiles(cacheFolder)).toEqual([cut, wrong, ...others].sort());
    }
  });

  it('name a video that is not what it was when the set was opened', async () => {
    const { dataset, folder } = await aDataset();
    for (const name of ['p0', 'p1', 'p2']) writeGreys(join(folder, 'train', 'a', `${name}_a.mp4`), 5);
    const error = batchesOf(dataset, planIn(temporaryFolder()));
    await expect(error).rejects.toMatchObject({ name: 'X3dError', kind: 'data' });
    await expect(error).rejects.toThrow(/train\/a\/p\d_a\.mp4: expected the 12 frames/);
  });
});

describe('views for testing', () => {
  const viewPlan = (changes: Partial<ViewPlan> = {}): ViewPlan => ({
    frames: 4,
    stride: 2,
    rate: 25,
    shortSide: 18,
    crop: 16,
    strategy: 'center',
    views: 3,
    cacheFolder: temporaryFolder(),
    ...changes,
  });

  it('come for each video of the part once, clips spaced over its length', async () => {
    const { dataset } = await aDataset();
    const seen: string[] = [];
    for await (const { video, clips, views } of viewBatches(dataset, 'validation', viewPlan())) {
      seen.push(video.name);
      expect(views).toBe(3);
      expect(clips).toHaveLength(4 * 3 * 16 * 16 * 3);
      const starts = [0, 1, 2].map((view) => frameOf(clips[view * 16 * 16 * 3] ?? 0));
      expect(starts).toEqual([0, 3, 5]);
    }
    expect(seen).toEqual(['val/a/p0_a.mp4', 'val/b/p0_b.mp4']);
  });

  it('are three windows a clip for LeftCenterRight, and none of a part that is empty', async () => {
    const { dataset } = await aDataset();
    const plan = viewPlan({ strategy: 'left-center-right', crop: 18, threads: 2 });
    for await (const { views, clips } of viewBatches(dataset, 'validation', plan)) {
      expect(views).toBe(9);
      expect(clips).toHaveLength(4 * 9 * 18 * 18 * 3);
      expect([0, 3, 6].map((view) => frameOf(clips[view * 18 * 18 * 3] ?? 0))).toEqual([0, 3, 5]);
    }
    for await (const _ of viewBatches(dataset, 'test', plan)) throw new Error('there is no test part');
  });

  it('end their threads when nobody wants the rest', async () => {
    const { dataset } = await aDataset();
    for await (const { views } of viewBatches(dataset, 'train', viewPlan())) {
      expect(views).toBe(3);
      break;
    }
  });
});
