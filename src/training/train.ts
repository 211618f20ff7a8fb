/**
 * One training from start to end: data, steps, checkpoints, statistics, evaluation, files. Started again in the same
 * folder it goes on from the last whole checkpoint and comes to the same weights, bit for bit, on the same machine
 * with the same number of threads.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDataset, trainingBatches } from '../data/index.js';
import { describeNetwork, type Network, shortSides } from '../network/index.js';
import { colourFactors, mixupShare, softLabels } from './augmentation.js';
import {
  loadCheckpoint,
  type Position,
  removeCheckpoints,
  saveCheckpoint,
  writeWhole,
} from './checkpoint.js';
import { createEngine } from './engine/engine.js';
import { cropOf, evaluate, type Strategy } from './evaluating.js';
import { notANumber } from './failure.js';
import { learningRateAt, trainingSteps } from './schedule.js';
import type { Session } from './session.js';
import type { CurvePoint, TrainingProgress, TrainingRequest, TrainingResult } from './training.js';

export interface TrainOptions {
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** Aborting ends the training with the signal's reason; what is checkpointed stays. */
  readonly signal?: AbortSignal;
  /** Between checkpoints; default 15. */
  readonly checkpointSeconds?: number;
}

/** Points of a curve: enough to see a training's shape, few enough to keep. */
const CURVE_POINTS = 100;
const CHECKPOINT_SECONDS = 15;
/** Decay of the running mean of the loss that early stopping watches, per step. */
const LOSS_DECAY = 0.98;

function batchesFrom({ request, dataset }: Session, firstStep: number, steps: number) {
  const { factors, recipe, seed, cacheFolder } = request;
  return trainingBatches(dataset, {
    frames: factors.frames,
    stride: factors.stride,
    crop: factors.crop,
    shortSides: shortSides(factors.crop),
    flip: dataset.flip,
    batchSize: recipe.batchSize,
    repeats: recipe.repeatedAugmentation,
    seed,
    firstStep,
    steps,
    cacheFolder,
  });
}

const readCurve = async (path: string): Promise<CurvePoint[]> => {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as CurvePoint);
};

/** What the steps since the last point of the curve came to. */
interface Interval {
  steps: number;
  clips: number;
  loss: number;
  correct: number;
  readonly since: number;
}

const emptyInterval = (): Interval => ({ steps: 0, clips: 0, loss: 0, correct: 0, since: performance.now() });

function stepsDone(position: Position, loss: number, step: number): Position {
  const meanLoss =
    position.meanLoss === undefined ? loss : LOSS_DECAY * position.meanLoss + (1 - LOSS_DECAY) * loss;
  const lower = position.lowestLoss === undefined || meanLoss < position.lowestLoss;
  return {
    step: step + 1,
    meanLoss,
    lowestLoss: lower ? meanLoss : position.lowestLoss,
    lowestAt: lower ? step : position.lowestAt,
  };
}

/** Runs the steps from the last checkpoint to the schedule's end; the step it ended at, and how fast it went. */
async function runSteps(
  session: Session,
): Promise<Pick<TrainingResult, 'steps' | 'clipsPerSecond' | 'stepShare'>> {
  const { request, dataset, engine, trainingVideos, report, signal } = session;
  const { recipe, seed, folder } = request;
  const steps = trainingSteps(recipe, trainingVideos);
  const interval = Math.max(1, Math.floor(steps / CURVE_POINTS));
  const curvePath = join(folder, 'curve.jsonl');

  const checkpoint = await loadCheckpoint(folder);
  let position: Position = { step: 0, meanLoss: undefined, lowestLoss: undefined, lowestAt: 0 };
  if (checkpoint) {
    position = checkpoint.position;
    engine.writeState(checkpoint.state);
  }
  const curve = (await readCurve(curvePath)).filter((point) => point.step <= position.step);
  const writeCurve = () => writeWhole(curvePath, curve.map((point) => `${JSON.stringify(point)}\n`).join(''));

  const firstStep = position.step;
  const started = performance.now();
  let checkpointed = started;
  let sums = emptyInterval();
  let inSteps = 0;
  const batches = batchesFrom(session, firstStep, steps - firstStep);
  try {
    for (let step = firstStep; step < steps; step++) {
      signal?.throwIfAborted();
      const batch = await batches.next();
      const learningRate = learningRateAt(recipe, step, steps);
      const share = mixupShare(recipe, seed, step);
      const stepStarted = performance.now();
      const { loss, correct } = engine.step({
        clips: batch.clips,
        labels: softLabels(batch.labels, dataset.classes.length, recipe, share, request.microBatch),
        learningRate,
        step,
        ...(recipe.mixup > 0 ? { mixupShare: share } : {}),
        ...(recipe.colourJitter > 0
          ? { colourFactors: colourFactors(recipe, seed, step, batch.labels.length) }
          : {}),
      });
      inSteps += performance.now() - stepStarted;
      batches.release(batch);
      if (!Number.isFinite(loss)) throw notANumber(`the loss of step ${step + 1} of ${steps}`);

      position = stepsDone(position, loss, step);
      sums.steps += 1;
      sums.clips += batch.labels.length;
      sums.loss += loss;
      sums.correct += correct;
      const plateau =
        recipe.earlyStop > 0 &&
        (step - position.lowestAt) * recipe.batchSize >= recipe.earlyStop * trainingVideos;
      if ((step + 1) % interval !== 0 && step + 1 !== steps && !plateau) continue;

      const now = performance.now();
      const point: CurvePoint = {
        step: step + 1,
        loss: sums.loss / sums.steps,
        accuracy: sums.correct / sums.clips,
        learningRate,
      };
      curve.push(point);
      const secondsPerStep = (now - started) / 1000 / (step + 1 - firstStep);
      report({
        phase: 'training',
        done: step + 1,
        of: steps,
        ...point,
        clipsPerSecond: (1000 * sums.clips) / (now - sums.since),
        secondsLeft: secondsPerStep * (steps - step - 1),
      });
      sums = emptyInterval();
      // Only between intervals, so that a resumed training sums up the same steps into each point.
      if (now - checkpointed > 1000 * session.checkpointSeconds || step + 1 === steps || plateau) {
        await writeCurve();
        await saveCheckpoint(folder, { position, state: engine.readState() });
        checkpointed = performance.now();
      }
      if (plateau) break;
    }
  } finally {
    await batches.close();
  }
  const clips = (position.step - firstStep) * recipe.batchSize;
  const milliseconds = performance.now() - started;
  return {
    steps: position.step,
    clipsPerSecond: (1000 * clips) / milliseconds,
    // A training resumed at its end has no steps to share.
    stepShare: clips === 0 ? 1 : inSteps / milliseconds,
  };
}

/** Batch-norm statistics over many training batches with the final weights (SlowFast's precise BN). */
async function gatherStatistics(session: Session, firstStep: number): Promise<void> {
  const batchesWanted = session.request.recipe.preciseBatchNorm;
  if (batchesWanted === 0) return;
  const batches = batchesFrom(session, firstStep, batchesWanted);
  try {
    for (let done = 0; done < batchesWanted; done++) {
      session.signal?.throwIfAborted();
      const batch = await batches.next();
      session.engine.gatherStatistics(batch.clips, done);
      batches.release(batch);
      session.report({ phase: 'statistics', done: done + 1, of: batchesWanted });
    }
  } finally {
    await batches.close();
  }
}

const describe = (request: TrainingRequest, classes: number, crop: number): Network =>
  describeNetwork(request.base, request.factors, { classes, crop });

/**
 * Trains, evaluates and writes `result.json`, `weights.safetensors` and `curve.jsonl` into the request's folder. A folder that already has a result gives it back.
 *
 * Throws X3dError for data or a device that can't be used, and TrainingError where training itself fails.
 */
export async function train(request: TrainingRequest, options: TrainOptions = {}): Promise<TrainingResult> {
  const { folder } = request;
  const resultPath = join(folder, 'result.json');
  const finished = await readFile(resultPath, 'utf8').catch(() => undefined);
  if (finished !== undefined) return JSON.parse(finished) as TrainingResult;
  await mkdir(folder, { recursive: true });

  const started = performance.now();
  const report = options.onProgress ?? (() => {});
  const dataset = await openDataset(request.data, {
    cacheFolder: request.cacheFolder,
    onProgress: (done, of) => report({ phase: 'data', done, of }),
  });
  const classes = dataset.classes.length;
  const strategies: readonly Strategy[] =
    request.purpose === 'final' ? ['center', 'left-center-right'] : ['center'];
  const engine = await createEngine({
    network: describe(request, classes, request.factors.crop),
    evaluations: strategies.map((strategy) =>
      describe(request, classes, cropOf(strategy, request.factors.crop)),
    ),
    recipe: request.recipe,
    microBatch: request.microBatch,
    seed: request.seed,
    device: request.device,
  });
  try {
    const trainingVideos = dataset.videos.filter((video) => video.part === 'train').length;
    const session: Session = {
      request,
      dataset,
      engine,
      trainingVideos,
      report,
      signal: options.signal,
      checkpointSeconds: options.checkpointSeconds ?? CHECKPOINT_SECONDS,
    };
    const { steps, ...speed } = await runSteps(session);
    await gatherStatistics(session, steps);
    const validation = await evaluate(session, 'validation', 'center');
    const tested = request.purpose === 'final' && dataset.videos.some((video) => video.part === 'test');
    const result: TrainingResult = {
      classes: dataset.classes,
      validation,
      ...(tested
        ? {
            test: {
              center: await evaluate(session, 'test', 'center'),
              leftCenterRight: await evaluate(session, 'test', 'left-center-right'),
            },
          }
        : {}),
      steps,
      seconds: (performance.now() - started) / 1000,
      ...speed,
      peakBytes: 1024 * process.resourceUsage().maxRSS,
    };
    await writeWhole(join(folder, 'weights.safetensors'), engine.weights());
    await writeWhole(resultPath, `${JSON.stringify(result, undefined, 2)}\n`);
    await removeCheckpoints(folder);
    return result;
  } finally {
    engine.close();
  }
}
