/**
 * One training from start to end: data, steps, checkpoints, statistics, evaluation, files. Started again in the same
 * folder it goes on from the last whole checkpoint and comes to the same weights, bit for bit, on the same machine
 * with the same number of threads.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { divided } from '../data/folds.js';
import { type Dataset, openDataset } from '../data/index.js';
import { writeJson, writeWhole } from '../files.js';
import { describeNetwork, type Network } from '../network/index.js';
import { readWritten } from '../sums.js';
import { RESULT, WEIGHTS } from './attempts.js';
import { removeCheckpoints } from './checkpoint.js';
import { concatenated, createEngine, type Engine, type EngineState, type Tuning } from './engine/engine.js';
import type { Weights } from './engine/weights.js';
import { cropOf, evaluate } from './evaluating.js';
import { type VideoPrediction, writePredictions } from './predictions.js';
import { inheritedBy } from './pretrained.js';
import type { Session } from './session.js';
import { gatherStatistics, runSteps, startOf } from './steps.js';
import {
  EVALUATIONS,
  type Evaluation,
  type EvaluationName,
  type TrainingProgress,
  type TrainingRequest,
  type TrainingResult,
  trainingResult,
} from './training.js';

export interface TrainOptions {
  /** The request's data, where they have been opened already. */
  readonly dataset?: Dataset;
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** Aborting ends the training with the signal's reason; what is checkpointed stays. */
  readonly signal?: AbortSignal;
  /** Between checkpoints; default 15. */
  readonly checkpointSeconds?: number;
}

const CHECKPOINT_SECONDS = 15;

const describe = (request: TrainingRequest, classes: number, crop: number): Network =>
  describeNetwork(request.base, request.factors, { classes, crop });

function engineFor(request: TrainingRequest, classes: number, tuning: Tuning | undefined): Promise<Engine> {
  const { factors, recipe, microBatch, seed, device, evaluations } = request;
  // The crop of training is always among them: validation videos are looked at on the way.
  const crops = new Set([
    factors.crop,
    ...evaluations.map((name) => cropOf(EVALUATIONS[name].strategy, factors.crop)),
  ]);
  return createEngine({
    network: describe(request, classes, factors.crop),
    evaluations: [...crops].map((crop) => describe(request, classes, crop)),
    recipe,
    microBatch,
    seed,
    device,
    tuning,
  });
}

/** The engine's state with the weights that the training starts from; statistics follow within some tens of steps. */
function startingState(engine: Engine, { parameters, statistics }: Weights): EngineState {
  const initial = engine.readState();
  const averaged = initial.average.length > 0;
  return {
    parameters,
    statistics,
    momentum: initial.momentum,
    average: averaged ? concatenated(parameters, statistics) : initial.average,
  };
}

/**
 * Trains, evaluates as asked where the set has the videos, and writes `result.json`, `weights.safetensors` and
 * `curve.jsonl` into the request's folder. A folder that already has a result gives it back.
 *
 * Throws X3dError for data or a device that can't be used, and TrainingError where training itself fails.
 */
export async function train(request: TrainingRequest, options: TrainOptions = {}): Promise<TrainingResult> {
  const { folder } = request;
  const resultPath = join(folder, RESULT);
  // One that is damaged is made again, from the last checkpoint on.
  const known = await readWritten(resultPath).catch(() => undefined);
  if (trainingResult.Check(known)) {
    // Whoever wrote it may have been killed before this.
    await removeCheckpoints(folder);
    return known;
  }
  await mkdir(folder, { recursive: true });

  const started = performance.now();
  const report = options.onProgress ?? (() => {});
  const whole =
    options.dataset ??
    (await openDataset(request.data, {
      cacheFolder: request.cacheFolder,
      onProgress: (done, of) => report({ phase: 'data', done, of }),
    }));
  const dataset = divided(whole, request.division);
  const start = await startOf({ request, dataset });
  let engine: Engine | undefined;
  try {
    const { ancestor, factors } = request;
    const { classes } = dataset;
    const network = describe(request, classes.length, factors.crop);
    const inherited = ancestor && (await inheritedBy(request, ancestor, { network, classes }));
    engine = await engineFor(request, classes.length, inherited?.tuning);
    const session: Session = {
      request,
      dataset,
      engine,
      report,
      signal: options.signal,
      checkpointSeconds: options.checkpointSeconds ?? CHECKPOINT_SECONDS,
    };
    if (inherited && !start.checkpoint) engine.writeState(startingState(engine, inherited.weights));
    const { steps, ...speed } = await runSteps(session, start);
    await start.batches.close();
    await gatherStatistics(session, steps);
    const evaluations: Partial<Record<EvaluationName, Evaluation>> = {};
    const predictions: VideoPrediction[] = [];
    for (const name of request.evaluations)
      if (dataset.parts[EVALUATIONS[name].part] > 0)
        evaluations[name] = await evaluate(session, name, (one) => predictions.push(one));
    const result: TrainingResult = {
      classes: [...dataset.classes],
      evaluations,
      steps,
      seconds: (performance.now() - started) / 1000,
      ...speed,
      peakBytes: 1024 * process.resourceUsage().maxRSS,
    };
    await writeWhole(join(folder, WEIGHTS), engine.weights());
    await writePredictions(folder, predictions);
    await writeJson(resultPath, result);
    await removeCheckpoints(folder);
    return result;
  } finally {
    await start.batches.close();
    engine?.close();
  }
}
