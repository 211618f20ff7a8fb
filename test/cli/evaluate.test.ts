/** `evaluate` on a network that was trained here: the figures of its training come again from its files alone. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AS_DIVIDED } from '../../src/data/folds.js';
import { type Dataset, openDataset } from '../../src/data/index.js';
import { homeAt } from '../../src/home.js';
import { BASES, describeNetwork, type Factors, MODELS } from '../../src/network/index.js';
import { resolveConfiguration } from '../../src/search/configuration.js';
import { groundOf } from '../../src/search/creation.js';
import { recordBeginning } from '../../src/search/reporting/record.js';
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
    expect(stdout).toMatch(/^K-Center +3 +\d+\.\d % +\d+\.\d to \d+\.\d % +\d+\.\d % +\d+\.\d{3}$/m);
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
      /: expected a run's id, a run's folder, or the folder of a network, got none of them/,
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

describe('evaluate, of a network in the folder of its run', () => {
  let home: string;
  let opened: Dataset;
  const CONFUSION = () => result.evaluations.test?.confusion;

  /** As a search leaves it. */
  const leave = (trainedOn: string) => {
    const folder = join(homeAt(home).run('s1'), 'network');
    rmSync(folder, { recursive: true, force: true });
    cpSync(network, folder, { recursive: true });
    const described = JSON.parse(readFileSync(join(folder, 'network.json'), 'utf8'));
    writeFileSync(join(folder, 'network.json'), JSON.stringify({ ...described, trainedOn }));
  };
  const own = (...args: string[]) =>
    x3d('evaluate', ...args, '--network', 's1', '--home', home, '--views', '3');

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'x3d-evaluate-'));
    const [, group = '', , shares = ''] = videos.flags;
    const [trained = 0, validation = 0, test = 0] = shares.split(',').map(Number);
    const data = { path: videos.path, group, shares: { train: trained, validation, test } };
    opened = await openDataset(data, { cacheFolder: homeAt(home).cache });
    const given = { data, target: '2M' };
    const configuration = resolveConfiguration(given, groundOf(opened));
    await recordBeginning(homeAt(home), 's1', { given, configuration, opened });
    leave('train');
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  it('without videos tests the test part of its search, and leaves what it found as files', async () => {
    const folder = join(temporaryFolder(), 'found');
    const { code, stdout } = await own('--output', folder);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^on 6 videos of the test part of run s1$/m);
    const found = JSON.parse(readFileSync(join(folder, 'evaluation.json'), 'utf8'));
    expect(found.center.confusion).toEqual(CONFUSION());
    expect(found.videos).toHaveLength(6);
    for (const { windows, score, likelihood } of found.videos) {
      expect(windows).toHaveLength(3);
      expect(likelihood).toBeLessThanOrEqual(score);
      for (const { from, to } of windows) expect(to).toBeGreaterThan(from);
    }
    // Mistakes first, the worst of them before the others.
    const wrong = found.videos.map(
      (video: { class: string; predicted: string }) => video.class !== video.predicted,
    );
    expect(wrong).toEqual([...wrong].sort().reverse());
    const rows = readFileSync(join(folder, 'predictions.csv'), 'utf8').trim().split('\n');
    expect(rows[0]).toBe('video,window,from,to,class,predicted,score,score of class');
    expect(rows).toHaveLength(1 + 6 * 4);
    expect(readFileSync(join(folder, 'confusion.svg'), 'utf8')).toMatch(/^<svg[\s\S]*chequered/);
  });

  it('on the videos of its search tests the same, however they are divided, and says what it left out', async () => {
    const { stdout } = await own(videos.path);
    expect(stdout).toMatch(/^on 6 videos of the test part of run s1$/m);
    expect(stdout).toMatch(/^left out +18 of its training part, 6 of its validation part: /m);
  });

  it('takes a test list alone, of some of the classes', async () => {
    const tests = opened.videos.filter(({ part, label }) => part === 'test' && label < 2);
    const lists = temporaryFolder();
    const lines = tests.map(({ path, label }) => `${path} ${opened.classes[label]}\n`);
    writeFileSync(join(lists, 'test.csv'), lines.join(''));
    const listed = JSON.parse((await own(lists, '--json')).stdout);
    expect(listed.center.videos).toBe(tests.length);
    expect(listed.center.confusion.slice(0, 2)).toEqual(CONFUSION()?.slice(0, 2));
  });

  it('takes the test list that the run has left, in which classes are numbers', async () => {
    const left = join(homeAt(home).run('s1'), 'split', 'test.csv');
    expect(JSON.parse((await own(left, '--json')).stdout).center.confusion).toEqual(CONFUSION());
  });

  it('takes the folder of one class', async () => {
    const [first = ''] = opened.classes;
    // A class's videos may lie in folders of their own.
    const deep = join(temporaryFolder(), first);
    cpSync(join(videos.path, first), join(deep, 'people'), { recursive: true });
    const folder = JSON.parse((await own(deep, '--json')).stdout);
    expect(folder).toMatchObject({ search: { name: 's1', own: 1 } });
    expect(folder.center.confusion[0]).toEqual(CONFUSION()?.[0]);
  });

  it('names a mistake without the way from the list to its videos, and refuses what has no class', async () => {
    const wrong = opened.videos.filter(({ part }) => part === 'test');
    const lists = temporaryFolder();
    const labels = wrong.map(({ path, label }) => `${path} ${(label + 1) % opened.classes.length}\n`);
    writeFileSync(join(lists, 'test.csv'), labels.join(''));
    const { stdout } = await own(join(lists, 'test.csv'));
    expect(stdout).toMatch(/^worst mistakes/m);
    expect(stdout).not.toContain('../');
    const flat = temporaryFolder();
    const [one] = wrong;
    cpSync(one?.path ?? '', join(flat, 'one.mp4'));
    const refused = await own(flat);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /expected videos in folders named for their classes, or in lists, got none/,
    );
  });

  it('never tests on what it was trained on, nor on validation videos that joined them', async () => {
    const trained = opened.videos.filter(({ part }) => part === 'train');
    const lists = temporaryFolder();
    writeFileSync(
      join(lists, 'test.csv'),
      trained.map(({ path, label }) => `${path} ${opened.classes[label]}\n`).join(''),
    );
    const refused = await own(lists);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /expected videos in the test part that the network was not made with, got 18 videos/,
    );
    const validation = await own('--part', 'validation');
    expect(validation.stdout).toMatch(
      /^on 6 videos of the validation part of run s1\nValidation videos chose/m,
    );
    leave('train-and-validation');
    const joined = await own('--part', 'validation');
    expect(joined.code).toBe(2);
    expect(joined.stderr).toMatch(/got 30 videos of its run, of which 24 trained it/);
  });
});
