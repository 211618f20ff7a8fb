/**
 * How the project's own operations (table.ts; their kernels are in native/ at the top) are called from tfjs and
 * differentiated.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';
import { nodeBackend, tf } from '../../tensorflow.js';
import type { Part } from '../operations.js';
import {
  type AttributesOf,
  type InputsOf,
  inputsOf,
  type OperationName,
  type OutputsOf,
  outputsOf,
} from '../table.js';

/** Runs one operation. */
export function run<Op extends OperationName>(
  op: Op,
  inputs: InputsOf<Op, Tensor>,
  attributes: AttributesOf<Op>,
): OutputsOf<Op, Tensor> {
  const backend = nodeBackend();
  if (!backend) throw new Error(`${op} needs TensorFlow's C library`);
  const typed = Object.entries<number>(attributes).map(([name, value]) => ({
    name,
    type: backend.binding.TF_ATTR_INT,
    value,
  }));
  const given = inputs as Readonly<Record<string, Tensor | undefined>>;
  const outputs = outputsOf(op);
  const made = backend.executeMultipleOutputs(
    op,
    typed,
    inputsOf(op).map(({ name }) => given[name] ?? tf.zeros([0])),
    outputs.length,
  );
  return Object.fromEntries(outputs.map(({ name }, i) => [name, made[i]])) as OutputsOf<Op, Tensor>;
}

let available: boolean | undefined;

/** Whether the TensorFlow in use holds the kernels: its CPU backend, with the binding that set-up built. */
export function nativeAvailable(): boolean {
  if (nodeBackend() === undefined) return false;
  available ??= tf.tidy(() => {
    try {
      run('X3dStem', { clips: tf.zeros([1, 1, 2, 2, 1]), weights: tf.zeros([3, 3, 1, 1]) }, {});
      return true;
    } catch {
      return false;
    }
  });
  return available;
}

type Tensors = Readonly<Record<string, Tensor | undefined>>;

/**
 * A value with a gradient of our own. `forward` names what the backward pass keeps beside the inputs; `aside` leaves
 * without a gradient. Absent inputs stay absent.
 */
export function differentiable<Inputs extends Tensors, Kept extends Tensors, Value extends Tensor>(
  inputs: Inputs,
  forward: (inputs: Inputs) => { value: Value; kept: Kept; aside: readonly Tensor2D[] },
  backward: (dy: Tensor, kept: Inputs & Kept) => Tensors,
): Part<Value> {
  const names = Object.keys(inputs).filter((name) => inputs[name]);
  let leaving: Tensor2D[] = [];
  const custom = tf.customGrad((...args) => {
    const save = args.pop() as unknown as (tensors: Tensor[]) => void;
    const own = Object.fromEntries(names.map((name, i) => [name, args[i]])) as unknown as Inputs;
    const { value, kept, aside } = forward(own);
    const all: Tensors = { ...own, ...kept };
    const keptNames = Object.keys(all).filter((name) => all[name]);
    save(keptNames.map((name) => all[name] as Tensor));
    // What leaves beside the value would end with customGrad's scope.
    leaving = aside.map((tensor) => tf.keep(tensor));
    const gradFunc = (dy: Tensor, saved: Tensor[]) => {
      const again = Object.fromEntries(keptNames.map((name, i) => [name, saved[i]]));
      const gradients = backward(dy, again as unknown as Inputs & Kept);
      return names.map((name) => gradients[name] as Tensor);
    };
    return { value, gradFunc };
  });
  const output = custom(...names.map((name) => inputs[name] as Tensor)) as Value;
  const moments = leaving.map((tensor) => tensor.clone());
  tf.dispose(leaving);
  return { output, moments };
}

/** [2, C] -> its two rows: of sums, the gradients of a norm's shift and scale. */
export function shiftAndScale(sums: Tensor): { shift: Tensor; scale: Tensor } {
  const [shift, scale] = tf.unstack(sums) as [Tensor, Tensor];
  return { shift, scale };
}
