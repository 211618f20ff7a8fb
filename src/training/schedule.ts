/** How long a training is, and how its learning rate goes. */
import type { Recipe } from './recipe.js';

/** The batch that a recipe's learning rate is stated for; other sizes scale it linearly (the paper, section 4). */
const REFERENCE_BATCH = 16;

/** Steps of a training: epochs over `videos` training videos, one clip a video, in batches of `batchSize`. */
export const stepsOf = (epochs: number, batchSize: number, videos: number): number =>
  Math.max(1, Math.round((epochs * videos) / batchSize));

/**
 * The learning rate of a step (from 0): linear warm-up from nothing to the peak, then a half-period cosine to
 * nothing at the last step's end.
 */
export function learningRateAt(
  recipe: Pick<Recipe, 'learningRate' | 'batchSize' | 'warmup' | 'steps'>,
  step: number,
): number {
  const { steps } = recipe;
  const peak = (recipe.learningRate * recipe.batchSize) / REFERENCE_BATCH;
  const warmup = Math.round(recipe.warmup * steps);
  if (step < warmup) return (peak * (step + 1)) / warmup;
  return peak * 0.5 * (1 + Math.cos((Math.PI * (step - warmup)) / Math.max(1, steps - warmup)));
}
