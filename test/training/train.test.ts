/** Whole trainings on real video files: results, crashes, what can go wrong. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDemoVideos } from '../../src/data/demo/index.js';
import { AS_DIVIDED } from '../../src/data/folds.js';
import type { DataConfiguration } from '../../src/data/index.js';
import { BASES } from '../../src/network/index.js';
import { readSafetensors } from '../../src/training/engine/safetensors.js';
import { keepPretrained } from '../../src/training/pretrained.js';
import { RECIPES, type Recipe } from '../../src/training/recipe.js';
import { train } from '../../src/training/train.js';
import {
  type CurvePoint,
  EVALUATION_NAMES,
  type TrainingProgress,
  type TrainingRequest,
} from '../../src/training/training.js';
import { readWeights } from '../../src/training/weights.js';

const CHILD = fileURLToPath(new URL('training-child.mjs', import.meta.url));
let folder: string;
let data: DataConfiguration;
let candidates = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'x3d-train-'));
  data = await makeDemoVideos(join(folder, 'videos'), { scenes: 5 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function requestFor(recipe: Partial<Recipe> = {}, changes: Partial<TrainingRequest> = {}): TrainingRequest {
  const base = BASES['x2d-micro'];
  const whole = { ...RECIPES['x2d-micro'], steps: 45, batchSize: 8, views: 2, ...recipe };
  return {
    division: AS_DIVIDED,
    evaluations: ['validation'],
    base,
    factors: { ...base.factors, frames: 2, stride: 4, crop: 32 },
    data,
    recipe: whole,
    microBatch: whole.batchSize,
    seed: 1,
    folder: join(folder, `candidate-${candidates++}`),
    cacheFolder: join(folder, 'cache'),
    pretrainedFolder: join(folder, 'pretrained'),
    device: 'cpu',
    threads: 1,
    ...changes,
  };
}

let before: ReturnType<typeof keptWeights> | undefined;
const trainedBefore = () => {
  before ??= keptWeights();
  return before;
};

/** Trained weights as the home keeps them, to start from. */
async function keptWeights() {
  const request = requestFor({ steps: 270 });
  const { classes } = await train(request);
  const { pretrainedFolder, factors } = request;
  const file = join(request.folder, 'weights.safetensors');
  const { id } = await keepPretrained(pretrainedFolder, await readWeights(file), { classes });
  return {
    factors,
    ancestor: { weights: id, rate: 1, frozen: 0 },
    weights: readSafetensors(readFileSync(file), file),
  };
}

const start = (request: TrainingRequest) =>
  spawn(process.execPath, [CHILD, JSON.stringify(request)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TF_NUM_INTRAOP_THREADS: '1' },
  });

async function runToEnd(request: TrainingRequest): Promise<void> {
  const child = start(request);
  child.stdout.resume();
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).toBe(0);
}

/** Kills the training with SIGKILL after so many steps. */
async function killAfter(request: TrainingRequest, steps: number): Promise<void> {
  const child = start(request);
  for await (const line of createInterface({ input: child.stdout })) {
    if (Number(line) >= steps) child.kill('SIGKILL');
  }
}

const weightsOf = ({ folder }: TrainingRequest) => readFileSync(join(folder, 'weights.safetensors'));
const checkpointsOf = ({ folder }: TrainingRequest) =>
  readdirSync(folder)
    .filter((name) => name.startsWith('checkpoint-'))
    .sort();
const curveOf = ({ folder }: TrainingRequest) => readFileSync(join(folder, 'curve.jsonl'), 'utf8');

describe('a training that was killed', () => {
  // Four processes, one after the other.
  it('comes to the same bits as one that never was, also past a damaged checkpoint', {
    timeout: 120_000,
  }, async () => {
    const recipe = {
      // Long enough for points of several steps, between which it is killed.
      steps: 270,
      dropout: 0.2,
      mixup: 0.2,
      colourJitter: 0.2,
      labelSmoothing: 0.1,
      preciseBatchNorm: 3,
    };
    const whole = requestFor(recipe);
    const killed = requestFor(recipe);
    await runToEnd(whole);
    await killAfter(killed, 10);
    await killAfter(killed, 35);
    const newest = join(killed.folder, checkpointsOf(killed).at(-1) ?? '');
    const bytes = readFileSync(newest);
    bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 1;
    writeFileSync(newest, bytes);
    await runToEnd(killed);
    expect(weightsOf(killed).equals(weightsOf(whole))).toBe(true);
    expect(curveOf(killed)).toBe(curveOf(whole));
    expect(checkpointsOf(killed)).toEqual([]);
  });
});

describe('a training', () => {
  it('reports its phases, and gives back the result of a folder that has one', async () => {
    const request = requestFor({ preciseBatchNorm: 2 }, { evaluations: EVALUATION_NAMES });
    const seen: TrainingProgress[] = [];
    const result = await train(request, { onProgress: (progress) => seen.push(progress) });
    expect(new Set(seen.map(({ phase }) => phase))).toEqual(
      new Set(['data', 'training', 'statistics', 'evaluation']),
    );
    const last = seen.filter(({ phase }) => phase === 'training').at(-1);
    expect(last).toMatchObject({ done: result.steps, of: result.steps, secondsLeft: 0 });
    const { evaluations } = result;
    expect(Object.keys(evaluations)).toEqual(EVALUATION_NAMES);
    expect(evaluations.test?.videos).toBe(evaluations['test-left-center-right']?.videos);
    expect(evaluations['test-left-center-right']?.viewsPerVideo).toBe(6);
    seen.length = 0;
    expect(await train(request, { onProgress: (progress) => seen.push(progress) })).toEqual(result);
    expect(seen).toEqual([]);
  });

  it('learns: at its end the loss is far below that of a guess', async () => {
    const request = requestFor({ steps: 540 });
    const { classes } = await train(request);
    const losses = curveOf(request)
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { loss: number }).loss);
    // A quarter of them, since one point is of a few clips only.
    const last = losses.slice(-losses.length / 4);
    const mean = last.reduce((sum, loss) => sum + loss, 0) / last.length;
    expect(mean).toBeLessThan(0.8 * Math.log(classes.length));
  });

  it('looks at the validation videos some ten times on the way, and keeps the loss of every step', async () => {
    const request = requestFor();
    const { steps, trainingLoss, lowestLoss } = await train(request);
    const curve = curveOf(request)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as CurvePoint);
    expect(curve.map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, index) => index + 1));
    const looks = curve.filter(({ validation }) => validation);
    expect(looks).toHaveLength(10);
    expect(looks.at(-1)?.step).toBe(steps);
    const last = curve.slice(-Math.ceil(steps / 10)).map(({ loss }) => loss);
    expect(trainingLoss).toBeCloseTo(last.reduce((a, b) => a + b, 0) / last.length, 9);
    expect(lowestLoss).toBeLessThanOrEqual(curve[0]?.loss ?? 0);
  });

  it('on another fold learns from other videos, and on both parts together has none to validate on', async () => {
    const fold = await train(requestFor({}, { division: { kind: 'fold', fold: 1, of: 3 } }));
    const whole = await train(requestFor());
    expect(fold.evaluations.validation?.metrics.loss).not.toBe(whole.evaluations.validation?.metrics.loss);
    const joined = await train(
      requestFor({}, { division: { kind: 'joined' }, evaluations: ['validation', 'test'] }),
    );
    expect(Object.keys(joined.evaluations)).toEqual(['test']);
  });

  it('starts from weights that the home keeps, mapped to its own network', async () => {
    const { factors, ancestor } = await trainedBefore();
    const grown = { ...factors, depth: 2, frames: 4, stride: 2 };
    const firstLoss = async (request: TrainingRequest) => {
      await train(request);
      return JSON.parse(curveOf(request).split('\n')[0] ?? '').loss as number;
    };
    const inherited = await firstLoss(requestFor({ mixup: 0 }, { factors: grown, ancestor }));
    const anew = await firstLoss(requestFor({ mixup: 0 }, { factors: grown }));
    expect(inherited).toBeLessThan(0.9 * anew);
    const lost = requestFor({}, { ancestor: { ...ancestor, weights: `w${'0'.repeat(24)}` } });
    await expect(train(lost)).rejects.toMatchObject({
      failure: { kind: 'disk', retry: 'later', reason: expect.stringContaining('the weights to start from') },
    });
  });

  it('leaves frozen parts as they were, also where it was ended and goes on', async () => {
    const { factors, ancestor, weights } = await trainedBefore();
    const tuned = () =>
      requestFor(
        { steps: 8, averageDecay: 0, preciseBatchNorm: 2 },
        { factors, ancestor: { ...ancestor, rate: 0.5, frozen: 2 } },
      );
    const whole = tuned();
    await train(whole);
    for (const [name, { values }] of readSafetensors(weightsOf(whole), 'its own')) {
      const same = values.every((value, i) => value === weights.get(name)?.values[i]);
      expect(same, name).toBe(/^blocks\.[01]\./.test(name));
    }
    const cut = tuned();
    const ending = new AbortController();
    const onProgress = ({ phase, done }: TrainingProgress) =>
      phase === 'training' && done >= 4 && ending.abort(new Error('enough'));
    await expect(train(cut, { signal: ending.signal, checkpointSeconds: 0, onProgress })).rejects.toThrow(
      'enough',
    );
    await train(cut);
    expect(weightsOf(cut).equals(weightsOf(whole))).toBe(true);
  });

  it('works with a batch larger than the set, in parts, and with repeated augmentation', async () => {
    const request = requestFor({ batchSize: 64, steps: 2, repeatedAugmentation: 2 }, { microBatch: 16 });
    expect((await train(request)).steps).toBeGreaterThan(0);
  });

  it('ends with the reason when the loss is not a number', async () => {
    await expect(train(requestFor({ learningRate: 1e30 }))).rejects.toMatchObject({
      failure: { kind: 'not-a-number', retry: 'never' },
    });
  });

  it('stops early where the loss does not get lower', async () => {
    const full = requestFor({ learningRate: 1e-9 });
    const stopped = requestFor({ learningRate: 1e-9, earlyStop: 3 });
    const { steps } = await train(full);
    expect((await train(stopped)).steps).toBeLessThan(steps);
  });

  it('stays stopped where it is ended before its evaluation and started again', async () => {
    const recipe = { learningRate: 1e-9, earlyStop: 3 };
    const whole = requestFor(recipe);
    const cut = requestFor(recipe);
    const { steps } = await train(whole);
    const ending = new AbortController();
    const cutting = train(cut, {
      signal: ending.signal,
      onProgress: ({ phase }) => phase === 'evaluation' && ending.abort(new Error('enough')),
    });
    await expect(cutting).rejects.toThrow('enough');
    expect((await train(cut)).steps).toBe(steps);
    expect(weightsOf(cut).equals(weightsOf(whole))).toBe(true);
  });

  it('ends with the signal’s reason, and goes on afterwards', async () => {
    const request = requestFor();
    const aborting = new AbortController();
    const reason = new Error('enough');
    await expect(
      train(request, {
        signal: aborting.signal,
        onProgress: ({ phase, done }) => phase === 'training' && done > 5 && aborting.abort(reason),
      }),
    ).rejects.toBe(reason);
    expect((await train(request)).evaluations.validation?.videos).toBeGreaterThan(0);
  });
});
