/**
 * What the public builders of X3D make of its factors, from their code: PyTorchVideo's create_x3d (models/x3d.py) and
 * SlowFast's class X3D (models/video_model_builder.py). Their widths and depths are written into them, so that they can
 * build X2D's expansions, but no other base's; they round widths to other multiples; their depths are rounded up
 * without regard to the last bit of the product.
 */
import { isDeepStrictEqual } from 'node:util';
import { type BaseNetwork, type Factors, type Network, roundWidth } from '../network/index.js';

/** Channels of the stem, and of every stage its blocks, their inner and their outer channels. */
export interface Dimensions {
  readonly stem: number;
  readonly stages: readonly { readonly depth: number; readonly inner: number; readonly outer: number }[];
}

export const dimensionsOf = ({ stem, stages }: Network): Dimensions => ({
  stem: stem.temporal.output[3],
  stages: stages.map((blocks) => ({
    depth: blocks.length,
    inner: blocks[0]?.expand.output[3] ?? 0,
    outer: blocks[0]?.project.output[3] ?? 0,
  })),
});

/** Their channels of the stem and the first stage before the width factor, which is twice ours. */
export const STEM_WIDTH = 12;
export const widthFactor = ({ width }: Factors): number => 2 * width;

const STAGES = [
  { width: STEM_WIDTH, depth: 1 },
  { width: 24, depth: 2 },
  { width: 48, depth: 5 },
  { width: 96, depth: 3 },
];
/** Channels are multiples of this after the width factor. */
const DIVISORS = { pytorchvideo: 8, slowfast: 1 } as const;

export type Builder = keyof typeof DIVISORS;

function dimensionsBuilt(factors: Factors, builder: Builder): Dimensions {
  const widen = (width: number) => roundWidth(width, widthFactor(factors), DIVISORS[builder]);
  return {
    stem: widen(STEM_WIDTH),
    stages: STAGES.map(({ width, depth }) => {
      const outer = widen(width);
      return {
        depth: Math.ceil(factors.depth * depth),
        inner: Math.floor(factors.bottleneck * outer),
        outer,
      };
    }),
  };
}

/** Whether the builder makes this very network of its factors. */
export const buildsIt = (network: Network, builder: Builder): boolean =>
  isDeepStrictEqual(dimensionsBuilt(network.factors, builder), dimensionsOf(network));

/** Why a builder does not make it, for people. */
export function otherwiseBuilt(base: BaseNetwork, network: Network, builder: Builder): string {
  const own = dimensionsOf(network);
  const made = dimensionsBuilt(network.factors, builder);
  const text = ({ stages }: Dimensions) =>
    stages.map(({ depth, inner, outer }) => `${depth}x${inner}/${outer}`).join(', ');
  return `${base.name}, blocks x inner/outer channels ${text(own)} instead of ${text(made)}`;
}
