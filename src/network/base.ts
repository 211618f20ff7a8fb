import type { Factors } from './factors.js';

/** What a search starts from, described by data: any base with these fields can be expanded. */
export interface BaseNetwork {
  readonly name: string;
  /** The factors of the unexpanded network. */
  readonly factors: Factors;
  readonly stemWidth: number;
  readonly stages: readonly { readonly width: number; readonly depth: number }[];
  /** Width of the linear layer before the classifier. */
  readonly headWidth: number;
  readonly classes: number;
  /** Channels are multiples of this after the width factor: 8 in PyTorchVideo, 1 in SlowFast. */
  readonly widthDivisor: number;
  /** Inner channels of a block are multiples of this (1: the plain product, cut to a whole number). */
  readonly innerDivisor: number;
  /**
   * Where a shortcut's convolution has a batch norm: always (SlowFast, and the published counts), or only where it
   * widens (PyTorchVideo: not in res2, which keeps its 24 channels).
   */
  readonly shortcutNorm: 'always' | 'where widened';
  /** The smallest step of each axis that is searched on a grid. */
  readonly grid: {
    readonly crop: number;
    readonly width: number;
    readonly bottleneck: number;
    readonly depth: number;
  };
}

const x2d: BaseNetwork = {
  name: 'x2d',
  factors: { frames: 1, stride: 32, crop: 112, width: 1, bottleneck: 1, depth: 1 },
  stemWidth: 24,
  stages: [
    { width: 24, depth: 1 },
    { width: 48, depth: 2 },
    { width: 96, depth: 5 },
    { width: 192, depth: 3 },
  ],
  headWidth: 2048,
  classes: 400,
  widthDivisor: 8,
  innerDivisor: 1,
  shortcutNorm: 'always',
  grid: { crop: 8, width: 0.05, bottleneck: 0.25, depth: 0.1 },
};

/** An X2D for CPUs and small sets of videos. Inner widths in eights: the channelwise conv is fastest there. */
const x2dMicro: BaseNetwork = {
  name: 'x2d-micro',
  factors: { frames: 1, stride: 16, crop: 48, width: 1, bottleneck: 2.25, depth: 1 },
  stemWidth: 8,
  stages: [
    { width: 8, depth: 1 },
    { width: 16, depth: 1 },
    { width: 32, depth: 2 },
    { width: 64, depth: 1 },
  ],
  headWidth: 128,
  classes: 10,
  widthDivisor: 4,
  innerDivisor: 8,
  shortcutNorm: 'where widened',
  grid: { crop: 8, width: 0.05, bottleneck: 0.25, depth: 0.1 },
};

export const BASES = { x2d, 'x2d-micro': x2dMicro } as const satisfies Record<string, BaseNetwork>;
export type BaseName = keyof typeof BASES;

/** The published networks (facts of the paper's table 3), as factors over X2D. */
export const MODELS = {
  X2D: x2d.factors,
  XS: { frames: 4, stride: 12, crop: 160, width: 1, bottleneck: 2.25, depth: 2.2 },
  S: { frames: 13, stride: 6, crop: 160, width: 1, bottleneck: 2.25, depth: 2.2 },
  M: { frames: 16, stride: 5, crop: 224, width: 1, bottleneck: 2.25, depth: 2.2 },
  L: { frames: 16, stride: 5, crop: 312, width: 1, bottleneck: 2.25, depth: 5 },
  XL: { frames: 16, stride: 5, crop: 312, width: 1.45, bottleneck: 2.25, depth: 5 },
} as const satisfies Record<string, Factors>;
export type ModelName = keyof typeof MODELS;
