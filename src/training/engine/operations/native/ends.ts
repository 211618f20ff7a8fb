/** The network's ends: the stem, and the head up to its mean over the clip. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';
import type { Activations, HeadWeights, Part, StemWeights } from '../operations.js';
import { differentiable, run, shiftAndScale } from './kernels.js';

/**
 * Spatial convolution of stride 2, temporal convolution, norm, ReLU. Clips [T, N, H, W, input] are the network's
 * input: no gradient flows to them.
 */
export function nativeStem(clips: Activations, weights: StemWeights): Part<Activations> {
  const { spatial, temporal, norm } = weights;
  const inputs = { spatial, temporal, scale: norm.scale, shift: norm.shift };
  const forward = (i: typeof inputs) => {
    const [a] = run('X3dStem', [clips, i.spatial]);
    const temporal = [a, undefined, undefined, undefined, i.temporal];
    const [b, , batch] = run('X3dChannelwise', temporal, { stride: 1 });
    const moments = norm.running ?? (batch as Tensor2D);
    const [y] = run('X3dResidual', [
      b,
      moments,
      i.scale,
      i.shift,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    return { a, b, moments, y: y as Activations };
  };
  if (norm.running) return { output: forward(inputs).y, moments: [] };
  return differentiable(
    inputs,
    (own) => {
      const kept = forward(own);
      return { value: kept.y, kept, aside: [kept.moments] };
    },
    (dy, k) => {
      const [dz, sums] = run('X3dResidualGrad', [dy, k.y, k.b, k.moments, undefined, undefined]);
      const channels = k.scale.size;
      const clipSums = sums.reshape([1, 2, channels]);
      const [coefficients] = run(
        'X3dExciteGrad',
        [clipSums, undefined, k.moments, k.scale, k.shift, undefined, undefined, undefined, undefined],
        { positions: k.b.size / channels },
      );
      const [da, temporal] = run(
        'X3dChannelwiseGrad',
        [dz, k.b, coefficients, k.a, undefined, undefined, undefined, k.temporal],
        { stride: 1 },
      );
      const [spatial] = run('X3dStemGrad', [da, clips]);
      return { spatial, temporal, ...shiftAndScale(sums) };
    },
  );
}

/** Expansion, norm, ReLU, mean over the whole clip: x [T, N, H, W, input] -> [N, inner]. */
export function nativeHead(x: Activations, weights: HeadWeights): Part<Tensor2D> {
  const { expand, norm } = weights;
  const inputs: { x: Tensor; expand: Tensor; scale: Tensor; shift: Tensor } = {
    ...{ x, expand, scale: norm.scale, shift: norm.shift },
  };
  const forward = (i: typeof inputs) => {
    const [e, batch] = run('X3dPointwise', [i.x, i.expand], { stride: 1, statistics: norm.running ? 0 : 1 });
    const moments = norm.running ?? (batch as Tensor2D);
    const [mean] = run('X3dPooled', [e, moments, i.scale, i.shift]);
    return { kept: { e, moments }, mean: mean as Tensor2D };
  };
  if (norm.running) return { output: forward(inputs).mean, moments: [] };
  return differentiable(
    inputs,
    (own) => {
      const { kept, mean } = forward(own);
      return { value: mean, kept, aside: [kept.moments] };
    },
    (dy, k) => {
      const [de, sums] = run('X3dPooledGrad', [dy, k.e, k.moments, k.scale, k.shift]);
      const expansion = [de, k.e, k.moments, k.scale, sums, k.x, k.expand, undefined];
      const [dx, expand] = run('X3dPointwiseGrad', expansion, { stride: 1, residual_stride: 1 });
      return { x: dx, expand, ...shiftAndScale(sums) };
    },
  );
}
