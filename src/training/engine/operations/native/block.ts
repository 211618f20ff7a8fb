/**
 * One block: expand, norm, ReLU, channelwise convolution, norm, squeeze-excite, swish, project, norm, plus the
 * shortcut, ReLU. Between two convolutions nothing is written but the raw output of the first: normalisation,
 * activation and gate are applied where it is read, statistics are gathered where it is made. The backward pass keeps
 * the block's input and output and the three raw outputs.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';
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
  const expansion = { x: i.x, weights: i.expand };
  const { y: a, moments: batchA } = run('X3dPointwise', expansion, { stride: 1, statistics });
  const momentsA = weights.expandNorm.running ?? batchA;
  const activation = { a, moments_a: momentsA, scale: i.scaleA, shift: i.shiftA };
  const {
    b,
    means,
    moments: batchB,
  } = run('X3dChannelwise', { ...activation, filter: i.channelwise }, { stride, statistics: 1 });
  const momentsB = weights.channelwiseNorm.running ?? batchB;
  const normB = { scale: i.scaleB, shift: i.shiftB };
  const { gate, hidden } = excited(i, means, momentsB);
  const projection = { b, moments_b: momentsB, ...normB, gate, weights: i.project };
  const { c, moments: batchC } = run('X3dProject', projection, { statistics });
  const momentsC = weights.projectNorm.running ?? batchC;
  const normed = i.scaleS !== undefined;
  const { y: s, moments: batchS } = i.shortcut
    ? run('X3dPointwise', { x: i.x, weights: i.shortcut }, { stride, statistics: normed ? statistics : 0 })
    : {};
  const momentsS = normed ? (weights.shortcut?.norm?.running ?? batchS) : undefined;
  const { y } = run(
    'X3dResidual',
    {
      ...{ c, moments: momentsC, scale: i.scaleC, shift: i.shiftC },
      ...{ shortcut: s ?? i.x, moments_s: momentsS, scale_s: i.scaleS, shift_s: i.shiftS },
    },
    {},
  );
  return { a, b, means, gate, hidden, c, s, y, momentsA, momentsB, momentsC, momentsS };
}

/** The gate of the squeeze-excite, and what its gradient needs; nothing where the block has none. */
function excited(i: Inputs, means: Tensor, moments: Tensor): { gate?: Tensor; hidden?: Tensor } {
  const { reduce, reduceBias, excite, exciteBias } = i;
  if (!reduce || !reduceBias || !excite || !exciteBias) return {};
  return run(
    'X3dExcite',
    {
      ...{ means, moments, scale: i.scaleB, shift: i.shiftB },
      ...{ reduce, reduce_bias: reduceBias, expand: excite, expand_bias: exciteBias },
    },
    {},
  );
}

function backward(dy: Activations, k: Inputs & ReturnType<typeof forward>, stride: number) {
  const {
    dz,
    sums: sumsC,
    sums_s: sumsS,
  } = run(
    'X3dResidualGrad',
    {
      ...{ gradient: dy, y: k.y, c: k.c, moments: k.momentsC },
      ...(k.momentsS ? { shortcut: k.s, moments_s: k.momentsS } : {}),
    },
    {},
  );
  const {
    du,
    dweights: project,
    clip_sums,
  } = run(
    'X3dProjectGrad',
    {
      ...{ gradient: dz, c: k.c, moments: k.momentsC, scale: k.scaleC, sums: sumsC },
      ...{ b: k.b, moments_b: k.momentsB, scale_b: k.scaleB, shift_b: k.shiftB },
      ...{ gate: k.gate, weights: k.project },
    },
    {},
  );
  const [frames, , height, width] = k.b.shape as Activations['shape'];
  const excitation = run(
    'X3dExciteGrad',
    {
      ...{ clip_sums, means: k.means, moments: k.momentsB, scale: k.scaleB, shift: k.shiftB },
      ...{ gate: k.gate, hidden: k.hidden, reduce: k.reduce, expand: k.excite },
    },
    { positions: frames * height * width },
  );
  const {
    da,
    dfilter: channelwise,
    sums: sumsA,
  } = run(
    'X3dChannelwiseGrad',
    {
      ...{ du, b: k.b, coefficients: excitation.coefficients, a: k.a, moments_a: k.momentsA },
      ...{ scale: k.scaleA, shift: k.shiftA, filter: k.channelwise },
    },
    { stride },
  );
  // The shortcut's share of the input's gradient is added where the expansion's is made.
  const { dx: residual, dweights: dShortcut } = k.shortcut
    ? run(
        'X3dPointwiseGrad',
        {
          ...{ gradient: dz, x: k.x, weights: k.shortcut },
          ...(k.momentsS ? { raw: k.s, moments: k.momentsS, scale: k.scaleS, sums: sumsS } : {}),
        },
        { stride, residual_stride: 1 },
      )
    : { dx: dz };
  const { dx: x, dweights: expand } = run(
    'X3dPointwiseGrad',
    {
      ...{ gradient: da, raw: k.a, moments: k.momentsA, scale: k.scaleA, sums: sumsA },
      ...{ x: k.x, weights: k.expand, residual },
    },
    { stride: 1, residual_stride: k.shortcut ? stride : 1 },
  );
  const { dreduce: reduce, dreduce_bias: reduceBias } = excitation;
  const { dexpand: excite, dexpand_bias: exciteBias } = excitation;
  const a = shiftAndScale(sumsA);
  const b = shiftAndScale(excitation.sums);
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
