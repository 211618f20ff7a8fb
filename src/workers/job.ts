/** What travels through the queues and between a worker and its trainer. */
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import {
  SeenVideos,
  TrainingFailure,
  type TrainingProgress,
  type TrainingRequest,
  type TrainingResult,
  Work,
} from '../training/training.js';

const exact = { additionalProperties: false };

export const Attempt = Type.Object(
  {
    failure: TrainingFailure,
    /** Host and device: where another try makes no sense after a failure to be retried elsewhere. */
    place: Type.String(),
    /** When the last of them failed. */
    at: Type.String(),
    times: Type.Integer({ minimum: 1, description: 'Tries in a row that failed so.' }),
    /** When it is tried again, of the last one. */
    until: Type.String(),
  },
  exact,
);
export type Attempt = Static<typeof Attempt>;

/** Of the form of a job. Raised with any change to it or to the work in it; a worker gives back jobs of other versions. */
export const JOB_VERSION = 3;

/** The data of a job on the queue of candidates. The job's id is the training's. */
export const CandidateJob = Type.Object(
  {
    version: Type.Literal(JOB_VERSION),
    work: Work,
    /** The videos that the search saw: a worker that sees others must not train on them. */
    videos: SeenVideos,
    /** Tries that failed, oldest first. */
    failures: Type.Array(Attempt),
  },
  exact,
);
export type CandidateJob = Static<typeof CandidateJob>;
export const candidateJob = Compile(CandidateJob);

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
  readonly videos: SeenVideos;
}

/** From a trainer to its worker. */
export type TrainerReport =
  | { readonly kind: 'progress'; readonly progress: TrainingProgress }
  | { readonly kind: 'result'; readonly result: TrainingResult }
  | { readonly kind: 'failure'; readonly failure: TrainingFailure };
