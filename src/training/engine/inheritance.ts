/**
 * The start of one network from the trained weights of another, after Net2Net (arXiv 1511.05641). Layers correspond by
 * name, which says where they stand: the first blocks of a stage are those of the other network, and where it has fewer
 * the last ones start as their shortcut, since a new block's last norm has the scale 0. Within a layer channels
 * correspond: the first are the same; where there are more than before, the others copy them in turn, and what a copied
 * channel gave to its consumers is divided among its copies. The shares are drawn, not equal: copies with equal shares
 * would get equal gradients and stay copies for ever, and any shares that sum to 1 keep the function.
 *
 * So a network that grew computes what the other computed, up to rounding; exactly so where only blocks were added.
 * Where it shrank, the first channels and blocks are what is kept of it.
 */
import { layersOf, type Network } from '../../network/index.js';
import { randomOf } from '../../random.js';
import type { Layout } from './parameters.js';
import type { StoredTensor } from './safetensors.js';
import { foldShortcutNorm, IDENTITY_NORM, torchTensors, transposed, type Weights } from './weights.js';

export interface Ancestor {
  readonly network: Network;
  readonly layout: Layout;
  readonly weights: Weights;
  /** Names of its classes in order, where they are known. */
  readonly classes?: readonly string[] | undefined;
}

export interface Heir {
  readonly network: Network;
  readonly layout: Layout;
  /** As initialParameters and initialStatistics drew it: what stays where nothing is inherited. */
  readonly initial: Weights;
  readonly classes?: readonly string[] | undefined;
  /** Of the shares among copies; the same seed gives the same bits. */
  readonly seed: number;
}

export interface Inheritance {
  /** New vectors in the heir's layout. */
  readonly weights: Weights;
  /** Names of the parameters that came from the ancestor; the others are the initial ones. */
  readonly inherited: ReadonlySet<string>;
}

/** The ancestor's channel that each of the heir's is. Of the counts alone, so that all layers along a sum agree. */
const channelMap = (from: number, to: number) =>
  Int32Array.from({ length: to }, (_, channel) => channel % from);

/**
 * [output, input] -> the share of the ancestor's weight that a copy gets: 1 for the only one, else between a third and
 * three times as much as another of the same channel; those of one channel and output sum to 1.
 */
function drawnShares(map: Int32Array, from: number, outputs: number, seed: number, name: string) {
  const copies = new Int32Array(from);
  for (const channel of map) copies[channel] = (copies[channel] as number) + 1;
  const shares = new Float64Array(outputs * map.length).fill(1);
  if (copies.every((count) => count <= 1)) return shares;
  const random = randomOf('inheritance', seed, name);
  for (let o = 0; o < outputs; o++) {
    const row = shares.subarray(o * map.length, (o + 1) * map.length);
    const sums = new Float64Array(from);
    map.forEach((channel, i) => {
      if ((copies[channel] as number) > 1) row[i] = 0.5 + random.uniform();
      sums[channel] = (sums[channel] as number) + (row[i] as number);
    });
    map.forEach((channel, i) => {
      row[i] = (row[i] as number) / (sums[channel] as number);
    });
  }
  return shares;
}

/** [output, ...rest] or [output, input, kernel...] of the ancestor -> of the heir. */
function inheritedTensor(
  { shape: [, fromInputs = 1, ...kernel], values }: StoredTensor,
  outputs: Int32Array,
  inputs: Int32Array,
  shares?: Float64Array,
): Float32Array {
  const positions = kernel.reduce((product, size) => product * size, 1);
  const made = new Float32Array(outputs.length * inputs.length * positions);
  let at = 0;
  outputs.forEach((fromOutput, o) => {
    inputs.forEach((fromInput, i) => {
      const share = shares ? (shares[o * inputs.length + i] as number) : 1;
      const start = (fromOutput * fromInputs + fromInput) * positions;
      for (let k = 0; k < positions; k++) made[at++] = share * (values[start + k] as number);
    });
  });
  return made;
}

/** The ancestor's layers and tensors by name; its shortcuts have a norm where the heir's have one. */
function inheritable({ network, layout, weights }: Ancestor, to: Network) {
  const layers = new Map(layersOf(network).map((layer) => [layer.name, layer]));
  const tensors = torchTensors(layout, weights);
  const heirs = new Map(to.stages.flat().map(({ expand, shortcut }) => [expand.name, shortcut]));
  for (const block of network.stages.flat()) {
    const heir = heirs.get(block.expand.name);
    if (!block.shortcut || !heir) continue;
    const { norm, convolution } = block.shortcut;
    if (norm && !heir.norm) foldShortcutNorm(tensors, block);
    if (norm || !heir.norm) continue;
    const shape = [convolution.output[3]];
    layers.set(heir.norm.name, convolution);
    for (const [part, value] of Object.entries(IDENTITY_NORM))
      tensors.set(`${heir.norm.name}.${part}`, {
        shape,
        values: new Float32Array(shape[0] ?? 0).fill(value),
      });
  }
  return { layers, tensors };
}

/** Whether each class of the heir is the ancestor's of the same number, as far as names are known. */
const sameClasses = (from: Ancestor, to: Heir) =>
  from.network.classes === to.network.classes &&
  (from.classes === undefined ||
    to.classes === undefined ||
    from.classes.join('\n') === to.classes.join('\n'));

/**
 * The heir's weights at its start. The classifier is inherited where both have as many classes, and, where both name
 * them, the same names in the same order; a head is not where the networks have different numbers of stages. Running
 * statistics follow their channels, and are those of the ancestor's clips: where frames, stride or crop differ, whoever
 * trains gathers them anew.
 */
export function inheritWeights(from: Ancestor, to: Heir): Inheritance {
  const { layers, tensors } = inheritable(from, to.network);
  const own = new Map(layersOf(to.network).map((layer) => [layer.name, layer]));
  if (!sameClasses(from, to)) layers.delete(from.network.head.classifier.name);

  /** The tensor `owner.part` of the heir in PyTorch's order, where the ancestor has its layer. */
  const inheritedPart = (owner: string, part: string): Float32Array | undefined => {
    const layer = own.get(owner);
    const ancestor = layers.get(owner);
    const tensor = tensors.get(`${owner}.${part}`);
    if (!layer || !ancestor || !tensor) return undefined;
    const outputs = channelMap(ancestor.output[3], layer.output[3]);
    // Biases, norms and channelwise filters: each channel by itself.
    if (tensor.shape.length === 1 || layer.kind === 'channelwise')
      return inheritedTensor(tensor, outputs, Int32Array.of(0));
    const inputs = channelMap(ancestor.input[3], layer.input[3]);
    const shares = drawnShares(inputs, ancestor.input[3], outputs.length, to.seed, owner);
    return inheritedTensor(tensor, outputs, inputs, shares);
  };

  const parameters = to.initial.parameters.slice();
  const statistics = to.initial.statistics.slice();
  const inherited = new Set<string>();
  for (const parameter of to.layout.parameters) {
    const dot = parameter.name.lastIndexOf('.');
    const values = inheritedPart(parameter.name.slice(0, dot), parameter.name.slice(dot + 1));
    if (!values) continue;
    parameters.set(transposed(parameter, values, 'engine'), parameter.offset);
    inherited.add(parameter.name);
  }
  for (const { name, offset, channels } of to.layout.statistics) {
    const mean = inheritedPart(name, 'running_mean');
    const variance = inheritedPart(name, 'running_var');
    if (mean && variance) {
      statistics.set(mean, offset);
      statistics.set(variance, offset + channels);
    }
  }
  return { weights: { parameters, statistics }, inherited };
}
