/**
 * A graph in 8 bits: static quantisation as pairs of QuantizeLinear and DequantizeLinear (ONNX's QDQ form), which
 * runtimes fuse with the operator between them where they have it in whole numbers, and compute as they stand elsewhere.
 * Weights have a scale for each output channel and no offset; activations, one scale and offset each, from the range that
 * they take on clips. Convolutions and linear layers are quantised, from their input to their output past a ReLU; all
 * else, such as the squeeze's gate and the sums, is computed in single precision on what was quantised.
 */
import type { ConstantTensor, Graph, Node, Port } from './graph.js';

/** The least and the largest value of an activation. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

const isQuantised = ({ operator }: Node) => operator === 'Conv' || operator === 'Gemm';

/** Of each node: its output, or, where nothing but a ReLU takes it, the ReLU's. */
function outputsOf({ nodes, outputs }: Graph): ReadonlyMap<Node, string> {
  const kept = new Set(outputs.map(({ name }) => name));
  return new Map(
    nodes.filter(isQuantised).map((node) => {
      const consumers = nodes.filter(({ inputs }) => inputs.includes(node.name));
      const [only] = consumers;
      const isPassed = consumers.length === 1 && only?.operator === 'Relu' && !kept.has(node.name);
      return [node, isPassed ? (only as Node).name : node.name];
    }),
  );
}

/** The activations that are quantised; of them ranges are wanted. */
export function activationsIn(graph: Graph): readonly string[] {
  const results = new Set(graph.outputs.map(({ name }) => name));
  const made = [...outputsOf(graph)].flatMap(([node, output]) => [node.inputs[0] as string, output]);
  return [...new Set(made)].filter((name) => !results.has(name));
}

const LEAST = '.least';
const MOST = '.most';

/** The same graph that gives the least and the largest value of these activations instead of its own outputs. */
export function observed(graph: Graph, activations: readonly string[]): Graph {
  const nodes: Node[] = activations.flatMap((name) => [
    { operator: 'ReduceMin', name: `${name}${LEAST}`, inputs: [name], attributes: { keepdims: 0 } },
    { operator: 'ReduceMax', name: `${name}${MOST}`, inputs: [name], attributes: { keepdims: 0 } },
  ]);
  const outputs = nodes.map(({ name }): Port => ({ name, shape: [], description: '' }));
  return { ...graph, nodes: [...graph.nodes, ...nodes], outputs };
}

/** Of what a call of an observed graph gave. */
export const rangeIn = (outputs: Readonly<Record<string, Float32Array>>, activation: string): Range => ({
  least: outputs[`${activation}${LEAST}`]?.[0] ?? Number.NaN,
  most: outputs[`${activation}${MOST}`]?.[0] ?? Number.NaN,
});

/**
 * Weights take seven bits of the eight: on processors without an instruction for it, pairs of products of eight bits are
 * summed in sixteen, and would be cut off.
 */
const MOST_WEIGHT = 64;

const scalar = (values: ConstantTensor['values']): ConstantTensor => ({ shape: [], values });

/** Throws Error where the range of an activation is not known. */
export function quantised(graph: Graph, ranges: ReadonlyMap<string, Range>): Graph {
  const nodes: Node[] = [];
  const constants = new Map(graph.constants);
  const scales = new Map<string, number>();
  const constant = (name: string, tensor: ConstantTensor) => {
    constants.set(name, tensor);
    return name;
  };

  /** An activation as it comes out of its 8 bits; 0 is among them, so that padding stays what it is. */
  const roughened = (name: string): string => {
    const known = `${name}.dequantized`;
    if (scales.has(name)) return known;
    const range = ranges.get(name);
    if (!range || !Number.isFinite(range.most - range.least)) throw new Error(`No range of ${name}`);
    const least = Math.min(0, range.least);
    const scale = Math.fround(Math.max(1e-8, Math.max(0, range.most) - least) / 255);
    const zero = Math.min(255, Math.max(0, Math.round(-least / scale)));
    scales.set(name, scale);
    const parameters = [
      constant(`${name}.scale`, scalar(Float32Array.of(scale))),
      constant(`${name}.zero`, scalar(Uint8Array.of(zero))),
    ];
    const bits = `${name}.quantized`;
    nodes.push(
      { operator: 'QuantizeLinear', name: bits, inputs: [name, ...parameters], attributes: {} },
      { operator: 'DequantizeLinear', name: known, inputs: [bits, ...parameters], attributes: {} },
    );
    return known;
  };

  /** Whole numbers by output channel, and the node that makes floats of them. */
  const stored = (
    name: string,
    shape: readonly number[],
    values: Int8Array | Int32Array,
    own: Float32Array,
  ) => {
    const zeros = values instanceof Int8Array ? new Int8Array(own.length) : new Int32Array(own.length);
    const channels = [own.length];
    const inputs = [
      constant(name, { shape, values }),
      constant(`${name}.scale`, { shape: channels, values: own }),
      constant(`${name}.zero`, { shape: channels, values: zeros }),
    ];
    const made = `${name}.dequantized`;
    nodes.push({ operator: 'DequantizeLinear', name: made, inputs, attributes: { axis: 0 } });
    return made;
  };

  const weights = (name: string) => {
    const { shape, values } = constants.get(name) as ConstantTensor;
    const [channels = 1] = shape;
    const each = values.length / channels;
    const largest = (c: number) =>
      (values.subarray(c * each, (c + 1) * each) as Float32Array).reduce(
        (most, value) => Math.max(most, Math.abs(value)),
        1e-8,
      );
    const own = Float32Array.from({ length: channels }, (_, c) => largest(c) / MOST_WEIGHT);
    const whole = Int8Array.from(values, (value, i) =>
      Math.round(value / (own[Math.floor(i / each)] as number)),
    );
    return { name: stored(name, shape, whole, own), scales: own };
  };

  const MOST_BIAS = 2 ** 31 - 1;
  const bias = (name: string, own: Float32Array) => {
    const { shape, values } = constants.get(name) as ConstantTensor;
    const whole = Int32Array.from(values, (value, c) =>
      Math.max(-MOST_BIAS, Math.min(MOST_BIAS, Math.round(value / (own[c] as number)))),
    );
    return stored(name, shape, whole, own);
  };

  const outputs = outputsOf(graph);
  const results = new Set(graph.outputs.map(({ name }) => name));
  const quantisedOutputs = new Set([...outputs.values()].filter((name) => !results.has(name)));
  /** What takes an activation gets it as it comes out of its 8 bits, where it has been through them. */
  const taken = (name: string) => (scales.has(name) ? `${name}.dequantized` : name);
  for (const node of graph.nodes) {
    if (isQuantised(node)) {
      const [x = '', w = '', b] = node.inputs;
      const input = roughened(x);
      const made = weights(w);
      const products = made.scales.map((scale) => scale * (scales.get(x) as number));
      const inputs = [input, made.name, ...(b === undefined ? [] : [bias(b, products)])];
      nodes.push({ ...node, inputs });
    } else nodes.push({ ...node, inputs: node.inputs.map(taken) });
    if (quantisedOutputs.has(node.name)) roughened(node.name);
  }
  return { ...graph, nodes, constants };
}
