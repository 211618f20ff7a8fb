import Type, { type Static } from 'typebox';
import type { BaseName } from '../network/index.js';
import { PIXEL_DEVIATION, PIXEL_MEAN } from './pixels.js';
import { stepsOf } from './schedule.js';

const MOST_CLIPS = 65_536;

/** How a network is trained. Every part is a field; the defaults belong to a base (facts of the paper, section 4). */
export const Recipe = Type.Object(
  {
    steps: Type.Integer({
      minimum: 1,
      maximum: 1e8,
      description:
        'Of the network found; candidates have a share of them. epochs says the same in other words.',
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
    pixelMean: Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'Taken from every value of a pixel, which goes from 0 to 1.',
    }),
    pixelDeviation: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      description:
        "What the rest is divided by. Default: mean and deviation of the training videos; of x2d, the paper's.",
    }),
  },
  { additionalProperties: false },
);
export type Recipe = Static<typeof Recipe>;

/** A recipe as users write it: some fields, and the length in epochs where that is known rather than steps. */
export const RecipeInput = Type.Object(
  {
    ...Type.Partial(Recipe).properties,
    epochs: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100_000,
        description: 'Passes over the training videos, one clip per video, in place of steps.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type RecipeInput = Static<typeof RecipeInput>;

/** What a base's recipe is before the set is known: its length and its pixels may follow from the videos. */
type Default = Omit<Recipe, 'steps' | 'pixelMean' | 'pixelDeviation'> &
  (
    | { readonly epochs: number; readonly pixelMean: number; readonly pixelDeviation: number }
    | { readonly epochs?: undefined }
  );

/** The paper's recipe, with SlowFast's own Nesterov, norm exception and precise statistics. */
const x2d = {
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
  pixelMean: PIXEL_MEAN,
  pixelDeviation: PIXEL_DEVIATION,
} as const satisfies Default;

const { epochs: _, pixelMean: __, pixelDeviation: ___, ...published } = x2d;

/** For small sets and CPUs: no dropout, a larger classifier, averaged weights; mixup, against learning clips by heart. */
const micro: Default = {
  ...published,
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

const DEFAULTS: Readonly<Record<BaseName, Default>> = { x2d, 'x2d-micro': micro };

/** A training set's size and look, as far as a recipe follows from them. */
export interface RecipeGround {
  /** Training videos. */
  readonly videos: number;
  readonly pixels: { readonly mean: number; readonly deviation: number };
}

/** Steps that 50 videos take; more videos take more, but far fewer per video. */
const STEPS_OF_FIFTY = 2400;

/** A set four times as large is trained twice as long: half the epochs. */
const defaultSteps = (videos: number) => Math.round(STEPS_OF_FIFTY * Math.sqrt(videos / 50));

/** The whole recipe of a base on a set, with what the user gave. */
export function settleRecipe(base: BaseName, ground: RecipeGround, given: RecipeInput = {}): Recipe {
  const { epochs: own, ...defaults } = DEFAULTS[base];
  const { epochs = own, ...fields } = given;
  const { pixels, videos } = ground;
  const batchSize = given.batchSize ?? defaults.batchSize;
  const steps = epochs === undefined ? defaultSteps(videos) : stepsOf(epochs, batchSize, videos);
  return { pixelMean: pixels.mean, pixelDeviation: pixels.deviation, steps, ...defaults, ...fields };
}

/** Where no set is at hand: fifty videos that look as the published networks' do. */
export const REFERENCE_GROUND: RecipeGround = {
  videos: 50,
  pixels: { mean: PIXEL_MEAN, deviation: PIXEL_DEVIATION },
};
/** The recipes as they are there. */
export const RECIPES: Readonly<Record<BaseName, Recipe>> = {
  x2d: settleRecipe('x2d', REFERENCE_GROUND),
  'x2d-micro': settleRecipe('x2d-micro', REFERENCE_GROUND),
};

/** The paper's schedule of a candidate: half the epochs, twice the batch (section 3.3). */
export function halfSchedule(recipe: Recipe): Recipe {
  return {
    ...recipe,
    steps: Math.max(1, Math.round(recipe.steps / 4)),
    batchSize: Math.min(2 * recipe.batchSize, MOST_CLIPS),
  };
}
