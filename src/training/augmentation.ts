/** The parts of augmentation that act on a whole batch inside the graph: their numbers for one step. */
import { type Random, randomOf } from '../random.js';
import type { Recipe } from './recipe.js';

/** Beta(alpha, alpha) by Jöhnk's method: two powers of uniforms, accepted where their sum is at most 1. */
function symmetricBeta(alpha: number, random: Random): number {
  for (;;) {
    const x = random.uniform() ** (1 / alpha);
    const y = random.uniform() ** (1 / alpha);
    if (x + y > 0 && x + y <= 1) return x / (x + y);
  }
}

/** The share of a clip that stays when it is mixed with its partner (mixup, arXiv 1710.09412): one a batch. */
export function mixupShare(recipe: Pick<Recipe, 'mixup'>, seed: number, step: number): number {
  return recipe.mixup === 0 ? 1 : symmetricBeta(recipe.mixup, randomOf('mixup', seed, step));
}

/**
 * Targets [clips x classes]: smoothed, and mixed in reverse order within each part of the batch that the engine takes
 * at once, as the clips are.
 */
export function softLabels(
  labels: Int32Array,
  classes: number,
  recipe: Pick<Recipe, 'labelSmoothing'>,
  share: number,
  part: number = labels.length,
): Float32Array {
  const clips = labels.length;
  const targets = new Float32Array(clips * classes).fill(recipe.labelSmoothing / classes);
  const add = (clip: number, label: number, weight: number) => {
    const at = clip * classes + label;
    targets[at] = (targets[at] ?? 0) + weight * (1 - recipe.labelSmoothing);
  };
  labels.forEach((label, clip) => {
    add(clip, label, share);
    const first = clip - (clip % part);
    add(first + part - 1 - (clip % part), label, 1 - share);
  });
  return targets;
}

/** Factors of brightness, contrast and saturation for each clip, [clips x 3], uniform in 1 ± colourJitter. */
export function colourFactors(
  recipe: Pick<Recipe, 'colourJitter'>,
  seed: number,
  step: number,
  clips: number,
): Float32Array {
  const random = randomOf('colour', seed, step);
  return Float32Array.from({ length: 3 * clips }, () => 1 + recipe.colourJitter * (2 * random.uniform() - 1));
}
