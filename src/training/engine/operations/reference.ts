/**
 * Every operation of the table, as plain as can be: one loop over what comes out, in double precision, nothing fused.
 * What the kernels, on the CPU and on a card, are held to.
 */
import { NORM_EPSILON } from './operations.js';
import type { AttributesOf, InputsOf, OperationName, OutputsOf } from './table.js';

type Shape = readonly number[];

/** Numbers in rows, the last axis fastest. */
export interface Values {
  readonly shape: Shape;
  readonly data: Float32Array | Float64Array;
}

/** An output is undefined where it means nothing, whatever stands in it. */
export type Reference = {
  readonly [Op in OperationName]: (
    inputs: InputsOf<Op, Values>,
    attributes: AttributesOf<Op>,
  ) => OutputsOf<Op, Values | undefined>;
};

const sizeOf = (shape: Shape) => shape.reduce((a, b) => a * b, 1);
const last = ({ shape }: Values) => shape.at(-1) ?? 0;

/** Where a value lies; undefined outside. */
function place({ shape }: Values, at: Shape): number | undefined {
  let place = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    const size = shape[axis] ?? 0;
    const i = at[axis] ?? 0;
    if (!(i >= 0 && i < size)) return undefined;
    place = place * size + i;
  }
  return place;
}

/** 0 outside, which is what convolutions are padded with. */
function at(values: Values, ...where: Shape): number {
  const found = place(values, where);
  return found === undefined ? 0 : (values.data[found] ?? 0);
}

function add(values: Values, value: number, ...where: Shape): void {
  const found = place(values, where);
  if (found !== undefined) values.data[found] = (values.data[found] ?? 0) + value;
}

const zeros = (...shape: Shape): Values => ({ shape, data: new Float64Array(sizeOf(shape)) });

/** Every place of a shape, from the first to the last. */
function* places(...[size = 0, ...rest]: Shape): Generator<number[]> {
  for (let i = 0; i < size; i++) {
    if (rest.length === 0) yield [i];
    else for (const inner of places(...rest)) yield [i, ...inner];
  }
}

/** Values of a shape from their places. */
function filled(shape: Shape, value: (...where: number[]) => number): Values {
  const made = zeros(...shape);
  let i = 0;
  for (const where of places(...shape)) made.data[i++] = value(...where);
  return made;
}

/** [T, N, H, W, C] at every `stride`-th position, with other channels. */
const strided = ({ shape: [t = 0, n = 0, h = 0, w = 0] }: Values, stride: number, channels: number) => [
  ...[t, n, Math.ceil(h / stride), Math.ceil(w / stride), channels],
];

const relu = (x: number) => Math.max(0, x);
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

const inverse = (moments: Values, c: number) => 1 / Math.sqrt(at(moments, 1, c) + NORM_EPSILON);
const standardised = (x: number, moments: Values, c: number) => (x - at(moments, 0, c)) * inverse(moments, c);

interface Affine {
  readonly moments: Values;
  readonly scale: Values;
  readonly shift: Values;
}

const normalised = (x: number, { moments, scale, shift }: Affine, c: number) =>
  standardised(x, moments, c) * at(scale, c) + at(shift, c);

/** Mean and biased variance of each channel. */
function momentsOf(x: Values): Values {
  const channels = last(x);
  const rows = sizeOf(x.shape) / channels;
  const moments = zeros(2, channels);
  x.data.forEach((value, i) => void add(moments, value / rows, 0, i % channels));
  x.data.forEach((value, i) => {
    add(moments, (value - at(moments, 0, i % channels)) ** 2 / rows, 1, i % channels);
  });
  return moments;
}

/** Of a gradient, and of it times the standardised value: [2, C]. */
function sumsOf(gradient: Values, x: Values, moments: Values): Values {
  const channels = last(x);
  const sums = zeros(2, channels);
  gradient.data.forEach((g, i) => {
    add(sums, g, 0, i % channels);
    add(sums, g * standardised(x.data[i] ?? 0, moments, i % channels), 1, i % channels);
  });
  return sums;
}

/** The gradient of a batch norm's input x from its output's. */
function throughNorm(gradient: Values, x: Values, moments: Values, scale: Values, sums: Values): Values {
  const rows = sizeOf(x.shape) / last(x);
  return filled(x.shape, (...where) => {
    const c = where.at(-1) ?? 0;
    const across = standardised(at(x, ...where), moments, c) * at(sums, 1, c);
    return at(scale, c) * inverse(moments, c) * (at(gradient, ...where) - (at(sums, 0, c) + across) / rows);
  });
}

/** [T, N, H, W, I] at every `stride`-th position times [I, O]. */
const product = (x: Values, weights: Values, stride: number) =>
  filled(strided(x, stride, last(weights)), (t, n, h = 0, w = 0, o = 0) => {
    let sum = 0;
    for (let i = 0; i < last(x); i++)
      sum += at(x, t as number, n as number, h * stride, w * stride, i) * at(weights, i, o);
    return sum;
  });

/** The two gradients of a product: of its input, at the positions read, and of its weights. */
function throughProduct(gradient: Values, x: Values, weights: Values, stride: number) {
  const dx = zeros(...strided(x, stride, last(x)));
  const dweights = zeros(...weights.shape);
  for (const [t = 0, n = 0, h = 0, w = 0, o = 0] of places(...gradient.shape)) {
    const g = at(gradient, t, n, h, w, o);
    for (let i = 0; i < last(x); i++) {
      add(dx, g * at(weights, i, o), t, n, h, w, i);
      add(dweights, g * at(x, t, n, h * stride, w * stride, i), i, o);
    }
  }
  return { dx, dweights };
}

/** The places of a convolution with odd kernels and zero padding: output, tap, and the input that they meet. */
function* meetings(output: Values, filter: Values, stride: number) {
  const [taps = 0, side = 0] = filter.shape;
  for (const [t = 0, n = 0, h = 0, w = 0, c = 0] of places(...output.shape))
    for (const [kt = 0, kh = 0, kw = 0] of places(taps, side, side))
      yield {
        out: [t, n, h, w, c],
        tap: [kt, kh, kw, c],
        input: [
          ...[t + kt - (taps - 1) / 2, n],
          ...[h * stride + kh - (side - 1) / 2, w * stride + kw - (side - 1) / 2, c],
        ],
      };
}

/** What a channelwise convolution reads, and the norm that stands before it, if there is one. */
function activated(inputs: InputsOf<'X3dChannelwise', Values>) {
  const { a, moments_a: moments, scale, shift } = inputs;
  const norm = moments && scale && shift && { moments, scale, shift };
  const activation = norm
    ? filled(a.shape, (...where) => relu(normalised(at(a, ...where), norm, where.at(-1) ?? 0)))
    : a;
  return { activation, norm };
}

/** gate * norm(b), before the swish. */
const gated = (b: Values, norm: Affine, gate: Values | undefined) =>
  filled(b.shape, (...where) => {
    const [, n = 0, , , c = 0] = where;
    return normalised(at(b, ...where), norm, c) * (gate ? at(gate, n, c) : 1);
  });
const swished = (u: Values) => filled(u.shape, (...where) => at(u, ...where) * sigmoid(at(u, ...where)));

export const reference: Reference = {
  X3dPointwise: ({ x, weights }, { stride, statistics }) => {
    const y = product(x, weights, stride);
    return { y, moments: statistics ? momentsOf(y) : undefined };
  },
  X3dPointwiseGrad: (
    { gradient, raw, moments, scale, sums, x, weights, residual },
    { stride, residual_stride },
  ) => {
    const own = raw && moments && scale && sums ? throughNorm(gradient, raw, moments, scale, sums) : gradient;
    const { dx, dweights } = throughProduct(own, x, weights, stride);
    if (residual)
      for (const [t = 0, n = 0, h = 0, w = 0, i = 0] of places(...residual.shape))
        add(dx, at(residual, t, n, h, w, i), t, n, h * residual_stride, w * residual_stride, i);
    return { dx, dweights };
  },
  X3dProject: ({ b, moments_b, scale, shift, gate, weights }, { statistics }) => {
    const c = product(swished(gated(b, { moments: moments_b, scale, shift }, gate)), weights, 1);
    return { c, moments: statistics ? momentsOf(c) : undefined };
  },
  X3dProjectGrad: (i) => {
    const own = throughNorm(i.gradient, i.c, i.moments, i.scale, i.sums);
    const u = gated(i.b, { moments: i.moments_b, scale: i.scale_b, shift: i.shift_b }, i.gate);
    const { dx, dweights } = throughProduct(own, swished(u), i.weights, 1);
    const du = filled(u.shape, (...where) => {
      const s = sigmoid(at(u, ...where));
      return at(dx, ...where) * s * (1 + at(u, ...where) * (1 - s));
    });
    const clip_sums = zeros(u.shape[1] ?? 0, 2, last(u));
    for (const where of places(...u.shape)) {
      const [, n = 0, , , c = 0] = where;
      add(clip_sums, at(du, ...where), n, 0, c);
      add(clip_sums, at(du, ...where) * standardised(at(i.b, ...where), i.moments_b, c), n, 1, c);
    }
    return { du, dweights, clip_sums };
  },
  X3dChannelwise: (inputs, { stride, statistics }) => {
    const { activation } = activated(inputs);
    const b = zeros(...strided(inputs.a, stride, last(inputs.a)));
    for (const { out, tap, input } of meetings(b, inputs.filter, stride))
      add(b, at(activation, ...input) * at(inputs.filter, ...tap), ...out);
    if (!statistics) return { b, means: undefined, moments: undefined };
    const [frames = 0, clips = 0, height = 0, width = 0, channels = 0] = b.shape;
    const means = zeros(clips, channels);
    for (const where of places(...b.shape))
      add(means, at(b, ...where) / (frames * height * width), where[1] ?? 0, where[4] ?? 0);
    return { b, means, moments: momentsOf(b) };
  },
  X3dChannelwiseGrad: (inputs, { stride }) => {
    const { du, b, coefficients, a, filter } = inputs;
    const { activation, norm } = activated(inputs);
    const gradient = filled(du.shape, (...where) => {
      if (!b || !coefficients) return at(du, ...where);
      const [, n = 0, , , c = 0] = where;
      const [p, q, r] = [0, 1, 2].map((row) =>
        at(coefficients, coefficients.shape[0] === 1 ? 0 : n, row, c),
      ) as [number, number, number];
      return at(du, ...where) * p + q + at(b, ...where) * r;
    });
    const dactivation = zeros(...a.shape);
    const dfilter = zeros(...filter.shape);
    for (const { out, tap, input } of meetings(gradient, filter, stride)) {
      add(dactivation, at(gradient, ...out) * at(filter, ...tap), ...input);
      add(dfilter, at(gradient, ...out) * at(activation, ...input), ...tap);
    }
    if (!norm) return { da: dactivation, dfilter, sums: undefined };
    const da = filled(a.shape, (...where) => (at(activation, ...where) > 0 ? at(dactivation, ...where) : 0));
    return { da, dfilter, sums: sumsOf(da, a, norm.moments) };
  },
  X3dExcite: ({ means, moments, scale, shift, reduce, reduce_bias, expand, expand_bias }) => {
    const [clips = 0, channels = 0] = means.shape;
    const width = last(reduce);
    const hidden = filled([clips, width], (n = 0, r = 0) => {
      let sum = at(reduce_bias, r);
      for (let c = 0; c < channels; c++)
        sum += normalised(at(means, n, c), { moments, scale, shift }, c) * at(reduce, c, r);
      return relu(sum);
    });
    const gate = filled([clips, channels], (n = 0, c = 0) => {
      let sum = at(expand_bias, c);
      for (let r = 0; r < width; r++) sum += at(hidden, n, r) * at(expand, r, c);
      return sigmoid(sum);
    });
    return { gate, hidden };
  },
  X3dExciteGrad: (i, { positions }) => {
    const { clip_sums, means, moments, scale, shift, gate, hidden, reduce, expand } = i;
    const [clips = 0, , channels = 0] = clip_sums.shape;
    const excited = means && gate && hidden && reduce && expand;
    const width = excited ? last(reduce) : 0;
    const inside = excited ? channels : 0;
    const dreduce = zeros(inside, width);
    const dreduce_bias = zeros(width);
    const dexpand = zeros(width, inside);
    const dexpand_bias = zeros(inside);
    /** Of the squeezed mean. */
    const back = zeros(clips, channels);
    if (excited) {
      const norm = { moments, scale, shift };
      for (let n = 0; n < clips; n++) {
        const dgate = filled([channels], (c = 0) => {
          const g = at(gate, n, c);
          return (
            (at(scale, c) * at(clip_sums, n, 1, c) + at(shift, c) * at(clip_sums, n, 0, c)) * g * (1 - g)
          );
        });
        const dhidden = zeros(width);
        for (const [r = 0, c = 0] of places(width, channels)) {
          if (at(hidden, n, r) > 0) add(dhidden, at(dgate, c) * at(expand, r, c), r);
          add(dexpand, at(hidden, n, r) * at(dgate, c), r, c);
        }
        for (const [c = 0, r = 0] of places(channels, width)) {
          add(dreduce, normalised(at(means, n, c), norm, c) * at(dhidden, r), c, r);
          add(back, at(dhidden, r) * at(reduce, c, r), n, c);
        }
        for (let r = 0; r < width; r++) add(dreduce_bias, at(dhidden, r), r);
        for (let c = 0; c < channels; c++) add(dexpand_bias, at(dgate, c), c);
      }
    }
    const gateOf = (n: number, c: number) => (excited ? at(gate, n, c) : 1);
    const sums = zeros(2, channels);
    for (const [n = 0, c = 0] of places(clips, channels)) {
      const mean = excited ? standardised(at(means, n, c), moments, c) : 0;
      add(sums, gateOf(n, c) * at(clip_sums, n, 0, c) + at(back, n, c), 0, c);
      add(sums, gateOf(n, c) * at(clip_sums, n, 1, c) + at(back, n, c) * mean, 1, c);
    }
    const rows = clips * positions;
    const coefficients = filled([clips, 3, channels], (n = 0, row = 0, c = 0) => {
      const factor = at(scale, c) * inverse(moments, c);
      const across = (inverse(moments, c) * at(sums, 1, c)) / rows;
      if (row === 0) return factor * gateOf(n, c);
      if (row === 2) return -factor * across;
      return factor * (at(back, n, c) / positions - at(sums, 0, c) / rows + at(moments, 0, c) * across);
    });
    return { coefficients, sums, dreduce, dreduce_bias, dexpand, dexpand_bias };
  },
  X3dResidual: ({ c, moments, scale, shift, shortcut, moments_s, scale_s, shift_s }) => {
    const norm = moments_s && scale_s && shift_s && { moments: moments_s, scale: scale_s, shift: shift_s };
    const y = filled(c.shape, (...where) => {
      const channel = where.at(-1) ?? 0;
      const beside = shortcut ? at(shortcut, ...where) : 0;
      const own = normalised(at(c, ...where), { moments, scale, shift }, channel);
      return relu(own + (norm ? normalised(beside, norm, channel) : beside));
    });
    return { y };
  },
  X3dResidualGrad: ({ gradient, y, c, moments, shortcut, moments_s }) => {
    const dz = filled(y.shape, (...where) => (at(y, ...where) > 0 ? at(gradient, ...where) : 0));
    const sums_s = shortcut && moments_s ? sumsOf(dz, shortcut, moments_s) : undefined;
    return { dz, sums: sumsOf(dz, c, moments), sums_s };
  },
  X3dPooled: ({ e, moments, scale, shift }) => {
    const [frames = 0, clips = 0, height = 0, width = 0, channels = 0] = e.shape;
    const mean = zeros(clips, channels);
    for (const where of places(...e.shape)) {
      const [, n = 0, , , c = 0] = where;
      const value = relu(normalised(at(e, ...where), { moments, scale, shift }, c));
      add(mean, value / (frames * height * width), n, c);
    }
    return { mean };
  },
  X3dPooledGrad: ({ gradient, e, moments, scale, shift }) => {
    const [frames = 0, , height = 0, width = 0] = e.shape;
    const de = filled(e.shape, (...where) => {
      const [, n = 0, , , c = 0] = where;
      const open = normalised(at(e, ...where), { moments, scale, shift }, c) > 0;
      return open ? at(gradient, n, c) / (frames * height * width) : 0;
    });
    return { de, sums: sumsOf(de, e, moments) };
  },
  X3dStem: ({ clips, weights }) => {
    const [frames = 0, n = 0, height = 0, width = 0] = strided(clips, 2, 0);
    const y = filled([frames, n, height, width, last(weights)], (t = 0, clip = 0, h = 0, w = 0, o = 0) => {
      let sum = 0;
      for (const [kh = 0, kw = 0, i = 0] of places(3, 3, last(clips)))
        sum += at(clips, t, clip, 2 * h + kh - 1, 2 * w + kw - 1, i) * at(weights, kh, kw, i, o);
      return sum;
    });
    return { y };
  },
  X3dStemGrad: ({ gradient, clips }) => {
    const dweights = zeros(3, 3, last(clips), last(gradient));
    for (const [t = 0, n = 0, h = 0, w = 0, o = 0] of places(...gradient.shape))
      for (const [kh = 0, kw = 0, i = 0] of places(3, 3, last(clips)))
        add(
          dweights,
          at(gradient, t, n, h, w, o) * at(clips, t, n, 2 * h + kh - 1, 2 * w + kw - 1, i),
          ...[kh, kw, i, o],
        );
    return { dweights };
  },
};
