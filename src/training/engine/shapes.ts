/**
 * Shapes of what an operation gives, from what it takes: for the operations that touch much memory in a step, so that
 * recording one need not run them. Operations that are not here are run.
 */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { TYPES } from './messages.js';
import { OPERATIONS, type OperationName, outputShapesOf } from './operations/table.js';
import type { Attribute } from './tensorflow.js';

type Shape = readonly number[];
type Attributes = Readonly<Record<string, unknown>>;
type Rule = (inputs: readonly Tensor[], attributes: Attributes) => readonly Shape[];

/** Each axis is the larger of the two, from the last backwards. */
function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) =>
    Math.max(a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1),
  );
}

const shapeOf = (tensor: Tensor | undefined): Shape => tensor?.shape ?? [];
const elementwise: Rule = (inputs) => [inputs.map(({ shape }) => shape as Shape).reduce(broadcast)];
const asFirst: Rule = ([x]) => [shapeOf(x)];
/** Whole numbers that an operation takes as a tensor. */
const numbers = (tensor: Tensor | undefined): number[] => [...(tensor?.dataSync() ?? [])];
const withAxis = (shape: Shape, axis: number, size: number): Shape =>
  shape.map((own, i) => (i === (axis < 0 ? axis + shape.length : axis) ? size : own));

const reduced: Rule = ([x, axes], { keep_dims }) => {
  const shape = shapeOf(x);
  const gone = new Set(numbers(axes).map((axis) => (axis < 0 ? axis + shape.length : axis)));
  return [
    keep_dims ? shape.map((size, i) => (gone.has(i) ? 1 : size)) : shape.filter((_, i) => !gone.has(i)),
  ];
};

/** [.., m, k] x [.., k, n] -> [.., m, n], either one perhaps transposed. */
const product: Rule = ([a, b], { adj_x, adj_y }) => {
  const [left, right] = [shapeOf(a), shapeOf(b)];
  const rows = left.at(adj_x ? -1 : -2) ?? 0;
  const columns = right.at(adj_y ? -2 : -1) ?? 0;
  return [[...broadcast(left.slice(0, -2), right.slice(0, -2)), rows, columns]];
};

/** Images [N, H, W, C] and a filter [h, w, ..]: `channels` says how many come out. */
const convolved =
  (channels: (filter: Shape) => number): Rule =>
  ([x, filter], { strides, padding }) => {
    const [images = 0, ...sides] = shapeOf(x);
    const kernel = shapeOf(filter);
    const [, ...steps] = strides as number[];
    const [height, width] = [0, 1].map((i) => {
      const covered = padding === 'SAME' ? 0 : (kernel[i] ?? 1) - 1;
      return Math.ceil(((sides[i] ?? 0) - covered) / (steps[i] ?? 1));
    }) as [number, number];
    return [[images, height, width, channels(kernel)]];
  };

/** Of the batch norm's further outputs only the channels' matter; TensorFlow keeps the rest to itself. */
const NONE: Shape = [0];

const RULES: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(
    ['Add', 'AddV2', 'Sub', 'Mul', 'RealDiv', 'Minimum', 'Maximum', 'Pow'].map((op) => [op, elementwise]),
  ),
  ...Object.fromEntries(
    [
      'Neg',
      'Square',
      'Sqrt',
      'Rsqrt',
      'Exp',
      'Log',
      'Relu',
      'ReluGrad',
      'Sigmoid',
      'Softmax',
      'ReverseV2',
      'AddN',
    ].map((op) => [op, asFirst]),
  ),
  Sum: reduced,
  Mean: reduced,
  Max: reduced,
  BatchMatMulV2: product,
  Conv2D: convolved((kernel) => kernel[3] ?? 0),
  DepthwiseConv2dNative: convolved((kernel) => (kernel[2] ?? 0) * (kernel[3] ?? 1)),
  Conv2DBackpropInput: ([sizes]) => [numbers(sizes)],
  DepthwiseConv2dNativeBackpropInput: ([sizes]) => [numbers(sizes)],
  Conv2DBackpropFilter: ([, sizes]) => [numbers(sizes)],
  DepthwiseConv2dNativeBackpropFilter: ([, sizes]) => [numbers(sizes)],
  FusedBatchNormV3: ([x, scale]) => [shapeOf(x), ...Array.from({ length: 4 }, () => shapeOf(scale)), NONE],
  FusedBatchNormGradV3: ([, x, scale]) => [shapeOf(x), shapeOf(scale), shapeOf(scale), NONE, NONE],
  Reshape: ([x, shape]) => {
    const sizes = numbers(shape);
    const known = sizes.reduce((all, size) => (size < 0 ? all : all * size), 1);
    return [sizes.map((size) => (size < 0 ? (x?.size ?? 0) / known : size))];
  },
  Cast: ([x], { DstT }) => (DstT === TYPES.float32 ? [shapeOf(x)] : []),
  Slice: ([, , size]) => [numbers(size)],
  Tile: ([x, multiples]) => {
    const times = numbers(multiples);
    return [shapeOf(x).map((size, i) => size * (times[i] ?? 1))];
  },
  PadV2: ([x, paddings]) => {
    const around = numbers(paddings);
    return [shapeOf(x).map((size, i) => size + (around[2 * i] ?? 0) + (around[2 * i + 1] ?? 0))];
  },
  SplitV: ([x, sizes, axis]) => {
    const [at = 0] = numbers(axis);
    return numbers(sizes).map((size) => withAxis(shapeOf(x), at, size));
  },
  ConcatV2: (inputs) => {
    const [at = 0] = numbers(inputs.at(-1));
    const parts = inputs.slice(0, -1).map(shapeOf);
    const size = parts.reduce((sum, part) => sum + (part.at(at) ?? 0), 0);
    return [withAxis(parts[0] ?? [], at, size)];
  },
  Pack: (inputs, { axis }) => {
    const shape = shapeOf(inputs[0]);
    const at = axis as number;
    return [[...shape.slice(0, at), inputs.length, ...shape.slice(at)]];
  },
  Unpack: ([x], { axis, num }) => {
    const shape = shapeOf(x).filter((_, i) => i !== axis);
    return Array.from({ length: num as number }, () => shape);
  },
};

/** Undefined where the operation has to be run to know, or deals in anything but floats. */
export function outputShapes(
  op: string,
  attributes: readonly Attribute[],
  inputs: readonly Tensor[],
): readonly Shape[] | undefined {
  const values: Attributes = Object.fromEntries(attributes.map(({ name, value }) => [name, value]));
  if (op in OPERATIONS)
    return outputShapesOf(
      op as OperationName,
      inputs.map(({ shape, size }) => (size === 0 ? undefined : shape)),
      values as Readonly<Record<string, number>>,
    );
  // Whole numbers are sizes and axes; what computes with them is run.
  if (inputs.every(({ dtype }) => dtype !== 'float32')) return undefined;
  const shapes = RULES[op]?.(inputs, values);
  return shapes === undefined || shapes.length === 0 ? undefined : shapes;
}
