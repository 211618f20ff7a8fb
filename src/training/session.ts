import type { Dataset } from '../data/index.js';
import type { Engine } from './engine/engine.js';
import type { TrainingProgress, TrainingRequest } from './training.js';

/** Everything that the phases of one training share. */
export interface Session {
  readonly request: TrainingRequest;
  readonly dataset: Dataset;
  readonly engine: Engine;
  readonly report: (progress: TrainingProgress) => void;
  readonly signal: AbortSignal | undefined;
  readonly checkpointSeconds: number;
}
