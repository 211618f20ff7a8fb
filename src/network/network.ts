/**
 * A network of the X3D family as data: base and factors in, a tree of layers with shapes out. Costs are counted
 * on it, the engine builds it, weights are named after it: nothing else computes a shape. Layers are named as
 * PyTorchVideo's create_x3d names its modules, so that weights travel both ways.
 */
import type { BaseNetwork } from './base.js';
import type { Factors } from './factors.js';

/** [frames, height, width, channels] of one clip. */
export type Shape = readonly [frames: number, height: number, width: number, channels: number];

/** A convolution without bias, padded by (kernel - 1) / 2 on every side. */
export interface Convolution {
  /** pointwise: 1x1x1; channelwise: one filter a channel; convolution: dense in channels. */
  readonly kind: 'convolution' | 'pointwise' | 'channelwise';
  readonly name: string;
  /** [time, height, width] */
  readonly kernel: readonly [number, number, number];
  /** In space; nothing strides in time. */
  readonly stride: number;
  readonly input: Shape;
  readonly output: Shape;
}

export interface BatchNorm {
  readonly kind: 'batch-norm';
  readonly name: string;
  readonly input: Shape;
  readonly output: Shape;
}

/** A linear layer on the channels of every position: one position, but in the head of a test view. */
export interface Linear {
  readonly kind: 'linear';
  readonly name: string;
  readonly bias: boolean;
  readonly input: Shape;
  readonly output: Shape;
}

export type Layer = Convolution | BatchNorm | Linear;

/** expand, BN, ReLU; channelwise, BN; squeeze-excite; swish; project, BN; plus the shortcut; ReLU. */
export interface Block {
  readonly expand: Convolution;
  readonly expandNorm: BatchNorm;
  readonly channelwise: Convolution;
  readonly channelwiseNorm: BatchNorm;
  readonly squeezeExcite: { readonly reduce: Linear; readonly expand: Linear } | undefined;
  readonly project: Convolution;
  readonly projectNorm: BatchNorm;
  /** Absent where the block keeps its input's shape. */
  readonly shortcut: { readonly convolution: Convolution; readonly norm: BatchNorm | undefined } | undefined;
}

export interface Network {
  readonly factors: Factors;
  readonly classes: number;
  readonly input: Shape;
  readonly stem: { readonly spatial: Convolution; readonly temporal: Convolution; readonly norm: BatchNorm };
  readonly stages: readonly (readonly Block[])[];
  /** expand, BN, ReLU; mean over windows; hidden, ReLU; dropout; classifier; at test time softmax, mean. */
  readonly head: {
    /** [frames, height, width] of the mean: what a training crop leaves. A larger view has several windows. */
    readonly window: readonly [number, number, number];
    readonly expand: Convolution;
    readonly norm: BatchNorm;
    readonly hidden: Linear;
    readonly classifier: Linear;
  };
}

/** SlowFast's and PyTorchVideo's rounding of a channel count: to the divisor, never below 0.9 of the product. */
export function roundWidth(width: number, multiplier: number, divisor: number, min = divisor): number {
  const product = width * multiplier;
  const rounded = Math.max(min, Math.floor((product + divisor / 2) / divisor) * divisor);
  return rounded < 0.9 * product ? rounded + divisor : rounded;
}

/** Blocks of a stage. The small term keeps products like 5 x 2.2 from being lifted by their rounding error. */
export function stageDepth(depth: number, factor: number): number {
  return Math.ceil(depth * factor - 1e-9);
}

function innerWidth(width: number, bottleneck: number, divisor: number): number {
  const product = Math.floor(bottleneck * width + 1e-9);
  return divisor === 1 ? product : roundWidth(product, 1, divisor);
}

const halved = (side: number, stride: number) => Math.ceil(side / stride);

function convolution(
  kind: Convolution['kind'],
  name: string,
  kernel: Convolution['kernel'],
  stride: number,
  input: Shape,
  channels: number,
): Convolution {
  const [frames, height, width] = input;
  return {
    kind,
    name,
    kernel,
    stride,
    input,
    output: [frames, halved(height, stride), halved(width, stride), channels],
  };
}

const pointwise = (name: string, input: Shape, channels: number, stride = 1) =>
  convolution('pointwise', name, [1, 1, 1], stride, input, channels);

const batchNorm = (name: string, of: Layer): BatchNorm => ({
  kind: 'batch-norm',
  name,
  input: of.output,
  output: of.output,
});

const linear = (name: string, inputs: number, outputs: number, bias: boolean, side = 1): Linear => ({
  kind: 'linear',
  name,
  bias,
  input: [1, side, side, inputs],
  output: [1, side, side, outputs],
});

interface BlockPlan {
  readonly name: string;
  readonly input: Shape;
  readonly outer: number;
  readonly inner: number;
  readonly index: number;
  readonly shortcutNorm: BaseNetwork['shortcutNorm'];
}

function describeBlock({ name, input, outer, inner, index, shortcutNorm }: BlockPlan): Block {
  const first = index === 0;
  const widens = input[3] !== outer;
  const stride = first ? 2 : 1;
  const expand = pointwise(`${name}.branch2.conv_a`, input, inner);
  const channelwise = convolution(
    'channelwise',
    `${name}.branch2.conv_b`,
    [3, 3, 3],
    stride,
    expand.output,
    inner,
  );
  const project = pointwise(`${name}.branch2.conv_c`, channelwise.output, outer);
  const reduced = roundWidth(inner, 1 / 16, 8);
  const shortcut = pointwise(`${name}.branch1_conv`, input, outer, stride);
  return {
    expand,
    expandNorm: batchNorm(`${name}.branch2.norm_a`, expand),
    channelwise,
    channelwiseNorm: batchNorm(`${name}.branch2.norm_b.0`, channelwise),
    squeezeExcite:
      index % 2 === 0
        ? {
            reduce: linear(`${name}.branch2.norm_b.1.block.0`, inner, reduced, true),
            expand: linear(`${name}.branch2.norm_b.1.block.2`, reduced, inner, true),
          }
        : undefined,
    project,
    projectNorm: batchNorm(`${name}.branch2.norm_c`, project),
    shortcut:
      first || widens
        ? {
            convolution: shortcut,
            norm:
              widens || shortcutNorm === 'always' ? batchNorm(`${name}.branch1_norm`, shortcut) : undefined,
          }
        : undefined,
  };
}

export interface NetworkOptions {
  /** Default: the base's. */
  readonly classes?: number;
  /** Side of the square input in pixels. Default: the training crop. */
  readonly crop?: number;
}

/** The network of `base` at `factors`; factors are taken as valid (see the schema of factors at the door). */
export function describeNetwork(base: BaseNetwork, factors: Factors, options: NetworkOptions = {}): Network {
  const crop = options.crop ?? factors.crop;
  const classes = options.classes ?? base.classes;
  const widen = (width: number) => roundWidth(width, factors.width, base.widthDivisor);
  const input: Shape = [factors.frames, crop, crop, 3];

  const stemWidth = widen(base.stemWidth);
  const spatial = convolution('convolution', 'blocks.0.conv.conv_t', [1, 3, 3], 2, input, stemWidth);
  const temporal = convolution(
    'channelwise',
    'blocks.0.conv.conv_xy',
    [5, 1, 1],
    1,
    spatial.output,
    stemWidth,
  );

  let shape = temporal.output;
  const stages = base.stages.map((stage, s) => {
    const outer = widen(stage.width);
    const inner = innerWidth(outer, factors.bottleneck, base.innerDivisor);
    return Array.from({ length: stageDepth(stage.depth, factors.depth) }, (_, index) => {
      const name = `blocks.${s + 1}.res_blocks.${index}`;
      const block = describeBlock({
        name,
        input: shape,
        outer,
        inner,
        index,
        shortcutNorm: base.shortcutNorm,
      });
      shape = block.project.output;
      return block;
    });
  });

  const lastInner = stages.at(-1)?.at(-1)?.expand.output[3] ?? shape[3];
  const head = `blocks.${stages.length + 1}`;
  const expand = pointwise(`${head}.pool.pre_conv`, shape, lastInner);
  const reduction = 2 ** (stages.length + 1);
  const windowSide = Math.min(Math.ceil(factors.crop / reduction), shape[1]);
  const positions = shape[1] - windowSide + 1;
  return {
    factors,
    classes,
    input,
    stem: { spatial, temporal, norm: batchNorm('blocks.0.norm', temporal) },
    stages,
    head: {
      expand,
      norm: batchNorm(`${head}.pool.pre_norm`, expand),
      window: [factors.frames, windowSide, windowSide],
      hidden: linear(`${head}.pool.post_conv`, lastInner, base.headWidth, false, positions),
      classifier: linear(`${head}.proj`, base.headWidth, classes, true, positions),
    },
  };
}

function blockLayers(block: Block): Layer[] {
  const { squeezeExcite, shortcut } = block;
  return [
    block.expand,
    block.expandNorm,
    block.channelwise,
    block.channelwiseNorm,
    ...(squeezeExcite ? [squeezeExcite.reduce, squeezeExcite.expand] : []),
    block.project,
    block.projectNorm,
    ...(shortcut ? [shortcut.convolution, ...(shortcut.norm ? [shortcut.norm] : [])] : []),
  ];
}

/** Every layer that holds parameters, in the order of computation. */
export function layersOf(network: Network): readonly Layer[] {
  const { stem, stages, head } = network;
  return [
    stem.spatial,
    stem.temporal,
    stem.norm,
    ...stages.flat().flatMap(blockLayers),
    head.expand,
    head.norm,
    head.hidden,
    head.classifier,
  ];
}
