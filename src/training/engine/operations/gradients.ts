/**
 * Operations whose own gradients in tfjs multiply by constants as large as their input: a recorded graph would hold
 * every one of them. Here they are one operation each way.
 */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { nodeBackend, tf } from '../tensorflow.js';

type Save = (tensors: Tensor[]) => void;

/** max(x, 0). */
export function rectified<T extends Tensor>(x: T): T {
  const backend = nodeBackend();
  if (!backend) return x.relu() as T;
  const { binding } = backend;
  const attributes = [{ name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT }];
  const relu = tf.customGrad((...args) => {
    const [own, save] = args as unknown as [Tensor, Save];
    const value = own.relu();
    save([value]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) =>
      backend.executeSingleOutput('ReluGrad', attributes, [dy, saved[0] as Tensor]);
    return { value, gradFunc };
  });
  return relu(x) as T;
}

/** The mean over some axes, which are gone afterwards. */
export function meanOver(x: Tensor, axes: readonly number[]): Tensor {
  const count = axes.reduce((product, axis) => product * (x.shape[axis] ?? 1), 1);
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const repeats = x.shape.map((size, axis) => (axes.includes(axis) ? size : 1));
  const mean = tf.customGrad((own) => ({
    value: (own as Tensor).mean([...axes]),
    gradFunc: (dy: Tensor) => tf.tile(dy.div(count).reshape(kept), repeats),
  }));
  return mean(x);
}
