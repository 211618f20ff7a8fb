/** A network's forward pass: parts put together as the description says. */
import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node-gpu';
import type { BatchNorm, Block, Layer, Linear, Network } from '../../network/index.js';
import { rectified } from './operations/gradients.js';
import type { Activations, Norm, Operations } from './operations/operations.js';
import type { Layout } from './parameters.js';
import { tf } from './tensorflow.js';

/** A parameter by PyTorchVideo's name, in the engine's shape. */
export type Parameters = ReadonlyMap<string, Tensor>;
/** Of evaluation: running mean and variance [2, C] by the norm's name. */
export type Running = ReadonlyMap<string, Tensor2D>;

/** The parameters in the flat vector, each in its shape. */
export function splitParameters(layout: Layout, vector: Tensor): Tensor[] {
  const sizes = layout.parameters.map(({ size }) => size);
  return tf.split(vector, sizes).map((part, i) => part.reshape([...(layout.parameters[i]?.shape ?? [])]));
}

export function namedParameters(layout: Layout, parts: readonly Tensor[]): Parameters {
  return new Map(layout.parameters.map(({ name }, i) => [name, parts[i] as Tensor]));
}

export function namedStatistics(layout: Layout, vector: Tensor): Running {
  const sizes = layout.statistics.map(({ channels }) => 2 * channels);
  const parts = tf.split(vector, sizes);
  return new Map(
    layout.statistics.map(({ name, channels }, i) => [
      name,
      (parts[i] as Tensor).reshape([2, channels]) as Tensor2D,
    ]),
  );
}

export interface Features {
  /** [N x windows, inner]: the head's mean. */
  readonly pooled: Tensor2D;
  /** [2, C] of every batch norm from the first part that was run, in the layout's order; empty in evaluation. */
  readonly moments: readonly Tensor2D[];
}

interface Named {
  readonly parameters: Parameters;
  /** Absent in training. */
  readonly running?: Running;
}

const parameter = ({ parameters }: Named, name: string) => {
  const found = parameters.get(name);
  if (!found) throw new Error(`No parameter ${name}`);
  return found;
};
const weight = <T extends Tensor>(named: Named, layer: Layer) =>
  parameter(named, `${layer.name}.weight`) as T;
const bias = (named: Named, layer: Linear) => parameter(named, `${layer.name}.bias`) as Norm['shift'];
const norm = (named: Named, layer: BatchNorm): Norm => ({
  scale: weight(named, layer),
  shift: parameter(named, `${layer.name}.bias`) as Norm['shift'],
  running: named.running?.get(layer.name),
});

const blockWeights = (named: Named, block: Block) => ({
  expand: weight<Tensor2D>(named, block.expand),
  expandNorm: norm(named, block.expandNorm),
  channelwise: weight<Tensor4D>(named, block.channelwise),
  channelwiseNorm: norm(named, block.channelwiseNorm),
  squeezeExcite: block.squeezeExcite && {
    reduce: weight<Tensor2D>(named, block.squeezeExcite.reduce),
    reduceBias: bias(named, block.squeezeExcite.reduce),
    expand: weight<Tensor2D>(named, block.squeezeExcite.expand),
    expandBias: bias(named, block.squeezeExcite.expand),
  },
  project: weight<Tensor2D>(named, block.project),
  projectNorm: norm(named, block.projectNorm),
  shortcut: block.shortcut && {
    weights: weight<Tensor2D>(named, block.shortcut.convolution),
    norm: block.shortcut.norm && norm(named, block.shortcut.norm),
  },
});

/** The parts before the head, each from its input to its output, in PyTorchVideo's count: 0 is the stem. */
function bodyOf({ stem, stages }: Network, operations: Operations, named: Named) {
  const first = (clips: Activations) =>
    operations.stem(clips, {
      spatial: weight<Tensor4D>(named, stem.spatial),
      temporal: weight<Tensor4D>(named, stem.temporal),
      norm: norm(named, stem.norm),
    });
  const stage = (blocks: readonly Block[]) => (input: Activations) => {
    let output = input;
    const moments: Tensor2D[] = [];
    for (const block of blocks) {
      const stride = block.channelwise.stride === 2 ? 2 : 1;
      const made = operations.block(output, blockWeights(named, block), stride);
      output = made.output;
      moments.push(...made.moments);
    }
    return { output, moments };
  };
  return [first, ...stages.map(stage)];
}

/** Clips [T, N, H, W, 3], normalised -> what comes out of the first `parts` parts, with the statistics of evaluation. */
export function fixedStart(
  network: Network,
  operations: Operations,
  named: Required<Named>,
  clips: Activations,
  parts: number,
): Activations {
  return bodyOf(network, operations, named)
    .slice(0, parts)
    .reduce((x, part) => part(x).output, clips);
}

/** Clips [T, N, H, W, 3], normalised, or what the first `from` parts made of them -> what the classifier sees. */
export function features(
  network: Network,
  operations: Operations,
  named: Named,
  clips: Activations,
  from = 0,
): Features {
  const { head } = network;
  const moments: Tensor2D[] = [];
  let x = clips;
  for (const part of bodyOf(network, operations, named).slice(from)) {
    const made = part(x);
    x = made.output;
    moments.push(...made.moments);
  }
  const headWeights = { expand: weight<Tensor2D>(named, head.expand), norm: norm(named, head.norm) };
  const last = operations.head(x, headWeights, head.window[1]);
  return { pooled: last.output, moments: [...moments, ...last.moments] };
}

/** [rows, inner] -> logits [rows, classes]; `keep` [rows, hidden] is dropout's mask, already scaled. */
export function classify(network: Network, named: Named, pooled: Tensor2D, keep?: Tensor2D): Tensor2D {
  const { hidden, classifier } = network.head;
  const activated = rectified(tf.matMul(pooled, weight<Tensor2D>(named, hidden))) as Tensor2D;
  const kept = keep ? activated.mul(keep) : activated;
  return tf
    .matMul(kept as Tensor2D, weight<Tensor2D>(named, classifier))
    .add(bias(named, classifier)) as Tensor2D;
}
