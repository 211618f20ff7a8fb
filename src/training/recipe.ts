import Type, { type Static } from 'typebox';
import type { BaseName } from '../network/index.js';

const MOST_CLIPS = 65_536;

/** How a network is trained. Every part is a field; the defaults belong to a base (facts of the paper, section 4). */
export const Recipe = Type.Object(
  {
    epochs: Type.Integer({
      minimum: 1,
      maximum: 100_000,
      description: 'Passes over the training videos, one clip a video.',
    }),
    batchSize: Type.Integer({ minimum: 1, maximum: MOST_CLIPS, description: 'Clips in a step.' }),
    learningRate: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1000,
      description: 'Peak, for a batch of 16; scaled linearly.',
    }),
    warmup: Type.Number({ minimum: 0, maximum: 1, description: 'Share of the steps of linear warm-up.' }),
    momentum: Type.Number({ minimum: 0, exclusiveMaximum: 1 }),
    nesterov: Type.Boolean(),
    weightDecay: Type.Number({ minimum: 0, maximum: 10 }),
    weightDecayOnNormAndBias: Type.Boolean(),
    dropout: Type.Number({ minimum: 0, exclusiveMaximum: 1, description: 'Before the classifier.' }),
    labelSmoothing: Type.Number({ minimum: 0, exclusiveMaximum: 1 }),
    mixup: Type.Number({
      minimum: 0,
      maximum: 100,
      description: 'Alpha of the Beta distribution; 0 is off.',
    }),
    repeatedAugmentation: Type.Integer({
      minimum: 1,
      maximum: 256,
      description: 'Clips of the same video in a batch.',
    }),
    colourJitter: Type.Number({ minimum: 0, maximum: 1, description: 'Brightness, contrast, saturation.' }),
    averageDecay: Type.Number({
      minimum: 0,
      exclusiveMaximum: 1,
      description: 'Exponential moving average of weights and statistics, used in evaluation; 0 is off.',
    }),
    clipNorm: Type.Number({
      minimum: 0,
      maximum: 1e9,
      description: 'Bound on the global gradient norm; 0 is off.',
    }),
    preciseBatchNorm: Type.Integer({
      minimum: 0,
      maximum: 100_000,
      description: 'Training batches that set the batch-norm statistics before evaluation; 0 is off.',
    }),
    earlyStop: Type.Integer({
      minimum: 0,
      maximum: 100_000,
      description: 'Epochs without a lower training loss (running mean) after which training ends; 0 is off.',
    }),
    classifierDeviation: Type.Union(
      [Type.Number({ exclusiveMinimum: 0, maximum: 100 }), Type.Literal('1/sqrt(inputs)')],
      {
        description: 'Standard deviation of the classifier at the start.',
      },
    ),
    views: Type.Integer({
      minimum: 1,
      maximum: 1000,
      description: 'Clips a video in evaluation, K of K-Center.',
    }),
    mixedPrecision: Type.Boolean({ description: 'Half precision inside the graph with loss scaling; GPUs.' }),
  },
  { additionalProperties: false },
);
export type Recipe = Static<typeof Recipe>;

/** The paper's recipe, with SlowFast's own Nesterov, norm exception and precise statistics. */
const x2d: Recipe = {
  epochs: 256,
  batchSize: 64,
  learningRate: 0.025,
  warmup: 35 / 300,
  momentum: 0.9,
  nesterov: true,
  weightDecay: 5e-5,
  weightDecayOnNormAndBias: false,
  dropout: 0.5,
  labelSmoothing: 0,
  mixup: 0,
  repeatedAugmentation: 1,
  colourJitter: 0,
  averageDecay: 0,
  clipNorm: 0,
  preciseBatchNorm: 200,
  earlyStop: 0,
  classifierDeviation: 0.01,
  views: 10,
  mixedPrecision: false,
};

/** For small sets and CPUs: no dropout, a larger classifier, averaged weights; mixup, against learning clips by heart. */
const micro: Recipe = {
  ...x2d,
  epochs: 768,
  batchSize: 16,
  learningRate: 0.1,
  warmup: 0.1,
  weightDecay: 5e-4,
  dropout: 0,
  mixup: 0.2,
  averageDecay: 0.98,
  preciseBatchNorm: 0,
  classifierDeviation: '1/sqrt(inputs)',
};

export const RECIPES: Readonly<Record<BaseName, Recipe>> = { x2d, 'x2d-micro': micro };

/** The search's schedule: half the epochs, twice the batch (the paper, section 3.3), as far as one may go. */
export function searchRecipe(recipe: Recipe): Recipe {
  return {
    ...recipe,
    epochs: Math.ceil(recipe.epochs / 2),
    batchSize: Math.min(2 * recipe.batchSize, MOST_CLIPS),
  };
}
