/**
 * What the engine computes, as pure functions of the state's vectors and the inputs: one training step, the
 * statistics of a batch, the prediction for a video's views. They run as they stand on tfjs's own backend, and once,
 * to be recorded, on TensorFlow.
 */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';
import type { Network } from '../../network/index.js';
import type { Recipe } from '../recipe.js';
import {
  classify,
  features,
  fixedStart,
  namedParameters,
  namedStatistics,
  type Parameters,
  splitParameters,
} from './model.js';
import type { Activations, Operations } from './operations/operations.js';
import type { Layout, VectorName } from './parameters.js';
import { tf } from './tensorflow.js';

/** `gradient`: the sum over a batch's parts, where it is taken in parts; nothing between steps. */
export type Vectors = Readonly<Record<VectorName | 'gradient', Tensor1D>>;

/** Numbers of one step, in the order of the `scalars` input. */
export const SCALARS = ['learningRate', 'averageDecay', 'mixupShare'] as const;
export type Scalars = Readonly<Record<(typeof SCALARS)[number], number>>;

/** How a training that starts from other weights treats them. */
export interface Tuning {
  /**
   * Parts from the stem on that stay as they are, norms and statistics included: they compute what they compute in
   * evaluation. At most all but the head.
   */
  readonly frozen: number;
  /** Of each parameter of the layout: its learning rate, as a share of the step's. */
  readonly rates: readonly number[];
}

export interface Model {
  readonly network: Network;
  readonly layout: Layout;
  readonly operations: Operations;
  readonly recipe: Recipe;
  /** Absent: all parameters are trained alike. */
  readonly tuning?: Tuning | undefined;
}

/** Whether a parameter or norm belongs to a part that stays as it is. */
const isFrozen = ({ tuning }: Pick<Model, 'tuning'>, name: string) =>
  tuning !== undefined && Number(/^blocks\.(\d+)\./.exec(name)?.[1]) < tuning.frozen;

/** Pixels from 0 to `white`; in two operations, so that each is rounded twice only. */
const normalised = ({ recipe }: Pick<Model, 'recipe'>, pixels: Tensor, white = 255) =>
  pixels.div(white * recipe.pixelDeviation).sub(recipe.pixelMean / recipe.pixelDeviation) as Activations;

/** [T, N, H, W, 3] in [0, 1]; factors [N, 3]: of brightness, contrast (about the clip's mean grey), saturation. */
function jittered(pixels: Activations, factors: Tensor2D): Activations {
  const clips = factors.shape[0];
  const [brightness, contrast, saturation] = tf
    .split(factors, 3, 1)
    .map((factor) => factor.reshape([1, clips, 1, 1, 1])) as [Tensor, Tensor, Tensor];
  const greyOf = (x: Tensor) => x.mul(tf.tensor1d([0.299, 0.587, 0.114])).sum(-1, true);
  const blend = (x: Tensor, with_: Tensor, factor: Tensor) => x.mul(factor).add(with_.mul(tf.sub(1, factor)));
  const bright = pixels.mul(brightness);
  const contrasted = blend(bright, greyOf(bright).mean([0, 2, 3, 4], true), contrast);
  return blend(contrasted, greyOf(contrasted), saturation).clipByValue(0, 1) as Activations;
}

export interface StepInputs {
  /** [T, N, H, W, 3], 0 to 255. */
  readonly clips: Activations;
  /** [N, classes], rows summing to 1. */
  readonly labels: Tensor2D;
  readonly scalars: Tensor1D;
  /** [N, 3], with colour jitter. */
  readonly colour?: Tensor2D;
  /** [N, hidden], with dropout: 0 or 1 / (1 - rate). */
  readonly keep?: Tensor2D;
}

export interface Gradient {
  readonly gradient: Tensor1D;
  /** Of the norms that are trained. */
  readonly moments: Tensor1D;
  readonly loss: Tensor;
  readonly correct: Tensor;
  readonly logits: Tensor2D;
}

function augmented(model: Model, inputs: StepInputs, scalars: readonly Tensor[]): Activations {
  const { recipe } = model;
  const x = inputs.colour
    ? normalised(model, jittered(inputs.clips.div(255) as Activations, inputs.colour), 1)
    : normalised(model, inputs.clips);
  if (recipe.mixup === 0) return x;
  const share = scalars[SCALARS.indexOf('mixupShare')] as Tensor;
  return x.mul(share).add(x.reverse(1).mul(tf.sub(1, share))) as Activations;
}

/**
 * In half precision small gradients would be nothing: the loss is scaled up and its gradient down again. A step whose
 * gradient overflows is left out; a fixed factor, unlike one that is adapted, is no state to keep.
 */
const LOSS_SCALE = 1024;

/** What the parts that are trained get: normalised clips, or what the frozen parts make of them. */
function entering(
  { network, layout, operations, tuning }: Model,
  parameters: Parameters,
  statistics: Tensor1D | undefined,
  clips: Activations,
): Activations {
  if (!tuning || tuning.frozen === 0 || !statistics) return clips;
  const named = { parameters, running: namedStatistics(layout, statistics) };
  return fixedStart(network, operations, named, clips, tuning.frozen);
}

/**
 * Gradient of the mean cross entropy, the batch norms' moments in the layout of the statistics, loss and hits. Of frozen
 * parameters the gradient is 0; where there are some, `statistics` has those of their norms.
 */
export function gradientOf(
  model: Model,
  parameters: Tensor1D,
  inputs: StepInputs,
  statistics?: Tensor1D,
): Gradient {
  const { network, layout, operations, recipe, tuning } = model;
  const scalars = tf.split(inputs.scalars, SCALARS.length);
  const kept: Tensor[] = [];
  // What a gradient's function makes would end with it.
  const keep = <T extends Tensor>(tensor: T): T => {
    kept.push(tf.keep(tensor));
    return tensor;
  };
  const parts = splitParameters(layout, parameters);
  const trained = layout.parameters.map(({ name }) => !isFrozen(model, name));
  const clips = entering(
    model,
    namedParameters(layout, parts),
    statistics,
    augmented(model, inputs, scalars),
  );
  const result: { moments?: Tensor1D; logits?: Tensor2D } = {};
  const { value, grads } = tf.valueAndGrads((...own: Tensor[]) => {
    const moving = own.values();
    const all = parts.map((part, i) => (trained[i] ? (moving.next().value as Tensor) : part));
    const named = { parameters: namedParameters(layout, all) };
    const { pooled, moments } = features(network, operations, named, clips, tuning?.frozen);
    const logits = keep(classify(network, named, pooled, inputs.keep));
    result.logits = logits;
    result.moments = keep(tf.concat(moments.map((pair) => pair.flatten()))) as Tensor1D;
    const loss = tf.logSoftmax(logits).mul(inputs.labels).sum().div(-inputs.labels.shape[0]).asScalar();
    return recipe.mixedPrecision ? loss.mul(LOSS_SCALE) : loss;
  })(parts.filter((_, i) => trained[i]));
  const { moments, logits } = result as Required<typeof result>;
  const moved = grads.values();
  const flat = tf.concat(
    parts.map(({ size }, i) => (trained[i] ? (moved.next().value as Tensor).flatten() : tf.zeros([size]))),
  ) as Tensor1D;
  const hits = logits.argMax(1).equal(inputs.labels.argMax(1)).cast('float32').sum();
  const out = {
    gradient: (recipe.mixedPrecision ? flat.div(LOSS_SCALE) : flat) as Tensor1D,
    moments: moments.clone(),
    loss: recipe.mixedPrecision ? value.div(LOSS_SCALE) : value,
    correct: hits,
    logits: logits.clone(),
  };
  tf.dispose(kept);
  return out;
}

/** The learning rate's share of every parameter, in runs of the same; nothing decays what is frozen. */
function rateVector(model: Model, { rates }: Tuning): Tensor1D {
  const runs: { rate: number; size: number }[] = [];
  model.layout.parameters.forEach(({ name, size }, i) => {
    const rate = isFrozen(model, name) ? 0 : (rates[i] as number);
    const last = runs.at(-1);
    if (last?.rate === rate) last.size += size;
    else runs.push({ rate, size });
  });
  return tf.concat(runs.map(({ rate, size }) => tf.tile(tf.tensor1d([rate]), [size])));
}

const allFinite = (gradient: Tensor1D) => tf.isFinite(gradient.abs().sum());

/** In half precision: 1 where the step was done, 0 where its gradient overflowed. */
const done = ({ recipe }: Model, gradient: Tensor1D) =>
  recipe.mixedPrecision ? { done: allFinite(gradient).cast('float32') } : {};

/**
 * SGD as PyTorch does it: weight decay added to the gradient, v = momentum v + g, then p -= rate (g + momentum v)
 * with Nesterov, p -= rate v without. Clipping comes before weight decay.
 */
export function updated(
  model: Model,
  { parameters, momentum }: Pick<Vectors, 'parameters' | 'momentum'>,
  gradient: Tensor1D,
  scalars: Tensor1D,
): Pick<Vectors, 'parameters' | 'momentum'> {
  const { layout, recipe, tuning } = model;
  const learningRate = scalars.slice(SCALARS.indexOf('learningRate'), 1).asScalar();
  const clipped =
    recipe.clipNorm > 0
      ? gradient.mul(tf.minimum(1, tf.div(recipe.clipNorm, gradient.square().sum().sqrt().add(1e-6))))
      : gradient;
  const decayed = recipe.weightDecayOnNormAndBias ? layout.parameterSize : layout.weightSize;
  const decay = parameters.slice(0, decayed).mul(recipe.weightDecay);
  const whole =
    recipe.weightDecay > 0 ? clipped.add(tf.pad(decay, [[0, layout.parameterSize - decayed]])) : clipped;
  const velocity = momentum.mul(recipe.momentum).add(whole) as Tensor1D;
  const direction = recipe.nesterov ? whole.add(velocity.mul(recipe.momentum)) : velocity;
  const step = direction.mul(learningRate);
  const moved = parameters.sub(tuning ? step.mul(rateVector(model, tuning)) : step) as Tensor1D;
  if (!recipe.mixedPrecision) return { parameters: moved, momentum: velocity };
  const finite = allFinite(gradient);
  return {
    parameters: tf.where(finite, moved, parameters) as Tensor1D,
    momentum: tf.where(finite, velocity, momentum) as Tensor1D,
  };
}

/** PyTorch's momentum of running statistics. */
const STATISTICS_MOMENTUM = 0.1;

/** The statistics' vector with PyTorch's unbiased variances: n / (n - 1) of the moments', n values a channel. */
function unbiased(layout: Layout, moments: Tensor1D, clips: number): Tensor1D {
  const factors = new Float32Array(layout.statisticsSize).fill(1);
  for (const { offset, channels, positions } of layout.statistics) {
    const n = positions * clips;
    factors.fill(n / Math.max(1, n - 1), offset + channels, offset + 2 * channels);
  }
  return moments.mul(tf.tensor1d(factors)) as Tensor1D;
}

const clipsOf = (inputs: Pick<StepInputs, 'clips'>) => inputs.clips.shape[1];

/** What `change` makes of the statistics and a batch's, where they are trained; those of frozen parts stay. */
function changedStatistics(
  model: Model,
  statistics: Tensor1D,
  moments: Tensor1D,
  clips: number,
  change: (statistics: Tensor1D, batch: Tensor1D) => Tensor,
): Tensor1D {
  const { statistics: norms, statisticsSize } = model.layout;
  const first = norms.find(({ name }) => !isFrozen(model, name))?.offset ?? statisticsSize;
  if (first === 0) return change(statistics, unbiased(model.layout, moments, clips)) as Tensor1D;
  const fixed = statistics.slice(0, first);
  const batch = unbiased(model.layout, tf.concat([fixed, moments]), clips);
  return tf.concat([fixed, change(statistics.slice(first), batch.slice(first))]) as Tensor1D;
}

/** Running statistics after a batch. */
export const runningStatistics = (
  model: Model,
  statistics: Tensor1D,
  moments: Tensor1D,
  clips: number,
): Tensor1D =>
  changedStatistics(model, statistics, moments, clips, (current, batch) =>
    current.mul(1 - STATISTICS_MOMENTUM).add(batch.mul(STATISTICS_MOMENTUM)),
  );

/** One step on one batch. */
export function trainingStep(model: Model, state: Vectors, inputs: StepInputs) {
  const { gradient, moments, loss, correct } = gradientOf(model, state.parameters, inputs, state.statistics);
  const statistics = runningStatistics(model, state.statistics, moments, clipsOf(inputs));
  return {
    state: { statistics, ...applied(model, { ...state, statistics }, gradient, inputs.scalars) },
    outputs: { loss, correct, ...done(model, gradient) },
  };
}

/** Adds the gradient of one of `parts` equal parts of a batch. Batch norms see the part alone. */
export function accumulated(model: Model, state: Vectors, inputs: StepInputs, parts: number) {
  const { gradient, moments, loss, correct } = gradientOf(model, state.parameters, inputs, state.statistics);
  return {
    state: {
      gradient: state.gradient.add(gradient.div(parts)) as Tensor1D,
      statistics: runningStatistics(model, state.statistics, moments, clipsOf(inputs)),
    },
    outputs: { loss, correct },
  };
}

/** Ends a step whose gradient was accumulated. */
export function appliedGradient(model: Model, state: Vectors, { scalars }: Pick<StepInputs, 'scalars'>) {
  return {
    state: { ...applied(model, state, state.gradient, scalars), gradient: tf.zerosLike(state.gradient) },
    outputs: { end: scalars.max(), ...done(model, state.gradient) },
  };
}

/** Parameters and momentum after a gradient, and the average that follows them where the recipe wants it. */
function applied(model: Model, state: Vectors, gradient: Tensor1D, scalars: Tensor1D) {
  const next = updated(model, state, gradient, scalars);
  if (model.recipe.averageDecay === 0) return next;
  const current = tf.concat([next.parameters, state.statistics]);
  const decay = scalars.slice(SCALARS.indexOf('averageDecay'), 1).asScalar();
  return { ...next, average: state.average.mul(decay).add(current.mul(tf.sub(1, decay))) as Tensor1D };
}

/** Parameters and statistics that evaluation uses: the running average where the recipe has one. */
function evaluated({ layout, recipe }: Model, { parameters, statistics, average }: Vectors) {
  if (recipe.averageDecay === 0) return { parameters, statistics };
  const [p, s] = tf.split(average, [layout.parameterSize, layout.statisticsSize]) as [Tensor1D, Tensor1D];
  return { parameters: p, statistics: s };
}

/** Batch `index` (from 0) of those that set the statistics anew, as their mean, with the weights of evaluation. */
export function gatheredStatistics(
  model: Model,
  state: Vectors,
  { clips, index }: { clips: Activations; index: Tensor1D },
) {
  const { layout, network, operations, recipe, tuning } = model;
  const current = evaluated(model, state);
  const parameters = namedParameters(layout, splitParameters(layout, current.parameters));
  const entered = entering(model, parameters, current.statistics, normalised(model, clips));
  const { moments } = features(network, operations, { parameters }, entered, tuning?.frozen);
  const seen = index.asScalar();
  const statistics = changedStatistics(
    model,
    current.statistics,
    tf.concat(moments.map((pair) => pair.flatten())) as Tensor1D,
    clips.shape[1],
    (mean, batch) => mean.mul(seen).add(batch).div(seen.add(1)),
  );
  return {
    state:
      recipe.averageDecay === 0
        ? { statistics }
        : { average: tf.concat([current.parameters, statistics]) as Tensor1D },
    outputs: { seen },
  };
}

/** Probabilities [V, classes] of views [T, V, H, W, 3]: softmax, averaged over a view's windows. */
export function predictions(
  model: Model,
  evaluation: Network,
  state: Vectors,
  { clips }: { clips: Activations },
): Tensor2D {
  const { layout, operations } = model;
  const { parameters, statistics } = evaluated(model, state);
  const named = {
    parameters: namedParameters(layout, splitParameters(layout, parameters)),
    running: namedStatistics(layout, statistics),
  };
  const { pooled } = features(evaluation, operations, named, normalised(model, clips));
  const scores = tf.softmax(classify(evaluation, named, pooled)) as Tensor2D;
  const windows = pooled.shape[0] / clips.shape[1];
  if (windows === 1) return scores;
  return scores.reshape([clips.shape[1], windows, evaluation.classes]).mean(1) as Tensor2D;
}
