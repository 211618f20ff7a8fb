/** The parts of a network in tfjs operations, differentiated by tfjs: for GPUs, and wherever the kernels are not. */
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs-node-gpu';
import { type NodeBackend, nodeBackend, tf } from '../tensorflow.js';
import { meanOver, rectified } from './gradients.js';
import { cardKernelsWanted, channelwiseByKernel } from './native/channelwise.js';
import {
  type Activations,
  type BlockWeights,
  type HeadWeights,
  NORM_EPSILON,
  type Norm,
  type Operations,
  type Part,
  type StemWeights,
} from './operations.js';

type GradSaver = (tensors: Tensor[]) => void;

/** Without padding, as tfjs pads 'same' at stride 2 to one side only, unlike PyTorch. */
const PADDED = [
  [0, 0],
  [1, 1],
  [1, 1],
  [0, 0],
] as [number, number][];

/** [T, N, H, W, C] -> [T N, H, W, C] and back with another H, W, C. */
const images = (x: Activations): Tensor4D =>
  x.reshape([x.shape[0] * x.shape[1], x.shape[2], x.shape[3], x.shape[4]]);
const clips = (x: Tensor4D, like: Activations): Activations =>
  x.reshape([like.shape[0], like.shape[1], x.shape[1], x.shape[2], x.shape[3]]);

/**
 * A batch norm in training as TensorFlow's one operation, which a GPU runs far faster than the arithmetic; its gradient
 * is not tfjs's to know.
 */
function fusedNormalise(
  x: Activations,
  { scale, shift }: Norm,
  backend: NodeBackend,
  moments: Tensor2D[],
): Activations {
  const rows = x.size / x.shape[4];
  const { binding } = backend;
  const attributes = [
    { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: 'U', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: 'epsilon', type: binding.TF_ATTR_FLOAT, value: NORM_EPSILON },
    { name: 'data_format', type: binding.TF_ATTR_STRING, value: 'NHWC' },
    { name: 'is_training', type: binding.TF_ATTR_BOOL, value: true },
  ];
  let batch: Tensor2D | undefined;
  const normalised = tf.customGrad((...args) => {
    const [own, ownScale, ownShift, save] = args as unknown as [Tensor4D, Tensor1D, Tensor1D, GradSaver];
    const none = tf.zeros([0]);
    const [y, mean, variance, ...reserved] = backend.executeMultipleOutputs(
      'FusedBatchNormV3',
      attributes,
      [own, ownScale, ownShift, none, none],
      6,
    ) as [Tensor4D, Tensor1D, Tensor1D, ...Tensor[]];
    // TensorFlow's variance is the unbiased one.
    batch = tf.keep(tf.stack([mean, variance.mul((rows - 1) / rows)])) as Tensor2D;
    save([own, ownScale, ...reserved]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) =>
      backend.executeMultipleOutputs('FusedBatchNormGradV3', attributes, [dy, ...saved], 5).slice(0, 3);
    return { value: y, gradFunc };
  })(images(x), scale, shift);
  moments.push((batch as unknown as Tensor2D).clone());
  tf.dispose(batch as unknown as Tensor2D);
  return clips(normalised as Tensor4D, x);
}

function normalise(x: Activations, norm: Norm, moments: Tensor2D[]): Activations {
  const backend = nodeBackend();
  if (!norm.running && backend?.binding.isUsingGpuDevice()) return fusedNormalise(x, norm, backend, moments);
  const rows = x.reshape([-1, x.shape[4]]) as Tensor2D;
  const { mean, variance } = norm.running ? ofRunning(norm.running) : ofBatch(rows);
  if (!norm.running) moments.push(tf.stack([mean, variance]) as Tensor2D);
  const factor = tf.mul(norm.scale, tf.rsqrt(tf.add(variance, NORM_EPSILON)));
  return rows
    .mul(factor)
    .add(tf.sub(norm.shift, tf.mul(mean, factor)))
    .reshape(x.shape);
}

function ofBatch(rows: Tensor2D): { mean: Tensor; variance: Tensor } {
  const mean = meanOver(rows, [0]);
  return { mean, variance: meanOver(rows.sub(mean).square(), [0]) };
}

function ofRunning(running: Tensor2D): { mean: Tensor; variance: Tensor } {
  const [mean, variance] = tf.unstack(running) as [Tensor1D, Tensor1D];
  return { mean, variance };
}

/** A 1x1x1 convolution: one product of matrices. */
function pointwise(x: Activations, weights: Tensor2D, stride: 1 | 2 = 1): Activations {
  const [frames, n, height, width, channels] = x.shape;
  const [inputs, outputs] = weights.shape;
  if (stride === 2)
    return clips(tf.conv2d(images(x), weights.reshape([1, 1, inputs, outputs]), 2, 'valid'), x);
  const rows = x.reshape([-1, channels]) as Tensor2D;
  return tf.matMul(rows, weights).reshape([frames, n, height, width, outputs]);
}

/** y[t] = sum over k of tap(k, x[t + k - K / 2]): the frames that a tap reaches, shifted into place by padding. */
function overTime(
  x: Activations,
  taps: number,
  tap: (frames: Activations, k: number) => Activations,
): Activations {
  const [frames, n, height, width, channels] = x.shape;
  const parts: Activations[] = [];
  for (let k = 0; k < taps; k++) {
    const shift = k - (taps - 1) / 2;
    const reached = frames - Math.abs(shift);
    if (reached <= 0) continue;
    const from = Math.max(0, shift);
    const read = shift === 0 ? x : x.slice([from, 0, 0, 0, 0], [reached, n, height, width, channels]);
    const none = [0, 0] as [number, number];
    const before = Math.max(0, -shift);
    const made = tap(read, k);
    parts.push(
      shift === 0
        ? made
        : (tf.pad(made, [[before, frames - reached - before], none, none, none, none]) as Activations),
    );
  }
  return tf.addN(parts) as Activations;
}

/** A channelwise 3x3x3 convolution as three depthwise ones, since TensorFlow's Conv3D knows no groups. */
export function depthwiseOverTime(x: Activations, weights: Tensor4D, stride: 1 | 2): Activations {
  const channels = x.shape[4];
  return overTime(clips(tf.pad(images(x), PADDED), x), 3, (frames, k) => {
    const filter = weights.slice([k, 0, 0, 0], [1, 3, 3, channels]).reshape([3, 3, channels, 1]) as Tensor4D;
    return clips(tf.depthwiseConv2d(images(frames), filter, stride, 'valid'), frames);
  });
}

function temporal(x: Activations, weights: Tensor4D): Activations {
  if (cardKernelsWanted()) return channelwiseByKernel(x, weights, 1);
  const [taps, , , channels] = weights.shape;
  return overTime(x, taps, (frames, k) =>
    frames.mul(weights.slice([k, 0, 0, 0], [1, 1, 1, channels]).reshape([channels])),
  );
}

function squeezeExcite(x: Activations, weights: NonNullable<BlockWeights['squeezeExcite']>): Activations {
  const [frames, n, height, width, channels] = x.shape;
  const mean = meanOver(x.reshape([frames, n, height * width, channels]), [0, 2]) as Tensor2D;
  const hidden = rectified(tf.matMul(mean, weights.reduce).add(weights.reduceBias)) as Tensor2D;
  const gate = tf.matMul(hidden, weights.expand).add(weights.expandBias).sigmoid();
  return x.mul(gate.reshape([1, n, 1, 1, channels]));
}

function stem(x: Activations, weights: StemWeights): Part<Activations> {
  const moments: Tensor2D[] = [];
  const spatial = clips(tf.conv2d(tf.pad(images(x), PADDED), weights.spatial, 2, 'valid'), x);
  return {
    output: rectified(normalise(temporal(spatial, weights.temporal), weights.norm, moments)),
    moments,
  };
}

function block(x: Activations, weights: BlockWeights, stride: 1 | 2): Part<Activations> {
  const moments: Tensor2D[] = [];
  const a = rectified(normalise(pointwise(x, weights.expand), weights.expandNorm, moments));
  const channelwise = cardKernelsWanted() ? channelwiseByKernel : depthwiseOverTime;
  const b = normalise(channelwise(a, weights.channelwise, stride), weights.channelwiseNorm, moments);
  const gated = weights.squeezeExcite ? squeezeExcite(b, weights.squeezeExcite) : b;
  const activated = gated.mul(gated.sigmoid()) as Activations;
  const c = normalise(pointwise(activated, weights.project), weights.projectNorm, moments);
  const strided = weights.shortcut ? pointwise(x, weights.shortcut.weights, stride) : x;
  const shortcut = weights.shortcut?.norm ? normalise(strided, weights.shortcut.norm, moments) : strided;
  return { output: rectified(c.add(shortcut)) as Activations, moments };
}

function head(x: Activations, weights: HeadWeights, side: number): Part<Tensor2D> {
  const moments: Tensor2D[] = [];
  const inner = weights.expand.shape[1];
  const activated = rectified(normalise(pointwise(x, weights.expand), weights.norm, moments));
  const still = meanOver(activated, [0]) as Tensor4D;
  const [, height, width] = still.shape;
  // One window: a plain mean, which every device differentiates fast.
  const pooled: Tensor =
    side === height && side === width
      ? meanOver(still, [1, 2])
      : tf.avgPool(still as Tensor3D | Tensor4D, side, 1, 'valid');
  return { output: pooled.reshape([-1, inner]), moments };
}

export const plain: Operations = { stem, block, head };
