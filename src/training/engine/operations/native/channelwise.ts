/** The channelwise convolution as one kernel each way, for networks that are tfjs operations otherwise. */
import type { Tensor, Tensor4D } from '@tensorflow/tfjs-node-gpu';
import { nodeBackend, tf } from '../../tensorflow.js';
import type { Activations } from '../operations.js';
import { run } from './kernels.js';

/**
 * Whether X3D_CARD_KERNELS is `on`. Until they are measured on a card, a card's path is TensorFlow's own depthwise
 * convolutions.
 */
export const cardKernelsWanted = () => process.env.X3D_CARD_KERNELS === 'on' && nodeBackend() !== undefined;

type Save = (tensors: Tensor[]) => void;

/** x [T, N, H, W, C], filter [3, 3, 3, C], or [K, 1, 1, C] for odd K without a stride; zero padding. */
export function channelwiseByKernel(x: Activations, filter: Tensor4D, stride: 1 | 2): Activations {
  const convolution = tf.customGrad((...args) => {
    const [a, own, save] = args as unknown as [Tensor, Tensor, Save];
    save([a, own]);
    const { b } = run('X3dChannelwise', { a, filter: own }, { stride, statistics: 0 });
    const gradFunc = (du: Tensor, saved: Tensor[]) => {
      const [a, own] = saved as [Tensor, Tensor];
      const { da, dfilter } = run('X3dChannelwiseGrad', { du, a, filter: own }, { stride });
      return [da, dfilter];
    };
    return { value: b, gradFunc };
  });
  return convolution(x, filter) as Activations;
}
