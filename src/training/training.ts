/** What goes into one training and what comes out: shared by the trainer, the workers and the search. */
import type { DataConfiguration } from '../data/configuration.js';
import type { BaseNetwork, Factors } from '../network/index.js';
import type { Recipe } from './recipe.js';

/** `cpu`, or a CUDA card by number, as `cuda:0`. */
export type Device = 'cpu' | `cuda:${number}`;

export interface TrainingRequest {
  /** A candidate is evaluated on the validation part; the final network also on the test part, both strategies. */
  readonly purpose: 'candidate' | 'final';
  readonly base: BaseNetwork;
  readonly factors: Factors;
  readonly data: DataConfiguration;
  /** As trained: the search's half schedule is already in it. */
  readonly recipe: Recipe;
  /** Clips taken at once, a divisor of the batch size; the gradients of a batch's parts are added up. */
  readonly microBatch: number;
  readonly seed: number;
  /** Where checkpoints, the curve, the weights and the result are written; a second start continues there. */
  readonly folder: string;
  /** Where decoded frames are cached on disk. */
  readonly cacheFolder: string;
  readonly device: Device;
  /** Threads of the engine; on a card, of the data. */
  readonly threads: number;
}

/** A card leaves its trainer's cores to the data; on a CPU the engine has them. */
export const dataThreads = ({ device, threads }: Pick<TrainingRequest, 'device' | 'threads'>): number =>
  device === 'cpu' ? 1 : threads;

export interface Evaluation {
  readonly videos: number;
  readonly viewsPerVideo: number;
  /** Shares from 0 to 1. */
  readonly top1: number;
  readonly top5: number;
  /** Mean negative log likelihood of the averaged softmax. */
  readonly loss: number;
  /** Rows are true classes, columns predictions, in the data set's order of classes. */
  readonly confusion: readonly (readonly number[])[];
}

export interface TrainingProgress {
  readonly phase: 'data' | 'training' | 'statistics' | 'evaluation';
  /** In the phase's own unit: videos, steps, batches, videos. */
  readonly done: number;
  readonly of: number;
  /** The rest in training only: means since the last report. */
  readonly loss?: number;
  readonly accuracy?: number;
  readonly learningRate?: number;
  readonly clipsPerSecond?: number;
  readonly secondsLeft?: number;
}

/** One point of a candidate's curve, a line of curve.jsonl. */
export interface CurvePoint {
  readonly step: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly learningRate: number;
}

export interface TrainingResult {
  readonly classes: readonly string[];
  readonly validation: Evaluation;
  /** Of the final network, where the data have a test part. */
  readonly test?: { readonly center: Evaluation; readonly leftCenterRight: Evaluation };
  readonly steps: number;
  /** Wall time of the run that ended it, without earlier interrupted ones. */
  readonly seconds: number;
  readonly clipsPerSecond: number;
  /** Share of the steps' wall time that was spent in steps, not waiting for clips. */
  readonly stepShare: number;
  readonly peakBytes: number;
}

/** Why a training has no result, and whether another try makes sense. */
export interface TrainingFailure {
  readonly kind: 'not-a-number' | 'out-of-memory' | 'unreadable-data' | 'killed' | 'time-limit' | 'internal';
  readonly retry: 'here' | 'elsewhere' | 'never';
  readonly reason: string;
}
