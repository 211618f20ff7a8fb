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
    const { y: a } = run('X3dStem', { clips, weights: i.spatial }, {});
    const temporal = { a, filter: i.temporal };
    const { b, moments: batch } = run('X3dChannelwise', temporal, { stride: 1, statistics: 1 });
    const moments = norm.running ?? (batch as Tensor2D);
    const { y } = run('X3dResidual', { c: b, moments, scale: i.scale, shift: i.shift }, {});
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
      const end = { gradient: dy, y: k.y, c: k.b, moments: k.moments };
      const { dz, sums } = run('X3dResidualGrad', end, {});
      const channels = k.scale.size;
      const norm = { moments: k.moments, scale: k.scale, shift: k.shift };
      const { coefficients } = run(
        'X3dExciteGrad',
        { clip_sums: sums.reshape([1, 2, channels]), ...norm },
        { positions: k.b.size / channels },
      );
      const { da, dfilter: temporal } = run(
        'X3dChannelwiseGrad',
        { du: dz, b: k.b, coefficients, a: k.a, filter: k.temporal },
        { stride: 1 },
      );
      const { dweights: spatial } = run('X3dStemGrad', { gradient: da, clips }, {});
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
    const statistics = norm.running ? 0 : 1;
    const expansion = { x: i.x, weights: i.expand };
    const { y: e, moments: batch } = run('X3dPointwise', expansion, { stride: 1, statistics });
    const moments = norm.running ?? (batch as Tensor2D);
    const { mean } = run('X3dPooled', { e, moments, scale: i.scale, shift: i.shift }, {});
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
      const norm = { moments: k.moments, scale: k.scale };
      const end = { gradient: dy, e: k.e, ...norm, shift: k.shift };
      const { de, sums } = run('X3dPooledGrad', end, {});
      const { dx, dweights: expand } = run(
        'X3dPointwiseGrad',
        { gradient: de, raw: k.e, ...norm, sums, x: k.x, weights: k.expand },
        { stride: 1, residual_stride: 1 },
      );
      return { x: dx, expand, ...shiftAndScale(sums) };
    },
  );
}
