/**
 * Shapes of what an operation gives, from what it takes: for the operations that touch much memory in a step, so that
 * recording one need not run them. Operations that are not here are run.
 */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { OUTPUTS } from './operations/native/shapes.js';
import type { Attribute } from './tensorflow.js';

type Shape = readonly number[];
type Rule = (inputs: readonly Tensor[]) => readonly Shape[];

/** Each axis is the larger of the two, from the last backwards. */
function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) =>
    Math.max(a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1),
  );
}

const elementwise: Rule = (inputs) => [inputs.map(({ shape }) => shape as Shape).reduce(broadcast)];
/** Whole numbers that an operation takes as a tensor. */
const numbers = (tensor: Tensor | undefined): number[] => [...(tensor?.dataSync() ?? [])];
const shapeOf = (tensor: Tensor | undefined): Shape => tensor?.shape ?? [];
const withAxis = (shape: Shape, axis: number, size: number): Shape =>
  shape.map((own, i) => (i === (axis < 0 ? axis + shape.length : axis) ? size : own));

const RULES: Readonly<Record<string, Rule>> = {
  Add: elementwise,
  AddV2: elementwise,
  Sub: elementwise,
  Mul: elementwise,
  RealDiv: elementwise,
  Square: elementwise,
  Relu: elementwise,
  Reshape: ([, shape]) => [numbers(shape)],
  Slice: ([, , size]) => [numbers(size)],
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
};

/** Undefined where the operation has to be run to know, or its inputs are not floats. */
export function outputShapes(
  op: string,
  attributes: readonly Attribute[],
  inputs: readonly Tensor[],
): readonly Shape[] | undefined {
  const own = OUTPUTS[op as keyof typeof OUTPUTS];
  if (own) {
    const values = Object.fromEntries(attributes.map(({ name, value }) => [name, value as number]));
    return own.shapes(
      inputs.map(({ shape }) => shape),
      values,
    );
  }
  if (inputs[0]?.dtype !== 'float32') return undefined;
  const shapes = RULES[op]?.(inputs);
  // A size of -1 is for TensorFlow to find out.
  return shapes?.every((shape) => shape.every((size) => size >= 0)) ? shapes : undefined;
}
