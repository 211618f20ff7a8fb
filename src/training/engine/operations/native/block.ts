/**
 * One block: expand, norm, ReLU, channelwise convolution, norm, squeeze-excite, swish, project, norm, plus the
 * shortcut, ReLU. Between two convolutions nothing is written but the raw output of the first: normalisation,
 * activation and gate are applied where it is read, statistics are gathered where it is made. The backward pass keeps
 * the block's input and output and the three raw outputs.
 */
import type { Tensor2D } from '@tensorflow/tfjs-node-gpu';
import type { Activations, BlockWeights, Part } from '../operations.js';
import { differentiable, run, shiftAndScale } from './kernels.js';

const named = ({ squeezeExcite: se, shortcut, ...w }: BlockWeights, x: Activations) => ({
  x,
  expand: w.expand,
  scaleA: w.expandNorm.scale,
  shiftA: w.expandNorm.shift,
  channelwise: w.channelwise,
  scaleB: w.channelwiseNorm.scale,
  shiftB: w.channelwiseNorm.shift,
  reduce: se?.reduce,
  reduceBias: se?.reduceBias,
  excite: se?.expand,
  exciteBias: se?.expandBias,
  project: w.project,
  scaleC: w.projectNorm.scale,
  shiftC: w.projectNorm.shift,
  shortcut: shortcut?.weights,
  scaleS: shortcut?.norm?.scale,
  shiftS: shortcut?.norm?.shift,
});
type Inputs = ReturnType<typeof named>;

function forward(i: Inputs, weights: BlockWeights, stride: number) {
  const statistics = weights.expandNorm.running ? 0 : 1;
  const [a, batchA] = run('X3dPointwise', [i.x, i.expand], { stride: 1, statistics });
  const momentsA = weights.expandNorm.running ?? batchA;
  const [b, means, batchB] = run('X3dChannelwise', [a, momentsA, i.scaleA, i.shiftA, i.channelwise], {
    stride,
  });
  const momentsB = weights.channelwiseNorm.running ?? batchB;
  const [gate, hidden] = i.reduce
    ? run('X3dExcite', [means, momentsB, i.scaleB, i.shiftB, i.reduce, i.reduceBias, i.excite, i.exciteBias])
    : [];
  const [c, batchC] = run('X3dProject', [b, momentsB, i.scaleB, i.shiftB, gate, i.project], { statistics });
  const momentsC = weights.projectNorm.running ?? batchC;
  const normed = i.scaleS !== undefined;
  const [s, batchS] = i.shortcut
    ? run('X3dPointwise', [i.x, i.shortcut], { stride, statistics: normed ? statistics : 0 })
    : [];
  const momentsS = normed ? (weights.shortcut?.norm?.running ?? batchS) : undefined;
  const [y] = run('X3dResidual', [c, momentsC, i.scaleC, i.shiftC, s ?? i.x, momentsS, i.scaleS, i.shiftS]);
  return { a, b, means, gate, hidden, c, s, y, momentsA, momentsB, momentsC, momentsS };
}

function backward(dy: Activations, k: Inputs & ReturnType<typeof forward>, stride: number) {
  const shortcut = k.momentsS ? k.s : undefined;
  const [dz, sumsC, sumsS] = run('X3dResidualGrad', [dy, k.y, k.c, k.momentsC, shortcut, k.momentsS]);
  const [du, project, clipSums] = run('X3dProjectGrad', [
    ...[dz, k.c, k.momentsC, k.scaleC, sumsC],
    ...[k.b, k.momentsB, k.scaleB, k.shiftB, k.gate, k.project],
  ]);
  const [frames, , height, width] = k.b.shape as Activations['shape'];
  const [coefficients, sumsB, reduce, reduceBias, excite, exciteBias] = run(
    'X3dExciteGrad',
    [clipSums, k.means, k.momentsB, k.scaleB, k.shiftB, k.gate, k.hidden, k.reduce, k.excite],
    { positions: frames * height * width },
  );
  const [da, channelwise, sumsA] = run(
    'X3dChannelwiseGrad',
    [du, k.b, coefficients, k.a, k.momentsA, k.scaleA, k.shiftA, k.channelwise],
    { stride },
  );
  // The shortcut's share of the input's gradient is added where the expansion's is made.
  const [residual, dShortcut] = k.shortcut
    ? run(
        'X3dPointwiseGrad',
        [
          dz,
          ...(k.momentsS ? [k.s, k.momentsS, k.scaleS, sumsS] : [dz, undefined, undefined, undefined]),
          k.x,
          k.shortcut,
          undefined,
        ],
        { stride, residual_stride: 1 },
      )
    : [dz];
  const [x, expand] = run(
    'X3dPointwiseGrad',
    [da, k.a, k.momentsA, k.scaleA, sumsA, k.x, k.expand, residual],
    { stride: 1, residual_stride: k.shortcut ? stride : 1 },
  );
  const a = shiftAndScale(sumsA);
  const b = shiftAndScale(sumsB);
  const c = shiftAndScale(sumsC);
  const s = k.momentsS ? shiftAndScale(sumsS) : undefined;
  return {
    ...{ x, expand, scaleA: a.scale, shiftA: a.shift, channelwise, scaleB: b.scale, shiftB: b.shift },
    ...{ reduce, reduceBias, excite, exciteBias, project, scaleC: c.scale, shiftC: c.shift },
    ...{ shortcut: dShortcut, scaleS: s?.scale, shiftS: s?.shift },
  };
}

/**
 * x [T, N, H, W, input] -> [T, N, H', W', output]; `stride` in space. Moments of norms a, b, c and, where it has one,
 * the shortcut's.
 */
export function nativeBlock(x: Activations, weights: BlockWeights, stride: 1 | 2): Part<Activations> {
  const inputs = named(weights, x);
  if (weights.expandNorm.running) {
    return { output: forward(inputs, weights, stride).y as Activations, moments: [] };
  }
  return differentiable(
    inputs,
    (own) => {
      const kept = forward(own, weights, stride);
      const { momentsA, momentsB, momentsC, momentsS } = kept;
      const aside = [momentsA, momentsB, momentsC, ...(momentsS ? [momentsS] : [])] as Tensor2D[];
      return { value: kept.y as Activations, kept, aside };
    },
    (dy, kept) => backward(dy as Activations, kept, stride),
  );
}
