/** What travels through the queues and between a worker and its trainer. */
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { DataConfiguration } from '../data/configuration.js';
import { Recipe } from '../training/recipe.js';
import type {
  TrainingFailure,
  TrainingProgress,
  TrainingRequest,
  TrainingResult,
} from '../training/training.js';

const exact = { additionalProperties: false };
const Count = Type.Integer({ minimum: 0 });
const Share = Type.Number({ minimum: 0, maximum: 1 });

const Factors = Type.Object(
  {
    frames: Type.Integer({ minimum: 1 }),
    stride: Type.Integer({ minimum: 1 }),
    crop: Type.Integer({ minimum: 1 }),
    width: Type.Number({ exclusiveMinimum: 0 }),
    bottleneck: Type.Number({ exclusiveMinimum: 0 }),
    depth: Type.Number({ exclusiveMinimum: 0 }),
  },
  exact,
);

const BaseNetwork = Type.Object(
  {
    name: Type.String(),
    factors: Factors,
    stemWidth: Type.Integer({ minimum: 1 }),
    stages: Type.Array(Type.Object({ width: Type.Integer(), depth: Type.Integer() }, exact), { minItems: 1 }),
    headWidth: Type.Integer({ minimum: 1 }),
    classes: Type.Integer({ minimum: 2 }),
    widthDivisor: Type.Integer({ minimum: 1 }),
    innerDivisor: Type.Integer({ minimum: 1 }),
    shortcutNorm: Type.Union([Type.Literal('always'), Type.Literal('where widened')]),
    grid: Type.Object(
      { crop: Type.Number(), width: Type.Number(), bottleneck: Type.Number(), depth: Type.Number() },
      exact,
    ),
  },
  exact,
);

/** A training as a search asks for it: a worker adds where (folders, device, threads). */
export type Work = Omit<TrainingRequest, 'folder' | 'cacheFolder' | 'device' | 'threads'>;

export const Failure = Type.Object(
  {
    kind: Type.Enum(['not-a-number', 'out-of-memory', 'unreadable-data', 'killed', 'time-limit', 'internal']),
    retry: Type.Enum(['here', 'elsewhere', 'never']),
    reason: Type.String(),
  },
  exact,
);

const Attempt = Type.Object(
  {
    failure: Failure,
    /** Host and device: where another try makes no sense after a failure to be retried elsewhere. */
    place: Type.String(),
    at: Type.String(),
  },
  exact,
);
export type Attempt = Static<typeof Attempt>;

/** The data of a job on the queue of candidates. The job's id is the candidate's. */
export const CandidateJob = Type.Object(
  {
    work: Type.Object(
      {
        purpose: Type.Union([Type.Literal('candidate'), Type.Literal('final')]),
        base: BaseNetwork,
        factors: Factors,
        data: DataConfiguration,
        recipe: Recipe,
        seed: Type.Integer(),
      },
      exact,
    ),
    /** Of the data set that the search saw: a worker that sees another one must not train on it. */
    fingerprint: Type.String(),
    /** Tries that failed, oldest first. */
    failures: Type.Array(Attempt),
  },
  exact,
);
export type CandidateJob = Static<typeof CandidateJob>;
export const candidateJob = Compile(CandidateJob);

const Evaluation = Type.Object({
  videos: Count,
  viewsPerVideo: Count,
  top1: Share,
  top5: Share,
  loss: Type.Number(),
  confusion: Type.Array(Type.Array(Count)),
});

/** What a training came to, as read from a job or from result.json. */
export const trainingResult = Compile(
  Type.Object({
    classes: Type.Array(Type.String()),
    validation: Evaluation,
    test: Type.Optional(Type.Object({ center: Evaluation, leftCenterRight: Evaluation })),
    steps: Count,
    seconds: Type.Number(),
    clipsPerSecond: Type.Number(),
    peakBytes: Type.Number(),
  }),
);

/** The data of a job on the queue of coordination: look at this search and do what is next. */
export const AdvanceJob = Type.Object({ search: Type.String() }, exact);
export type AdvanceJob = Static<typeof AdvanceJob>;

/** A candidate job's progress: who trains it, since when, and how far it is. */
export interface JobProgress {
  readonly worker: string;
  /** ISO time. */
  readonly since: string;
  readonly progress?: TrainingProgress;
}

/** From a worker to its trainer: the only message. */
export interface TrainerOrder {
  readonly request: TrainingRequest;
  readonly fingerprint: string;
}

/** From a trainer to its worker. */
export type TrainerReport =
  | { readonly kind: 'progress'; readonly progress: TrainingProgress }
  | { readonly kind: 'result'; readonly result: TrainingResult }
  | { readonly kind: 'failure'; readonly failure: TrainingFailure };
