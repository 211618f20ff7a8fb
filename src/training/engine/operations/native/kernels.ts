/** How the project's own TensorFlow kernels (native/ at the top) are called from tfjs and differentiated. */
import * as tf from '@tensorflow/tfjs-node-gpu';

/** Activations, [T, N, H, W, C]. */
export type Activations = tf.Tensor5D;

/** A batch norm: in training by the batch's moments; in evaluation by `running` [2, C], mean and variance. */
export interface Norm {
  readonly scale: tf.Tensor1D;
  readonly shift: tf.Tensor1D;
  readonly running?: tf.Tensor2D;
}

/** A part's output and, in training, the moments [2, C] (mean, biased variance) of its batch norms in order. */
export interface Part<T extends tf.Tensor> {
  readonly output: T;
  readonly moments: readonly tf.Tensor2D[];
}

interface Backend {
  readonly binding: { readonly TF_ATTR_INT: number };
  executeMultipleOutputs(op: string, attributes: object[], inputs: tf.Tensor[], outputs: number): tf.Tensor[];
}

/** The operations of native/registration.cc and how many outputs each has. */
const OUTPUTS = {
  X3dPointwise: 2,
  X3dPointwiseGrad: 2,
  X3dProject: 2,
  X3dProjectGrad: 3,
  X3dChannelwise: 3,
  X3dChannelwiseGrad: 3,
  X3dExcite: 2,
  X3dExciteGrad: 6,
  X3dResidual: 1,
  X3dResidualGrad: 3,
  X3dPooled: 1,
  X3dPooledGrad: 2,
  X3dStem: 1,
  X3dStemGrad: 1,
} as const;

interface Outputs {
  1: [tf.Tensor];
  2: [tf.Tensor, tf.Tensor];
  3: [tf.Tensor, tf.Tensor, tf.Tensor];
  6: [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
}

/** Runs one operation; an undefined input is one that is not there, an empty tensor to the kernel. */
export function run<Op extends keyof typeof OUTPUTS>(
  op: Op,
  inputs: readonly (tf.Tensor | undefined)[],
  attributes: Readonly<Record<string, number>> = {},
): Outputs[(typeof OUTPUTS)[Op]] {
  const backend = tf.backend() as unknown as Backend;
  const typed = Object.entries(attributes).map(([name, value]) => ({
    name,
    type: backend.binding.TF_ATTR_INT,
    value,
  }));
  const present = inputs.map((input) => input ?? tf.zeros([0]));
  return backend.executeMultipleOutputs(op, typed, present, OUTPUTS[op]) as Outputs[(typeof OUTPUTS)[Op]];
}

let available: boolean | undefined;

/** Whether the TensorFlow in use holds the kernels: its CPU backend, with the binding that set-up built. */
export function nativeAvailable(): boolean {
  if (tf.getBackend() !== 'tensorflow') return false;
  available ??= tf.tidy(() => {
    try {
      run('X3dStem', [tf.zeros([1, 1, 2, 2, 1]), tf.zeros([3, 3, 1, 1])]);
      return true;
    } catch {
      return false;
    }
  });
  return available;
}

type Tensors = Readonly<Record<string, tf.Tensor | undefined>>;

/**
 * A value with a gradient of our own. `forward` names what the backward pass keeps beside the inputs; `aside` leaves
 * without a gradient. Absent inputs stay absent.
 */
export function differentiable<Inputs extends Tensors, Kept extends Tensors, Value extends tf.Tensor>(
  inputs: Inputs,
  forward: (inputs: Inputs) => { value: Value; kept: Kept; aside: readonly tf.Tensor2D[] },
  backward: (dy: tf.Tensor, kept: Inputs & Kept) => Tensors,
): Part<Value> {
  const names = Object.keys(inputs).filter((name) => inputs[name]);
  let leaving: tf.Tensor2D[] = [];
  const custom = tf.customGrad((...args) => {
    const save = args.pop() as unknown as (tensors: tf.Tensor[]) => void;
    const own = Object.fromEntries(names.map((name, i) => [name, args[i]])) as unknown as Inputs;
    const { value, kept, aside } = forward(own);
    const all: Tensors = { ...own, ...kept };
    const keptNames = Object.keys(all).filter((name) => all[name]);
    save(keptNames.map((name) => all[name] as tf.Tensor));
    // What leaves beside the value would end with customGrad's scope.
    leaving = aside.map((tensor) => tf.keep(tensor));
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const again = Object.fromEntries(keptNames.map((name, i) => [name, saved[i]]));
      const gradients = backward(dy, again as unknown as Inputs & Kept);
      return names.map((name) => gradients[name] as tf.Tensor);
    };
    return { value, gradFunc };
  });
  const output = custom(...names.map((name) => inputs[name] as tf.Tensor)) as Value;
  const moments = leaving.map((tensor) => tensor.clone());
  tf.dispose(leaving);
  return { output, moments };
}

/** [2, C] -> its two rows: of sums, the gradients of a norm's shift and scale. */
export function shiftAndScale(sums: tf.Tensor): { shift: tf.Tensor; scale: tf.Tensor } {
  const [shift, scale] = tf.unstack(sums) as [tf.Tensor, tf.Tensor];
  return { shift, scale };
}
