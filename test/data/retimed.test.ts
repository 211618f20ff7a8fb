/** A network that was trained at one frame rate sees the same at others. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FF_ENCODER_FFV1 } from 'node-av/constants';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeFrames } from '../../src/data/decoding.js';
import { encodeVideo, makeDemoVideos } from '../../src/data/demo/index.js';
import { AS_DIVIDED } from '../../src/data/folds.js';
import { type Dataset, openDataset, type Video } from '../../src/data/index.js';
import { BASES } from '../../src/network/index.js';
import { assess } from '../../src/training/assess.js';
import { RECIPES } from '../../src/training/recipe.js';
import { preprocessingOf } from '../../src/training/saved.js';
import { train } from '../../src/training/train.js';
import { readWeights } from '../../src/training/weights.js';
import { lastingFolder, retimed } from './videos.js';

const base = { ...BASES['x2d-micro'], classes: 6 };
const factors = { ...base.factors, frames: 4, stride: 4, crop: 32 };
const recipe = { ...RECIPES['x2d-micro'], steps: 270, batchSize: 8, views: 3 };
let folder: string;
let dataset: Dataset;

function framesOf({ path, frames, ...size }: Video): Uint8Array[] {
  const all: Uint8Array[] = [];
  decodeFrames(
    path,
    size,
    frames - 1,
    () => true,
    (_, rgb) => all.push(rgb.slice()),
  );
  return all;
}

/** Another version of each video of the test part; `write` gets the place where it is to lie. */
async function evaluated(
  name: string,
  write: (video: Video, to: string) => void,
  rate: number = dataset.rate,
) {
  const path = join(folder, name);
  for (const video of dataset.videos.filter(({ part }) => part === 'test')) {
    const to = join(path, video.name.replace(/\.[^.]*$/, '.mkv'));
    mkdirSync(dirname(to), { recursive: true });
    write(video, to);
  }
  const cacheFolder = join(folder, 'cache');
  const other = await openDataset({ path, rate }, { cacheFolder, undivided: 'test' });
  const options = { part: 'test', views: 3, device: 'cpu', threads: 1, cacheFolder } as const;
  const weights = await readWeights(join(folder, 'network', 'weights.safetensors'));
  const saved = { base, factors, weights, preprocessing: preprocessingOf(factors) };
  const { videos, metrics } = (await assess(saved, other, options)).center;
  return { videos, ...metrics };
}

const atRate =
  (framesPerSecond: number, pictures: (all: readonly Uint8Array[]) => Uint8Array[]) =>
  (video: Video, to: string) =>
    encodeVideo(
      to,
      { width: video.width, height: video.height, framesPerSecond, codec: FF_ENCODER_FFV1 },
      pictures(framesOf(video)),
    );
const asItWas = atRate(25, (all) => [...all]);
const twice = (all: readonly Uint8Array[]) => all.flatMap((frame) => [frame, frame]);

beforeAll(async () => {
  folder = lastingFolder();
  const data = makeDemoVideos(join(folder, 'videos'), { scenes: 10 });
  const cacheFolder = join(folder, 'cache');
  dataset = await openDataset(data, { cacheFolder });
  await train({
    ...{ base, factors, data, recipe, microBatch: 8, seed: 1 },
    ...{ division: AS_DIVIDED, evaluations: [] },
    ...{ folder: join(folder, 'network'), cacheFolder, pretrainedFolder: folder, device: 'cpu', threads: 1 },
  });
}, 600_000);

describe('a network that was trained at 25 frames per second', () => {
  it('does as well on the same videos at 50, at 12.5 and at a rate that varies', async () => {
    const { accuracy, loss } = await evaluated('25', asItWas);
    // The very same frames are shown.
    expect((await evaluated('50', atRate(50, twice))).loss).toBeCloseTo(loss, 5);
    const others = {
      12.5: await evaluated(
        '12.5',
        atRate(12.5, (all) => all.filter((_, i) => i % 2 === 0)),
      ),
      // Two frames of five are gone; the others are shown when they were.
      varying: await evaluated('varying', (video, to) => {
        const left = (index: number) => index % 5 !== 1 && index % 5 !== 3;
        atRate(25, (all) => all.filter((_, i) => left(i)))(video, join(folder, 'whole.mkv'));
        const shown = Array.from({ length: video.frames }, (_, i) => i).filter(left);
        retimed(join(folder, 'whole.mkv'), to, (index) => (shown[index] ?? 0) / 25);
      }),
    };
    // As if strides counted the frames of the file.
    const counted = await evaluated('counted', atRate(50, twice), 50);
    for (const [rate, other] of Object.entries(others)) {
      // At most one video whose two best classes are about as likely.
      expect(Math.abs(other.accuracy - accuracy) * other.videos, rate).toBeLessThan(1.1);
      expect(Math.abs(other.loss - loss), rate).toBeLessThan(0.06);
    }
    expect(Math.abs(counted.loss - loss)).toBeGreaterThan(0.005);
  }, 600_000);
});
