/**
 * A TensorFlow graph, written down while tfjs runs once. Every operation of tfjs-node's backend goes through one of
 * two functions; what passes there between start and end of a recording becomes nodes. Tensors made inside are named
 * by the node that made them; tensors bound beforehand (inputs, variables) by what they are bound to; all others are
 * constants.
 *
 * Operations whose outputs' shapes are known (shapes.ts) are not run while recording: zeros that no memory of their own
 * stands behind take their place. So recording a step takes neither the step's time nor its memory.
 */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { type AttributeValue, attributeMessage, messages, TYPES } from './messages.js';
import { outputShapes } from './shapes.js';
import { type Attribute, type NodeBackend, tf } from './tensorflow.js';

/** An output of a node, as `name:0`. */
export type Output = string;

/** What is done in half precision where that is asked for: products and convolutions, forwards and backwards. */
const IN_HALF = new Set([
  'MatMul',
  'BatchMatMulV2',
  'Conv2D',
  'Conv2DBackpropInput',
  'Conv2DBackpropFilter',
  'DepthwiseConv2dNative',
  'DepthwiseConv2dNativeBackpropInput',
  'DepthwiseConv2dNativeBackpropFilter',
]);

export const SAVED_MODEL_TAG = 'serve';

export interface Node {
  readonly op: string;
  readonly inputs?: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

export interface Graph {
  /** Adds a node and gives its name. */
  add(node: Node): string;
  constant(values: Float32Array | Int32Array, shape: readonly number[]): Output;
  /**
   * Runs `body` once and writes down what it does. `bindings` are the tensors that stand for outputs of the graph
   * that are there already. Gives the outputs that the tensors which `body` returns came to, by name.
   */
  record(
    bindings: ReadonlyMap<Tensor, Output>,
    body: () => Readonly<Record<string, Tensor>>,
  ): Readonly<Record<string, Output>>;
  readonly nodes: number;
  /** The bytes of saved_model.pb. */
  serialize(): Uint8Array;
}

/** An attribute as tfjs-node hands it to the binding, in the graph's terms. */
function attributeValue({ binding }: NodeBackend, { name, type, value }: Attribute): AttributeValue {
  switch (type) {
    case binding.TF_ATTR_TYPE: {
      const found = (Object.keys(TYPES) as (keyof typeof TYPES)[]).find((key) => TYPES[key] === value);
      if (found) return { type: found };
      break;
    }
    case binding.TF_ATTR_INT:
      return { int: value as number | number[] };
    case binding.TF_ATTR_FLOAT:
      return { float: value as number };
    case binding.TF_ATTR_BOOL:
      return { bool: Boolean(value) };
    case binding.TF_ATTR_STRING:
      return { text: value as string };
    case binding.TF_ATTR_SHAPE:
      return { shape: value as number[] };
  }
  throw new Error(`An attribute that can't be recorded: ${name} of type ${type}, ${String(value)}`);
}

let zeros = new Float32Array();

/** A tensor of zeros; all of them are views of one array that nobody writes to, and whose pages the system need not back. */
export function blank(shape: readonly number[]): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  if (size > zeros.length) zeros = new Float32Array(size);
  return tf.tensor(zeros.subarray(0, size), [...shape], 'float32');
}

const sameShape = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((size, i) => size === b[i]);

/** `half`: products and convolutions in half precision, between casts. */
export function newGraph(backend: NodeBackend, half = false): Graph {
  const m = messages();
  const definition = new m.GraphDef();
  let nodes = 0;

  const add = ({ op, inputs = [], attributes = {} }: Node): string => {
    const node = new m.NodeDef();
    const name = `n${nodes++}`;
    node.setName(name);
    node.setOp(op);
    for (const input of inputs) node.addInput(input);
    for (const [key, value] of Object.entries(attributes))
      node.getAttrMap().set(key, attributeMessage(m, value));
    definition.addNode(node);
    return name;
  };

  const constant = (values: Float32Array | Int32Array | Uint8Array, shape: readonly number[]): Output => {
    const type = values instanceof Float32Array ? 'float32' : values instanceof Int32Array ? 'int32' : 'bool';
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return `${add({ op: 'Const', attributes: { dtype: { type }, value: { tensor: { type, shape, bytes } } } })}:0`;
  };

  const casts = new Map<string, Output>();
  const cast = (output: Output, to: 'half' | 'float32'): Output => {
    const key = `${output} ${to}`;
    const from = to === 'half' ? 'float32' : 'half';
    const attributes = { SrcT: { type: from }, DstT: { type: to }, Truncate: { bool: false } } as const;
    const made = casts.get(key) ?? `${add({ op: 'Cast', inputs: [output], attributes })}:0`;
    casts.set(key, made);
    return made;
  };

  const record: Graph['record'] = (bindings, body) => {
    // By the identity of the data: tensors of another shape may share it.
    const made = new Map<
      object,
      { output: Output; shape: readonly number[]; reshaped: Map<string, Output> }
    >();
    const enter = (tensor: Tensor, output: Output) =>
      made.set(tensor.dataId, { output, shape: tensor.shape, reshaped: new Map() });
    for (const [tensor, output] of bindings) enter(tensor, output);

    const outputOf = (tensor: Tensor): Output => {
      if (!made.has(tensor.dataId)) enter(tensor, constant(tensor.dataSync() as Float32Array, tensor.shape));
      const known = made.get(tensor.dataId) as NonNullable<ReturnType<typeof made.get>>;
      if (sameShape(known.shape, tensor.shape)) return known.output;
      const key = tensor.shape.join();
      const reshaped =
        known.reshaped.get(key) ??
        `${add({
          op: 'Reshape',
          inputs: [known.output, constant(Int32Array.from(tensor.shape), [tensor.rank])],
          attributes: { T: { type: tensor.dtype as keyof typeof TYPES }, Tshape: { type: 'int32' } },
        })}:0`;
      known.reshaped.set(key, reshaped);
      return reshaped;
    };

    const { executeSingleOutput, executeMultipleOutputs } = backend;
    const run = (op: string, attributes: readonly Attribute[], inputs: readonly Tensor[], count: number) => {
      const shapes = outputShapes(op, attributes, inputs);
      if (!shapes) return executeMultipleOutputs.call(backend, op, attributes, inputs, count);
      return shapes.map(blank);
    };
    const recorded = (
      op: string,
      attributes: readonly Attribute[],
      inputs: readonly Tensor[],
      count: number,
    ) => {
      // Before it runs, as an operation may give its input's memory away.
      const names = inputs.map(outputOf);
      const outputs = run(op, attributes, inputs, count);
      const own = Object.fromEntries(attributes.map((a) => [a.name, attributeValue(backend, a)]));
      const halved = half && IN_HALF.has(op);
      const name = add({
        op,
        inputs: halved
          ? names.map((input, i) => (inputs[i]?.dtype === 'float32' ? cast(input, 'half') : input))
          : names,
        attributes: halved ? { ...own, T: { type: 'half' } } : own,
      });
      outputs.forEach((tensor, i) => {
        enter(tensor, halved ? cast(`${name}:${i}`, 'float32') : `${name}:${i}`);
      });
      return outputs;
    };
    backend.executeSingleOutput = (op, attributes, inputs) =>
      recorded(op, attributes, inputs, 1)[0] as Tensor;
    backend.executeMultipleOutputs = recorded;
    try {
      return tf.tidy(() => {
        const results = Object.entries(body());
        return Object.fromEntries(results.map(([name, tensor]) => [name, outputOf(tensor)]));
        // biome-ignore lint/suspicious/noExplicitAny: tidy's type knows tensors only; names pass through it too.
      }) as any;
    } finally {
      backend.executeSingleOutput = executeSingleOutput;
      backend.executeMultipleOutputs = executeMultipleOutputs;
    }
  };

  return {
    add,
    constant,
    record,
    get nodes() {
      return nodes;
    },
    serialize: () => {
      const versions = new m.VersionDef();
      versions.setProducer(27);
      versions.setMinConsumer(12);
      definition.setVersions(versions);
      const info = new m.MetaGraphDef.MetaInfoDef();
      info.addTags(SAVED_MODEL_TAG);
      const meta = new m.MetaGraphDef();
      meta.setMetaInfoDef(info);
      meta.setGraphDef(definition);
      const model = new m.SavedModel();
      model.setSavedModelSchemaVersion(1);
      model.addMetaGraphs(meta);
      return model.serializeBinary();
    },
  };
}
