/** Trainings by a program of the user's: what it is given, what it may say, how it ends, and what its results are worth. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Dataset } from '../../src/data/dataset.js';
import { makeDemoVideos } from '../../src/data/demo/index.js';
import { type DataConfiguration, openDataset } from '../../src/data/index.js';
import { trainingId } from '../../src/training/identity.js';
import { runTrainer, TRAINER } from '../../src/workers/child.js';
import { lastingFolder } from '../data/videos.js';
import { candidateThatWill, eventually } from './candidates.js';

const OWN = fileURLToPath(new URL('own-trainer.mjs', import.meta.url));
const folder = lastingFolder();
let data: DataConfiguration;
let dataset: Dataset;
beforeAll(async () => {
  data = makeDemoVideos(join(folder, 'videos'), { scenes: 5 });
  dataset = await openDataset(data, { cacheFolder: join(folder, 'cache') });
});

let made = 0;
const training = (way: string, own = join(folder, `c${++made}`), signal = new AbortController().signal) =>
  runTrainer(
    {
      request: {
        ...candidateThatWill('train').work,
        data,
        trainer: `${process.execPath} ${OWN} '${way}'`,
        folder: own,
        cacheFolder: join(folder, 'cache'),
        pretrainedFolder: join(folder, 'pretrained'),
        device: 'cpu',
        threads: 1,
      },
      videos: { fingerprint: dataset.fingerprint, usable: dataset.videos.length, skipped: 0 },
    },
    { program: TRAINER, signal, silenceMs: 60_000, onProgress: () => {} },
  );
const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('a program that trains', () => {
  test('is given the work, the network and the videos, divided, without those that test', async () => {
    const own = join(folder, 'given');
    await training('train', own);
    const order = JSON.parse(await readFile(join(own, 'order.json'), 'utf8'));
    const { work } = candidateThatWill('train');
    expect(order).toMatchObject({ version: 1, folder: own, device: 'cpu', threads: 1 });
    expect(order.work).toMatchObject({ factors: work.factors, recipe: work.recipe, seed: work.seed });
    expect(order.network.stem.spatial.name).toBe('blocks.0.conv.conv_t');
    expect(order.classes).toEqual(dataset.classes);
    const inPart = (part: string) =>
      dataset.videos.filter((video) => video.part === part).map(({ path, label }) => ({ path, label }));
    expect(order.videos).toEqual({ train: inPart('train'), validation: inPart('validation') });
  });

  test('says how far it is, which makes the curve, and scores, of which the metrics are computed here', async () => {
    const own = join(folder, 'scored');
    const result = await training('train', own);
    const { validation } = result.evaluations;
    const { videos = 0 } = validation ?? {};
    const correct = (validation?.confusion ?? []).reduce((sum, row, k) => sum + (row[k] ?? 0), 0);
    expect(videos).toBe(dataset.parts.validation);
    expect(validation?.metrics.accuracy).toBeCloseTo(correct / videos, 12);
    expect(validation).toMatchObject({ viewsPerVideo: 3 });
    expect(result).toMatchObject({ trainingLoss: 0.2, lowestLoss: 0.2, classes: dataset.classes });
    expect(JSON.parse(await readFile(join(own, 'result.json'), 'utf8'))).toEqual(result);
    const curve = (await readFile(join(own, 'curve.jsonl'), 'utf8')).trim().split('\n');
    expect(curve.map((line) => JSON.parse(line))).toEqual([
      { step: 1, loss: 1, accuracy: 0.5, learningRate: 0.1 },
      { step: 2, loss: 0.5, accuracy: 0.5, learningRate: 0.1 },
    ]);
  });

  test('is killed with all that it started, and goes on in the same folder', async () => {
    const own = join(folder, 'going on');
    const stop = new AbortController();
    const first = training('go on', own, stop.signal);
    const pids = await eventually(async () => {
      const state = await readFile(join(own, 'checkpoint-own/state'), 'utf8').catch(() => '');
      return state.includes(' ') && state.split(' ').map(Number);
    });
    stop.abort(new Error('wanted no more'));
    await expect(first).rejects.toThrow('wanted no more');
    await eventually(async () => !pids.some(alive));
    await expect(training('go on', own)).resolves.toMatchObject({ trainingLoss: 0.2 });
  });

  test.each([
    ['chatter', 'never', 'line 1 of the trainer\'s standard output: expected JSON, got "loading data ..."'],
    ['another kind', 'never', 'expected kind to be "progress", "result" or "failure", got "done"'],
    ['another field', 'never', "line 1 of the trainer's standard output: progress.of: expected a value"],
    ['too few rows', 'never', 'scores.validation: expected a row a video, 6, got 5'],
    ['no probabilities', 'never', 'scores.validation[0]: expected a sum of 1, got 2'],
    ['another part', 'never', 'scores.validation: expected a row a video, got nothing'],
    ['nothing', 'never', 'the trainer ended with status 0 and a last line that is no result'],
    ['diverge', 'never', 'the loss of step 7'],
    ['crash', 'here', 'the trainer exited with status 3; its last words: Traceback: no such file'],
  ])('that does this has failed, for a reason: %s', async (way, retry, reason) => {
    await expect(training(way)).rejects.toMatchObject({
      failure: { retry, reason: expect.stringContaining(reason) },
    });
  });
});

test('what another trainer made is another training', () => {
  const { work } = candidateThatWill('train');
  const names = [work, { ...work, trainer: 'a' }, { ...work, trainer: 'b' }].map((one) =>
    trainingId(one, 'f00d'),
  );
  expect(new Set(names).size).toBe(3);
});
