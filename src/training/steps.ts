/** The steps of a training: batches in, checkpoints and a curve out. */
import { type BatchSource, trainingBatches } from '../data/index.js';
import { shortSides } from '../network/index.js';
import { colourFactors, mixupShare, softLabels } from './augmentation.js';
import { type Checkpoint, loadCheckpoint, type Position, type Sums, saveCheckpoint } from './checkpoint.js';
import { readCurve, writeCurve } from './curve.js';
import { notANumber } from './failure.js';
import { glimpsesOf, LOOKS } from './glimpses.js';
import type { Recipe } from './recipe.js';
import { learningRateAt } from './schedule.js';
import type { Session } from './session.js';
import { type CurvePoint, dataThreads, type TrainingResult } from './training.js';

/** Points of a curve, at most: one a step in short trainings, few enough to keep and to draw in long ones. */
const CURVE_POINTS = 2000;
/** Reports come no more often than this, milliseconds. */
const REPORT_MS = 400;
/** Decay of the running mean of the loss that early stopping watches, per step. */
const LOSS_DECAY = 0.98;

/** Steps of half precision left out one after the other, after which nothing more is to be expected of a training. */
const MOST_SKIPPED = 100;

/** What batches need of a session; the engine is built while the first are made. */
type Source = Pick<Session, 'request' | 'dataset'>;

function batchesFrom({ request, dataset }: Source, firstStep: number, steps: number) {
  const { factors, recipe, seed, cacheFolder } = request;
  return trainingBatches(dataset, {
    frames: factors.frames,
    stride: factors.stride,
    rate: dataset.rate,
    crop: factors.crop,
    shortSides: shortSides(factors.crop),
    flip: dataset.flip,
    batchSize: recipe.batchSize,
    repeats: recipe.repeatedAugmentation,
    seed,
    firstStep,
    steps,
    cacheFolder,
    threads: dataThreads(request),
  });
}

/** Of a training's steps: the last part that its training loss is the mean of. */
const LAST_SHARE = 0.1;

const NOTHING: Sums = { steps: 0, clips: 0, loss: 0, correct: 0 };
const START: Position = { step: 0, sums: NOTHING, meanLoss: undefined, lowestLoss: undefined, lowestAt: 0 };

function afterStep(
  { step, sums, ...before }: Position,
  clips: number,
  loss: number,
  correct: number,
): Position {
  const meanLoss =
    before.meanLoss === undefined ? loss : LOSS_DECAY * before.meanLoss + (1 - LOSS_DECAY) * loss;
  const lower = before.lowestLoss === undefined || meanLoss < before.lowestLoss;
  return {
    step: step + 1,
    sums: {
      steps: sums.steps + 1,
      clips: sums.clips + clips,
      loss: sums.loss + loss,
      correct: sums.correct + correct,
    },
    meanLoss,
    lowestLoss: lower ? meanLoss : before.lowestLoss,
    lowestAt: lower ? step : before.lowestAt,
  };
}

/** Whether the running mean of the loss has not fallen for as many epochs as the recipe waits for it. */
const onPlateau = ({ earlyStop, batchSize }: Recipe, videos: number, { step, lowestAt }: Position): boolean =>
  earlyStop > 0 && (step - 1 - lowestAt) * batchSize >= earlyStop * videos;

/** Where a training starts: at its beginning, or where the last whole checkpoint left it. */
export interface Start {
  readonly steps: number;
  readonly checkpoint: Checkpoint | undefined;
  /** From the checkpoint's step to the last. */
  readonly batches: BatchSource;
}

/** Finds the start; the first batches are made from now on. */
export async function startOf({ request, dataset }: Source): Promise<Start> {
  const { steps } = request.recipe;
  const checkpoint = await loadCheckpoint(request.folder);
  const first = checkpoint?.position.step ?? 0;
  return { steps, checkpoint, batches: batchesFrom({ request, dataset }, first, steps - first) };
}

/** The mean loss of the points that lie in a training's last tenth. */
function lastLoss(curve: readonly CurvePoint[], steps: number): number {
  const last = curve.filter(({ step }) => step > (1 - LAST_SHARE) * steps);
  return last.reduce((sum, { loss }) => sum + loss, 0) / Math.max(1, last.length);
}

/** Says how a training goes, as often as people look. */
function reporter({ request, report }: Session, firstStep: number) {
  const { batchSize, steps } = request.recipe;
  const started = performance.now();
  let last = { step: firstStep, at: started };
  return ({ step, sums }: Position, learningRate: number, isLast: boolean) => {
    const now = performance.now();
    if (!isLast && now - last.at < REPORT_MS) return;
    report({
      phase: 'training',
      done: step,
      of: steps,
      loss: sums.loss / sums.steps,
      accuracy: sums.correct / sums.clips,
      learningRate,
      clipsPerSecond: (1000 * batchSize * (step - last.step)) / (now - last.at),
      secondsLeft: ((now - started) / 1000 / (step - firstStep)) * (steps - step),
    });
    last = { step, at: now };
  };
}

/** Runs the steps from the start to the schedule's end; the step it ended at, and how fast it went. */
export async function runSteps(
  session: Session,
  { steps, checkpoint, batches }: Start,
): Promise<Pick<TrainingResult, 'steps' | 'clipsPerSecond' | 'stepShare' | 'trainingLoss' | 'lowestLoss'>> {
  const { request, dataset, engine, signal } = session;
  const { recipe, seed, folder } = request;
  const interval = Math.max(1, Math.ceil(steps / CURVE_POINTS));
  const isLast = (position: Position) =>
    position.step >= steps || onPlateau(recipe, dataset.parts.train, position);
  const isLook = ({ step }: Position) =>
    Math.floor((step * LOOKS) / steps) > Math.floor(((step - 1) * LOOKS) / steps);

  let position = checkpoint?.position ?? START;
  if (checkpoint) engine.writeState(checkpoint.state);
  const curve = [...(checkpoint?.curve ?? (await readCurve(folder)))].filter(
    ({ step }) => step <= position.step,
  );
  const look = await glimpsesOf(session);

  const firstStep = position.step;
  const started = performance.now();
  const report = reporter(session, firstStep);
  let checkpointed = started;
  let inSteps = 0;
  let skippedInARow = 0;
  while (!isLast(position)) {
    signal?.throwIfAborted();
    const { step } = position;
    const batch = await batches.next();
    const learningRate = learningRateAt(recipe, step);
    const share = mixupShare(recipe, seed, step);
    const stepStarted = performance.now();
    const { loss, correct, skipped } = engine.step({
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
    skippedInARow = skipped ? skippedInARow + 1 : 0;
    if (skippedInARow === MOST_SKIPPED)
      throw notANumber(`the gradient of ${MOST_SKIPPED} steps in a row, in half precision`);

    position = afterStep(position, batch.labels.length, loss, correct);
    const last = isLast(position);
    const looks = look !== undefined && (last || isLook(position));
    report(position, learningRate, last);
    // By steps, so that a resumed training has the same points.
    if (last || looks || position.step % interval === 0) {
      const { sums } = position;
      curve.push({
        step: position.step,
        loss: sums.loss / sums.steps,
        accuracy: sums.correct / sums.clips,
        learningRate,
        ...(looks ? { validation: look(engine) } : {}),
      });
      position = { ...position, sums: NOTHING };
    }
    // By time, so that little is lost however long a step takes.
    if (last || performance.now() - checkpointed > 1000 * session.checkpointSeconds) {
      await writeCurve(folder, curve);
      await saveCheckpoint(folder, { position, curve, state: engine.readState() });
      checkpointed = performance.now();
    }
  }
  const clips = (position.step - firstStep) * recipe.batchSize;
  const milliseconds = performance.now() - started;
  return {
    steps: position.step,
    trainingLoss: lastLoss(curve, position.step),
    lowestLoss: position.lowestLoss ?? Number.MAX_VALUE,
    clipsPerSecond: (1000 * clips) / milliseconds,
    // A training resumed at its end has no steps to share.
    stepShare: clips === 0 ? 1 : inSteps / milliseconds,
  };
}

/** Batch-norm statistics over many training batches with the final weights (SlowFast's precise BN). */
export async function gatherStatistics(session: Session, firstStep: number): Promise<void> {
  const { preciseBatchNorm, batchSize } = session.request.recipe;
  // As SlowFast has it, no more than an epoch.
  const batchesWanted = Math.min(preciseBatchNorm, Math.ceil(session.dataset.parts.train / batchSize));
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
