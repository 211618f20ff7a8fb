/**
 * The parts that a network is made of, each from its input to its output, in the two implementations plain.ts (tfjs
 * operations, any device) and native.ts (the project's kernels, CPU). Between parts activations are
 * [T, N, H, W, C]: time first, so that a shift in time is a slice.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor4D, Tensor5D } from '@tensorflow/tfjs-node-gpu';

/** [T, N, H, W, C]. */
export type Activations = Tensor5D;

/** A batch norm: in training by the batch's moments; in evaluation by `running` [2, C], mean and variance. */
export interface Norm {
  readonly scale: Tensor1D;
  readonly shift: Tensor1D;
  readonly running?: Tensor2D | undefined;
}

/** A part's output and, in training, the moments [2, C] (mean, biased variance) of its batch norms in order. */
export interface Part<T extends Tensor> {
  readonly output: T;
  readonly moments: readonly Tensor2D[];
}

export interface StemWeights {
  /** [3, 3, input, output] */
  readonly spatial: Tensor4D;
  /** [K, 1, 1, output] */
  readonly temporal: Tensor4D;
  readonly norm: Norm;
}

export interface BlockWeights {
  /** [input, inner] */
  readonly expand: Tensor2D;
  readonly expandNorm: Norm;
  /** [3, 3, 3, inner] */
  readonly channelwise: Tensor4D;
  readonly channelwiseNorm: Norm;
  /** [inner, R], [R], [R, inner], [inner] */
  readonly squeezeExcite?:
    | {
        readonly reduce: Tensor2D;
        readonly reduceBias: Tensor1D;
        readonly expand: Tensor2D;
        readonly expandBias: Tensor1D;
      }
    | undefined;
  /** [inner, output] */
  readonly project: Tensor2D;
  readonly projectNorm: Norm;
  /** [input, output]; absent where the block keeps its input's shape. */
  readonly shortcut?: { readonly weights: Tensor2D; readonly norm?: Norm | undefined } | undefined;
}

export interface HeadWeights {
  /** [input, inner] */
  readonly expand: Tensor2D;
  readonly norm: Norm;
}

export interface Operations {
  /** Clips [T, N, H, W, 3] -> [T, N, H/2, W/2, C] (rounded up). Moments of the norm. No gradient flows to clips. */
  stem(clips: Activations, weights: StemWeights): Part<Activations>;
  /** x [T, N, H, W, C] -> [T, N, H', W', C']. Moments of norms a, b, c and, where it has one, the shortcut's. */
  block(x: Activations, weights: BlockWeights, stride: 1 | 2): Part<Activations>;
  /**
   * x [T, N, H, W, C] -> expansion, norm, ReLU, mean over the whole time and every window of `side` x `side`:
   * [N x windows, inner].
   */
  head(x: Activations, weights: HeadWeights, side: number): Part<Tensor2D>;
}

/** Of every batch norm (PyTorch's default). */
export const NORM_EPSILON = 1e-5;
