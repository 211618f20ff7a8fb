/**
 * Where everything that a network learns lies in two flat vectors: its parameters, those with weight decay first, and
 * its running statistics. Names are PyTorchVideo's; shapes are the engine's, whose last two axes are [input, output]
 * and whose kernel axes come first.
 */
import { type Layer, layersOf, type Network } from '../../network/index.js';
import { randomOf } from '../../random.js';

/** The state of a training: what a checkpoint holds. */
export const VECTORS = ['parameters', 'momentum', 'statistics', 'average'] as const;
export type VectorName = (typeof VECTORS)[number];

export interface Parameter {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly shape: readonly number[];
  /** In PyTorch: [output, input, kernel...]; a channelwise convolution's input is 1. */
  readonly torchShape: readonly number[];
  readonly initial:
    | { readonly kind: 'normal'; readonly deviation: number }
    | { readonly kind: 'constant'; readonly value: number };
}

/** The running mean, and after it the running variance, of one batch norm. */
export interface NormStatistics {
  readonly name: string;
  readonly offset: number;
  readonly channels: number;
  /** [frames, height, width] of one clip: what the moments are taken over, times the clips. */
  readonly positions: number;
}

export interface Layout {
  readonly parameters: readonly Parameter[];
  readonly parameterSize: number;
  /** The first so many of the parameters are weights of convolutions and linear layers; norms and biases follow. */
  readonly weightSize: number;
  readonly statistics: readonly NormStatistics[];
  readonly statisticsSize: number;
}

type Draft = Omit<Parameter, 'offset' | 'size'> & { readonly weight: boolean };

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** He's normal, by the outputs (PyTorch's fan_out, which counts every output channel, also of a channelwise one). */
const he = (outputs: number, kernel: readonly number[]): Parameter['initial'] => ({
  kind: 'normal',
  deviation: Math.sqrt(2 / (outputs * product(kernel))),
});

function convolutionDraft(layer: Extract<Layer, { kernel: unknown }>): Draft {
  const { kernel, input, output } = layer;
  const [time, height, width] = kernel;
  const inputs = layer.kind === 'channelwise' ? 1 : input[3];
  const outputs = output[3];
  const shape =
    layer.kind === 'pointwise'
      ? [inputs, outputs]
      : layer.kind === 'channelwise'
        ? [time, height, width, outputs]
        : [height, width, inputs, outputs];
  return {
    name: `${layer.name}.weight`,
    shape,
    torchShape: [outputs, inputs, ...kernel],
    initial: he(outputs, kernel),
    weight: true,
  };
}

function drafts(layer: Layer, network: Network, classifierDeviation: number): Draft[] {
  const outputs = layer.output[3];
  const vector = (part: string, value: number): Draft => ({
    name: `${layer.name}.${part}`,
    shape: [outputs],
    torchShape: [outputs],
    initial: { kind: 'constant', value },
    weight: false,
  });
  if (layer.kind === 'batch-norm') {
    // Each block starts as its shortcut: its last norm's scale is 0.
    const last = network.stages.flat().some((block) => block.projectNorm === layer);
    return [vector('weight', last ? 0 : 1), vector('bias', 0)];
  }
  if (layer.kind !== 'linear') return [convolutionDraft(layer)];
  const inputs = layer.input[3];
  const classifier = layer === network.head.classifier;
  const weight: Draft = {
    name: `${layer.name}.weight`,
    shape: [inputs, outputs],
    // In PyTorchVideo only the classifier is a Linear; the others are 1x1x1 convolutions.
    torchShape: classifier ? [outputs, inputs] : [outputs, inputs, 1, 1, 1],
    initial: classifier ? { kind: 'normal', deviation: classifierDeviation } : he(outputs, []),
    weight: true,
  };
  return layer.bias ? [weight, vector('bias', 0)] : [weight];
}

/** `classifierDeviation`: of the classifier's weights at the start. */
export function layoutOf(network: Network, classifierDeviation: number | '1/sqrt(inputs)' = 0.01): Layout {
  const deviation =
    classifierDeviation === '1/sqrt(inputs)'
      ? 1 / Math.sqrt(network.head.classifier.input[3])
      : classifierDeviation;
  const layers = layersOf(network);
  const all = layers.flatMap((layer) => drafts(layer, network, deviation));
  let offset = 0;
  const place = ({ weight: _, ...draft }: Draft): Parameter => {
    const size = product(draft.shape);
    const parameter = { ...draft, offset, size };
    offset += size;
    return parameter;
  };
  const weights = all.filter(({ weight }) => weight).map(place);
  const weightSize = offset;
  const others = all.filter(({ weight }) => !weight).map(place);
  const parameterSize = offset;

  let statisticsSize = 0;
  const statistics = layers.flatMap((layer) => {
    if (layer.kind !== 'batch-norm') return [];
    const [frames, height, width, channels] = layer.output;
    const entry = { name: layer.name, offset: statisticsSize, channels, positions: frames * height * width };
    statisticsSize += 2 * channels;
    return [entry];
  });
  return { parameters: [...weights, ...others], parameterSize, weightSize, statistics, statisticsSize };
}

/** The parameters at the start; each has its own draw, so that one's size does not change another's. */
export function initialParameters(layout: Layout, seed: number): Float32Array {
  const vector = new Float32Array(layout.parameterSize);
  for (const { name, offset, size, initial } of layout.parameters) {
    const own = vector.subarray(offset, offset + size);
    if (initial.kind === 'constant') own.fill(initial.value);
    else {
      const random = randomOf('parameters', seed, name);
      for (let i = 0; i < size; i++) own[i] = initial.deviation * random.normal();
    }
  }
  return vector;
}

/** Means 0 and variances 1. */
export function initialStatistics(layout: Layout): Float32Array {
  const vector = new Float32Array(layout.statisticsSize);
  for (const { offset, channels } of layout.statistics)
    vector.fill(1, offset + channels, offset + 2 * channels);
  return vector;
}
