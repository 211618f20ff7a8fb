/** What goes into one training and what comes out: shared by the trainer, the workers and the search. */
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { DataConfiguration } from '../data/configuration.js';
import { Division } from '../data/folds.js';
import { BaseNetworkSchema, FactorsSchema } from '../network/schema.js';
import { metricsSchema } from './metrics.js';
import { Recipe } from './recipe.js';

const exact = { additionalProperties: false };
const Count = Type.Integer({ minimum: 0 });
const Share = Type.Number({ minimum: 0, maximum: 1 });

/** `cpu`, or a CUDA card by number, as `cuda:0`. */
export type Device = 'cpu' | `cuda:${number}`;

/** K-Center and K-LeftCenterRight (the paper, section 4): clips spaced evenly in time, one or three windows each. */
export type Strategy = 'center' | 'left-center-right';

/** What a trained network can be tested on, by name. */
export const EVALUATIONS = {
  validation: { part: 'validation', strategy: 'center' },
  'validation-left-center-right': { part: 'validation', strategy: 'left-center-right' },
  test: { part: 'test', strategy: 'center' },
  'test-left-center-right': { part: 'test', strategy: 'left-center-right' },
} as const satisfies Record<string, { readonly part: 'validation' | 'test'; readonly strategy: Strategy }>;
export type EvaluationName = keyof typeof EVALUATIONS;
export const EVALUATION_NAMES = Object.keys(EVALUATIONS) as EvaluationName[];

/** The weights that a training starts from, and how it treats what it has of them. */
export const Ancestor = Type.Object(
  {
    weights: Type.String({
      pattern: '^w[0-9a-f]{24}$',
      description: 'Those kept in the home under this hash of their content.',
    }),
    rate: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      description: 'Learning rate of what was inherited, as a share of the rate of the rest.',
    }),
    frozen: Type.Integer({
      minimum: 0,
      maximum: 100,
      description: 'Parts that stay as they are, from the stem on: 1 is the stem, 2 the first stage too.',
    }),
  },
  exact,
);
export type Ancestor = Static<typeof Ancestor>;

/** All that decides what a training comes to, and nothing else but where the videos lie. */
export const Work = Type.Object(
  {
    base: BaseNetworkSchema,
    factors: FactorsSchema,
    data: DataConfiguration,
    division: Division,
    recipe: Recipe,
    microBatch: Type.Integer({
      minimum: 1,
      description: 'Clips taken at once, a divisor of the batch size; gradients of the parts are added up.',
    }),
    seed: Count,
    evaluations: Type.Array(Type.Enum(EVALUATION_NAMES)),
    /** Absent: from random weights. */
    ancestor: Type.Optional(Ancestor),
    trainer: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1000,
        description: "The command that trains, where it is the user's own. Absent: this program trains.",
      }),
    ),
  },
  exact,
);
export type Work = Static<typeof Work>;

/** What tells the videos that a search saw from others, and from the same with some of them away. */
export const SeenVideos = Type.Object({ fingerprint: Type.String(), usable: Count, skipped: Count }, exact);
export type SeenVideos = Static<typeof SeenVideos>;

/** Work, and where it is done. */
export interface TrainingRequest extends Work {
  /** Where checkpoints, the curve, the weights and the result are written; a second start continues there. */
  readonly folder: string;
  /** Where decoded frames are cached on disk. */
  readonly cacheFolder: string;
  /** Where the weights lie that ancestors name. */
  readonly pretrainedFolder: string;
  readonly device: Device;
  /** Threads of the engine; on a card, of the data. */
  readonly threads: number;
}

/** A card leaves its trainer's cores to the data; on a CPU the engine has them. */
export const dataThreads = ({ device, threads }: Pick<TrainingRequest, 'device' | 'threads'>): number =>
  device === 'cpu' ? 1 : threads;

export const TrainingProgress = Type.Object({
  phase: Type.Enum(['data', 'training', 'statistics', 'evaluation']),
  done: Type.Integer({ description: "In the phase's own unit: videos, steps, batches, videos." }),
  of: Type.Integer(),
  /** The rest in training only: means since the last report. */
  loss: Type.Optional(Type.Number()),
  accuracy: Type.Optional(Type.Number()),
  learningRate: Type.Optional(Type.Number()),
  clipsPerSecond: Type.Optional(Type.Number()),
  secondsLeft: Type.Optional(Type.Number()),
});
export type TrainingProgress = Static<typeof TrainingProgress>;

/** One point of a training's curve, a line of curve.jsonl: means over the steps since the last point. */
export const CurvePoint = Type.Object({
  step: Type.Integer(),
  loss: Type.Number({ description: 'On the training clips, mixed as they are.' }),
  accuracy: Type.Number(),
  learningRate: Type.Number(),
  validation: Type.Optional(
    Type.Object(
      { accuracy: Share, loss: Type.Number() },
      { description: 'On the validation videos, one clip each; some ten times in a training.' },
    ),
  ),
});
export type CurvePoint = Static<typeof CurvePoint>;

/** An evaluation without its confusion matrix, as a search keeps it. */
export const Score = Type.Object(
  {
    videos: Count,
    viewsPerVideo: Count,
    metrics: metricsSchema(Type.Number()),
    /** Standard error of each metric's mean over the videos. */
    errors: metricsSchema(Type.Number()),
  },
  { ...exact, title: 'Score' },
);
export type Score = Static<typeof Score>;

const Evaluation = Type.Object({
  ...Score.properties,
  confusion: Type.Array(Type.Array(Count), {
    description: "Rows are true classes, columns predictions, in the data set's order of classes.",
  }),
});
export type Evaluation = Static<typeof Evaluation>;

const facts = {
  steps: Count,
  seconds: Type.Number({
    description: 'Wall time of the run that ended it, without earlier interrupted ones.',
  }),
  clipsPerSecond: Type.Number(),
  peakBytes: Type.Number(),
  trainingLoss: Type.Number({
    description: 'Mean over the last tenth of the steps, on the training clips, mixed as they are.',
  }),
  lowestLoss: Type.Number({ description: 'The lowest running mean of the training loss.' }),
};

/** By the names that were asked for. */
const byName = <Schema extends Type.TSchema>(schema: Schema) =>
  Type.Object(
    Object.fromEntries(EVALUATION_NAMES.map((name) => [name, Type.Optional(schema)])) as Record<
      EvaluationName,
      Type.TOptional<Schema>
    >,
    exact,
  );

export const TrainingResult = Type.Object({
  classes: Type.Array(Type.String()),
  evaluations: byName(Evaluation),
  ...facts,
  stepShare: Type.Number({
    description: "Share of the steps' wall time that was spent in steps, not waiting for clips.",
  }),
});
export type TrainingResult = Static<typeof TrainingResult>;
export const trainingResult = Compile(TrainingResult);

/** What a training came to, as a search keeps it. */
export const Outcome = Type.Object({ evaluations: byName(Score), ...facts }, exact);
export type Outcome = Static<typeof Outcome>;

const scoreOf = ({ confusion: _, ...score }: Evaluation): Score => score;

export const outcomeOf = (result: TrainingResult): Outcome => {
  const { classes: _, stepShare: __, evaluations, ...rest } = result;
  return {
    ...rest,
    evaluations: Object.fromEntries(
      Object.entries(evaluations).map(([name, evaluation]) => [name, scoreOf(evaluation)]),
    ),
  };
};

/**
 * Why a try of a training has no result. `retry: later` is a fault of the world, which says nothing about the training:
 * it is tried again until that has passed. The others are the training's own, and count after a few tries.
 */
export const TrainingFailure = Type.Object(
  {
    kind: Type.Enum([
      'not-a-number',
      'out-of-memory',
      /** Not the videos that the search was made on. */
      'unreadable-data',
      /** Videos that are away for now. */
      'unreachable-data',
      /** A home that is full, read-only or away. */
      'disk',
      'killed',
      'time-limit',
      'internal',
    ]),
    retry: Type.Enum(['here', 'elsewhere', 'later', 'never']),
    reason: Type.String(),
  },
  exact,
);
export type TrainingFailure = Static<typeof TrainingFailure>;
