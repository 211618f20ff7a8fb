/**
 * Weights out and in, under PyTorchVideo's names and in PyTorch's shapes, so that create_x3d loads them with
 * strict=True. PyTorchVideo has no batch norm in the shortcut of res2, whose channel count stays; where a base has
 * one, it is folded into the shortcut's convolution and the block's last norm on the way out, and is the identity on
 * the way in: the same function of the input either way.
 */
import { X3dError } from '../../errors.js';
import type { Block, Network } from '../../network/index.js';
import { architectureIn, knownAs } from './architecture.js';
import { NORM_EPSILON } from './operations/operations.js';
import type { Layout, Parameter } from './parameters.js';
import { type StoredTensor, writeSafetensors } from './safetensors.js';

export interface Weights {
  readonly parameters: Float32Array;
  readonly statistics: Float32Array;
}

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Moves [output, input, kernel] to [kernel, input, output], or back. */
export function transposed(
  parameter: Parameter,
  from: Float32Array,
  towards: 'torch' | 'engine',
): Float32Array {
  const [outputs = 1, inputs = 1, ...kernel] = parameter.torchShape;
  const positions = product(kernel);
  const to = new Float32Array(from.length);
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let k = 0; k < positions; k++) {
        const torch = (o * inputs + i) * positions + k;
        const engine = (k * inputs + i) * outputs + o;
        if (towards === 'torch') to[torch] = from[engine] as number;
        else to[engine] = from[torch] as number;
      }
    }
  }
  return to;
}

/** Blocks whose shortcut has a batch norm that PyTorchVideo does not know: those that keep their channel count. */
const foldedBlocks = (network: Network): Block[] =>
  network.stages
    .flat()
    .filter(
      ({ shortcut }) => shortcut?.norm && shortcut.convolution.input[3] === shortcut.convolution.output[3],
    );

/** Every tensor in PyTorch's shape, by name. */
export function torchTensors(layout: Layout, { parameters, statistics }: Weights): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const parameter of layout.parameters) {
    const own = parameters.subarray(parameter.offset, parameter.offset + parameter.size);
    tensors.set(parameter.name, { shape: parameter.torchShape, values: transposed(parameter, own, 'torch') });
  }
  for (const { name, offset, channels } of layout.statistics) {
    const mean = statistics.slice(offset, offset + channels);
    const variance = statistics.slice(offset + channels, offset + 2 * channels);
    tensors.set(`${name}.running_mean`, { shape: [channels], values: mean });
    tensors.set(`${name}.running_var`, { shape: [channels], values: variance });
    tensors.set(`${name}.num_batches_tracked`, { shape: [], values: new BigInt64Array(1) });
  }
  return tensors;
}

const NORM_PARTS = ['weight', 'bias', 'running_mean', 'running_var'] as const;

/** Takes the norm out of the block's shortcut: into the shortcut's convolution and the block's last norm. */
export function foldShortcutNorm(tensors: Map<string, StoredTensor>, block: Block): void {
  const { convolution, norm } = block.shortcut ?? {};
  if (!convolution || !norm) return;
  const [scale, shift, mean, variance] = NORM_PARTS.map(
    (part) => tensors.get(`${norm.name}.${part}`)?.values as Float32Array,
  ) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const weights = tensors.get(`${convolution.name}.weight`)?.values as Float32Array;
  const bias = tensors.get(`${block.projectNorm.name}.bias`)?.values as Float32Array;
  const inputs = convolution.input[3];
  scale.forEach((value, o) => {
    const gain = value / Math.sqrt((variance[o] as number) + NORM_EPSILON);
    for (let i = 0; i < inputs; i++) weights[o * inputs + i] = gain * (weights[o * inputs + i] as number);
    bias[o] = (bias[o] as number) + (shift[o] as number) - gain * (mean[o] as number);
  });
  for (const part of [...NORM_PARTS, 'num_batches_tracked']) tensors.delete(`${norm.name}.${part}`);
}

/** Every tensor that PyTorchVideo has, in PyTorch's shape, by name. */
export function foldedTensors(
  network: Network,
  layout: Layout,
  weights: Weights,
): ReadonlyMap<string, StoredTensor> {
  const tensors = torchTensors(layout, weights);
  for (const block of foldedBlocks(network)) foldShortcutNorm(tensors, block);
  return tensors;
}

/** The bytes of a safetensors file; `metadata` goes into its header. */
export function exportWeights(
  network: Network,
  layout: Layout,
  weights: Weights,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  return writeSafetensors(foldedTensors(network, layout, weights), { format: 'pt', ...metadata });
}

/** What a norm is, by part, that changes nothing in evaluation. */
export const IDENTITY_NORM = {
  weight: Math.sqrt(1 + NORM_EPSILON),
  bias: 0,
  running_mean: 0,
  running_var: 1,
} as const;

/** Tensors by PyTorchVideo's names, as a file holds them. */
export interface StoredWeights {
  /** For messages. */
  readonly file: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/**
 * The weights of a file in the engine's layout. Throws X3dError data that names the first tensor that is missing, has
 * another shape or is none of the network's, and says which network the file is of, where its shapes tell.
 */
export function importWeights(network: Network, layout: Layout, { file, tensors }: StoredWeights): Weights {
  const refuse = (name: string, shape: readonly number[] | undefined) => {
    const found = tensors.get(name)?.shape;
    const architecture = architectureIn(tensors);
    const known = architecture && knownAs(architecture);
    return new X3dError('data', {
      subject: `${file}: ${name}`,
      expected: shape ? `a tensor of shape [${shape.join(', ')}]` : 'no tensor of that name',
      got: found ? `[${found.join(', ')}]` : 'none of that name',
      remedy: known
        ? `The weights are those of ${known}: give that network.`
        : 'Give the base and factors that the weights were made for.',
    });
  };
  const absent = new Set(foldedBlocks(network).map(({ shortcut }) => shortcut?.norm?.name));
  const used = new Set<string>();
  const tensor = (owner: string, part: string, shape: readonly number[]): Float32Array => {
    const name = `${owner}.${part}`;
    used.add(name);
    const found = tensors.get(name);
    if (!found && absent.has(owner))
      return new Float32Array(product(shape)).fill(IDENTITY_NORM[part as 'weight']);
    if (found && found.shape.join() === shape.join()) return found.values as Float32Array;
    throw refuse(name, shape);
  };
  const parameters = new Float32Array(layout.parameterSize);
  for (const parameter of layout.parameters) {
    const dot = parameter.name.lastIndexOf('.');
    const own = tensor(parameter.name.slice(0, dot), parameter.name.slice(dot + 1), parameter.torchShape);
    parameters.set(transposed(parameter, own, 'engine'), parameter.offset);
  }
  const statistics = new Float32Array(layout.statisticsSize);
  for (const { name, offset, channels } of layout.statistics) {
    statistics.set(tensor(name, 'running_mean', [channels]), offset);
    statistics.set(tensor(name, 'running_var', [channels]), offset + channels);
  }
  for (const name of tensors.keys()) if (!used.has(name)) throw refuse(name, undefined);
  return { parameters, statistics };
}
