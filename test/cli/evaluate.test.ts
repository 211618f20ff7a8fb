/** `evaluate` on a network that was trained here: the figures of its training come again from its files alone. */
import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AS_DIVIDED } from '../../src/data/folds.js';
import { BASES, describeNetwork, type Factors, MODELS } from '../../src/network/index.js';
import { initialParameters, initialStatistics, layoutOf } from '../../src/training/engine/parameters.js';
import { exportWeights } from '../../src/training/engine/weights.js';
import { RECIPES } from '../../src/training/recipe.js';
import { train } from '../../src/training/train.js';
import type { TrainingResult } from '../../src/training/training.js';
import { smallVideos, type Videos } from './searches.js';
import { temporaryFolder, x3d } from './spawning.js';

const base = { ...BASES['x2d-micro'], classes: 6 };
const factors = { ...base.factors, frames: 2, stride: 4, crop: 32 };
let videos: Videos;
let network: string;
let result: TrainingResult;

beforeAll(async () => {
  videos = smallVideos();
  network = join(videos.path, '.network');
  const [, group = '', , shares = ''] = videos.flags;
  const [trained = 0, validation = 0, test = 0] = shares.split(',').map(Number);
  const recipe = { ...RECIPES['x2d-micro'], steps: 70, batchSize: 8, views: 3 };
  result = await train({
    division: AS_DIVIDED,
    evaluations: ['test', 'test-left-center-right'],
    base,
    factors,
    data: { path: videos.path, group, shares: { train: trained, validation, test } },
    recipe,
    microBatch: 8,
    seed: 1,
    folder: network,
    cacheFolder: join(videos.path, '.cache'),
    pretrainedFolder: join(videos.path, '.pretrained'),
    device: 'cpu',
    threads: 1,
  });
  writeFileSync(
    join(network, 'network.json'),
    JSON.stringify({
      base,
      factors,
      classes: result.classes,
      preprocessing: { mean: recipe.pixelMean, std: recipe.pixelDeviation },
      more: 'for others',
    }),
  );
});
afterAll(() => rm(videos.path, { recursive: true, force: true }));

const evaluate = (...flags: string[]) =>
  x3d('evaluate', videos.path, ...videos.flags, '--home', temporaryFolder(), '--views', '3', ...flags);

/** A file of untrained weights. */
function weightsOf(factors: Factors, classes: number, folder: string): string {
  const network = describeNetwork(BASES.x2d, factors, { classes });
  const layout = layoutOf(network);
  const weights = { parameters: initialParameters(layout, 0), statistics: initialStatistics(layout) };
  const file = join(folder, `${classes}.safetensors`);
  writeFileSync(file, exportWeights(network, layout, weights));
  return file;
}

describe('evaluate', () => {
  it('finds what the training found on its test videos, under both strategies', async () => {
    const { code, stdout } = await evaluate('--network', network, '--json');
    expect(code).toBe(0);
    const found = JSON.parse(stdout);
    for (const [strategy, name] of [
      ['center', 'test'],
      ['leftCenterRight', 'test-left-center-right'],
    ] as const) {
      const { metrics, confusion } = result.evaluations[name] ?? {};
      expect(found[strategy].confusion).toEqual(confusion);
      expect(found[strategy].metrics.accuracy).toBe(metrics?.accuracy);
      expect(found[strategy].metrics.loss).toBeCloseTo(metrics?.loss ?? 0, 4);
    }
  });

  it('takes weights of a published network, with as many classes as they have', async () => {
    const { code, stdout } = await evaluate(
      ...['--model', 'X2D', '--weights', weightsOf(MODELS.X2D, 6, temporaryFolder()), '--json'],
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout).center.metrics.loss).toBeGreaterThan(0);
  });

  it('is a table for people', async () => {
    const { stdout } = await evaluate('--network', network, '--part', 'validation');
    expect(stdout).toMatch(/^K-Center +3 +\d+\.\d % +\d+\.\d % +\d+\.\d{3}$/m);
    expect(stdout).toMatch(/^on 6 videos of the validation part$/m);
  });

  it('takes all videos of a folder that nothing divides', async () => {
    const { stdout } = await x3d(
      ...['evaluate', videos.path, '--home', temporaryFolder(), '--views', '1', '--network', network],
    );
    expect(stdout).toMatch(/^on 30 videos of the test part$/m);
  });

  it('refuses a folder without a network, other classes, damaged weights, and flags that exclude each other', async () => {
    const empty = temporaryFolder();
    const refusal = async (...flags: string[]) => {
      const { code, stderr } = await evaluate(...flags);
      expect(code).toBe(2);
      return stderr;
    };
    expect(await refusal('--network', empty)).toMatch(
      /network\.json: expected the description of a network, got ENOENT/,
    );
    expect(await refusal('--model', 'XS')).toMatch(
      /^error: --network: expected the folder of a network, or --model and --weights instead, got --model/,
    );
    expect(await refusal('--model', 'XS', '--weights', join(empty, 'w.pth'))).toMatch(
      /^error: .*w\.pth: expected weights, as safetensors or a PyTorch checkpoint, got no such file/,
    );
    expect(await refusal('--model', 'XS', '--weights', weightsOf(MODELS.X2D, 7, empty))).toMatch(
      /^error: classes: expected those of the network, 7, got 6: chequered/,
    );
    expect(await refusal('--model', 'XS', '--weights', weightsOf(MODELS.X2D, 6, empty))).toMatch(
      /expected a tensor of shape .* The weights are those of X2D with 6 classes: give that network/,
    );
    const described = readFileSync(join(network, 'network.json'), 'utf8');
    writeFileSync(join(empty, 'network.json'), described);
    expect(await refusal('--network', empty)).toMatch(
      /weights\.safetensors: expected weights, as safetensors or a PyTorch checkpoint, got no such file/,
    );
    const weights = readFileSync(join(network, 'weights.safetensors'));
    writeFileSync(join(empty, 'weights.safetensors'), weights.subarray(0, weights.length - 100));
    expect(await refusal('--network', empty)).toMatch(
      /weights\.safetensors: expected a whole safetensors file/,
    );
    writeFileSync(join(empty, 'network.json'), described.replace('"crop":32', '"crop":"32"'));
    expect(await refusal('--network', empty)).toMatch(
      /network\.json: factors\.crop: expected integer, got "32"/,
    );
  });
});
