/**
 * A network's parts as ONNX nodes. Batch norms are folded into the convolutions before them, so that a convolution has
 * a bias; a channelwise convolution is one convolution in as many groups as it has channels. Activations are
 * [N, C, T, H, W], weights are as PyTorch has them.
 */
import type { BatchNorm, Block, Convolution, Linear, Network, Shape } from '../../network/index.js';
import { NORM_EPSILON } from '../../training/engine/operations/operations.js';
import type { StoredTensor } from '../../training/engine/safetensors.js';
import type { ConstantTensor, Graph, Node } from './graph.js';

/** A network's tensors by PyTorchVideo's names. A batch norm that is not among them is the identity. */
export type Tensors = ReadonlyMap<string, StoredTensor>;

export const INPUT = 'clips';
/** Probabilities, and what they are the softmax of. */
export const SCORES = 'scores';
export const LOGITS = 'logits';

type Attributes = Node['attributes'];

function drawing(tensors: Tensors) {
  const nodes: Node[] = [];
  const constants = new Map<string, ConstantTensor>();
  const values = (name: string): Float32Array => {
    const found = tensors.get(name)?.values;
    if (!(found instanceof Float32Array)) throw new Error(`No tensor ${name}`);
    return found;
  };

  const node = (operator: string, name: string, inputs: readonly string[], attributes: Attributes = {}) => {
    nodes.push({ operator, name, inputs, attributes });
    return name;
  };
  const constant = (name: string, shape: readonly number[], own: Float32Array) => {
    constants.set(name, { shape, values: own });
    return name;
  };

  /** weight x gain and shift - mean x gain, with gain = scale / sqrt(variance + epsilon), by output channel. */
  const folded = (weights: Float32Array, outputs: number, norm: BatchNorm) => {
    const [scale, shift, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((part) =>
      values(`${norm.name}.${part}`),
    ) as [Float32Array, Float32Array, Float32Array, Float32Array];
    const gain = Float64Array.from(
      scale,
      (value, c) => value / Math.sqrt((variance[c] as number) + NORM_EPSILON),
    );
    const each = weights.length / outputs;
    return {
      weights: weights.map((value, i) => value * (gain[Math.floor(i / each)] as number)),
      bias: shift.map((value, c) => value - (mean[c] as number) * (gain[c] as number)),
    };
  };

  const convolution = (x: string, layer: Convolution, norm: BatchNorm | undefined): string => {
    const { kind, name, kernel, stride } = layer;
    const outputs = layer.output[3];
    const shape = [outputs, kind === 'channelwise' ? 1 : layer.input[3], ...kernel];
    const own = values(`${name}.weight`);
    const made = norm && tensors.has(`${norm.name}.weight`) ? folded(own, outputs, norm) : undefined;
    const pads = kernel.map((size) => (size - 1) / 2);
    const inputs = [x, constant(`${name}.weight`, shape, made?.weights ?? own)];
    if (made) inputs.push(constant(`${name}.bias`, [outputs], made.bias));
    return node('Conv', name, inputs, {
      kernel_shape: kernel,
      strides: [1, stride, stride],
      pads: [...pads, ...pads],
      dilations: [1, 1, 1],
      group: kind === 'channelwise' ? outputs : 1,
    });
  };

  const relu = (x: string) => node('Relu', `${x}.relu`, [x]);

  /** A linear layer on [N, C, 1, 1, 1], as a convolution of one position. */
  const linearOnOne = (x: string, { name, input, output }: Linear) =>
    node('Conv', name, [
      x,
      constant(`${name}.weight`, [output[3], input[3], 1, 1, 1], values(`${name}.weight`)),
      constant(`${name}.bias`, [output[3]], values(`${name}.bias`)),
    ]);

  const linear = (x: string, { name, bias, input, output }: Linear, as = name) => {
    const inputs = [x, constant(`${name}.weight`, [output[3], input[3]], values(`${name}.weight`))];
    if (bias) inputs.push(constant(`${name}.bias`, [output[3]], values(`${name}.bias`)));
    return node('Gemm', as, inputs, { transB: 1 });
  };

  const stem = (x: string, { spatial, temporal, norm }: Network['stem']) =>
    relu(convolution(convolution(x, spatial, undefined), temporal, norm));

  const block = (x: string, described: Block): string => {
    const { expand, channelwise, squeezeExcite, project, shortcut } = described;
    const name = project.name.slice(0, project.name.indexOf('.branch2'));
    const opened = relu(convolution(x, expand, described.expandNorm));
    let inner = convolution(opened, channelwise, described.channelwiseNorm);
    if (squeezeExcite) {
      const mean = node('GlobalAveragePool', `${name}.squeeze`, [inner]);
      const gate = linearOnOne(relu(linearOnOne(mean, squeezeExcite.reduce)), squeezeExcite.expand);
      inner = node('Mul', `${name}.excite`, [inner, node('Sigmoid', `${gate}.sigmoid`, [gate])]);
    }
    const swish = node('Mul', `${inner}.swish`, [inner, node('Sigmoid', `${inner}.sigmoid`, [inner])]);
    const closed = convolution(swish, project, described.projectNorm);
    const passed = shortcut ? convolution(x, shortcut.convolution, shortcut.norm) : x;
    return relu(node('Add', name, [passed, closed]));
  };

  const head = (x: string, { expand, norm, hidden, classifier }: Network['head']) => {
    const opened = relu(convolution(x, expand, norm));
    const mean = node('GlobalAveragePool', `${expand.name}.mean`, [opened]);
    const flat = node('Flatten', `${expand.name}.flat`, [mean], { axis: 1 });
    return node('Softmax', SCORES, [linear(relu(linear(flat, hidden)), classifier, LOGITS)], { axis: 1 });
  };

  return { nodes, constants, stem, block, head };
}

/** What the graph takes for so many clips, or for any number by a name. */
export const batchOf = <Clips>(clips: Clips, [frames, height, width, channels]: Shape) => [
  clips,
  channels,
  frames,
  height,
  width,
];

/** A whole network at its own crop, where the head's mean covers all positions: clips -> scores and logits. */
export function networkGraph(network: Network, tensors: Tensors): Graph {
  const { nodes, constants, stem, block, head } = drawing(tensors);
  let x = stem(INPUT, network.stem);
  for (const each of network.stages.flat()) x = block(x, each);
  head(x, network.head);
  return {
    inputs: [
      {
        name: INPUT,
        shape: batchOf('N', network.input),
        description: 'RGB clips [N, C, T, H, W]: (byte / 255 - mean) / std, each channel by its own',
      },
    ],
    outputs: [
      { name: SCORES, shape: ['N', network.classes], description: 'Probabilities of the classes' },
      { name: LOGITS, shape: ['N', network.classes], description: 'What the scores are the softmax of' },
    ],
    nodes,
    constants,
  };
}

/** Part of a network for itself, its output reduced to one position, so that giving it back costs nothing. */
export function partGraph(
  network: Network,
  part: 'stem' | 'head' | Block,
  tensors: Tensors,
): { readonly graph: Graph; readonly input: Shape } {
  const { nodes, constants, stem, block, head } = drawing(tensors);
  const ports = (input: Shape, output: string): Pick<Graph, 'inputs' | 'outputs'> => ({
    inputs: [{ name: INPUT, shape: batchOf('N', input), description: '' }],
    outputs: [
      { name: output, shape: ['N', 'C', 1, 1, 1].slice(0, output === SCORES ? 2 : 5), description: '' },
    ],
  });
  if (part === 'head') {
    const input = network.head.expand.input;
    return { graph: { ...ports(input, head(INPUT, network.head)), nodes, constants }, input };
  }
  const [input, [frames, height, width]] =
    part === 'stem'
      ? [network.input, network.stem.temporal.output]
      : [part.expand.input, part.project.output];
  const made = part === 'stem' ? stem(INPUT, network.stem) : block(INPUT, part);
  const output = 'first position';
  nodes.push({
    operator: 'MaxPool',
    name: output,
    inputs: [made],
    attributes: { kernel_shape: [1, 1, 1], strides: [frames, height, width] },
  });
  return { graph: { ...ports(input, output), nodes, constants }, input };
}
