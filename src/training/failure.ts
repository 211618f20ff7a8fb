import type { TrainingFailure } from './training.js';

/** Thrown by `train`: a training that has no result, with whether another try makes sense. */
export class TrainingError extends Error {
  override readonly name = 'TrainingError';
  constructor(
    readonly failure: TrainingFailure,
    options?: ErrorOptions,
  ) {
    super(failure.reason, options);
  }
}

/** The same seed would come to the same number, so nothing is gained by another try. */
export const notANumber = (what: string): TrainingError =>
  new TrainingError({
    kind: 'not-a-number',
    retry: 'never',
    reason: `${what} is not a number: the training diverged; lower recipe.learningRate or set recipe.clipNorm`,
  });
