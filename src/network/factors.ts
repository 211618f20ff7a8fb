/**
 * The six expansion factors of X3D (arXiv 2004.04730, section 3.2) as the values a network is built from.
 * The axes are moves between such values; how far one step moves is the search's business.
 */

/** X-Fast, X-Temporal, X-Spatial, X-Depth, X-Width, X-Bottleneck. */
export const AXES = ['tau', 't', 's', 'd', 'w', 'b'] as const;
export type Axis = (typeof AXES)[number];

export interface Factors {
  /** Frames of one clip, T. */
  readonly frames: number;
  /** Source frames from one sampled frame to the next (whole). */
  readonly stride: number;
  /** Side of the square training crop, pixels. */
  readonly crop: number;
  /** gamma_w: multiplies every layer's channels. */
  readonly width: number;
  /** gamma_b: inner channels of a block over its outer channels. */
  readonly bottleneck: number;
  /** gamma_d: multiplies each stage's number of blocks. */
  readonly depth: number;
}

/** Whether factors build the same network on the same clip. */
export const sameNetwork = (a: Factors, b: Factors): boolean =>
  (Object.keys(a) as (keyof Factors)[]).every((factor) => a[factor] === b[factor]);

/** Source frames that a clip covers, from its first sampled frame to its last, both included. */
export function clipSpan(factors: Pick<Factors, 'frames' | 'stride'>): number {
  return (factors.frames - 1) * factors.stride + 1;
}

/** The crop at test time: 128/112 of the training crop, in whole pixels (112 -> 128, 160 -> 182). */
export function testCrop(trainCrop: number): number {
  return Math.floor((trainCrop * 8) / 7);
}

/** The short side's range in training: 128/112 to 160/112 of the crop, in whole pixels. */
export function shortSides(trainCrop: number): { readonly min: number; readonly max: number } {
  return { min: Math.floor((trainCrop * 8) / 7), max: Math.floor((trainCrop * 10) / 7) };
}
