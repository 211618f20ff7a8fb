/**
 * The project's own operations of TensorFlow: their inputs, outputs and attributes by name, and all shapes. Whatever
 * deals with them follows from this table: how they are called (native/kernels.ts), what a recording takes their
 * outputs' shapes to be (shapes.ts), their plain reference (reference.ts), and, by the C++ header that set-up makes of
 * the built file (scripts/setup/header.mjs), their registration, their checks and what a kernel reads and writes. So
 * this file has no imports.
 *
 * A shape lists its axes: a capital letter for a size, the same throughout an operation; a number; or either over a
 * number or an attribute, rounded up. Letters: T frames, N clips, H height, W width, C I O channels (of both, of the
 * input, of the output), K taps in time, S taps along each side, E R channels outside and inside a squeeze-excite, M
 * clips or 1. A name with `?` is of an input that may be absent, which is an empty tensor to a kernel; letters that
 * absent inputs alone have are 0. Moments are [mean, biased variance]; sums [of a gradient, of it times the
 * standardised value], which are the gradients of a norm's shift and scale. Attributes are whole numbers.
 *
 * `card`: there is a kernel for CUDA as well.
 */

interface Operation {
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
  readonly attributes: readonly string[];
  readonly card?: true;
}

export const OPERATIONS = {
  /** A 1x1x1 convolution. Moments are of y, where `statistics` is 1. */
  X3dPointwise: {
    inputs: { x: 'T N H W I', weights: 'I O' },
    outputs: { y: 'T N H/stride W/stride O', moments: '2 O' },
    attributes: ['stride', 'statistics'],
  },
  /**
   * `gradient` is of norm(raw), or of raw itself without the next four. `residual` is what else flows to x, at every
   * `residual_stride`-th position; dx is the sum, at the positions that the convolution reads.
   */
  X3dPointwiseGrad: {
    inputs: {
      gradient: 'T N H/stride W/stride O',
      'raw?': 'T N H/stride W/stride O',
      'moments?': '2 O',
      'scale?': 'O',
      'sums?': '2 O',
      x: 'T N H W I',
      weights: 'I O',
      'residual?': 'T N H/residual_stride W/residual_stride I',
    },
    outputs: { dx: 'T N H/stride W/stride I', dweights: 'I O' },
    attributes: ['stride', 'residual_stride'],
  },
  /** A 1x1x1 convolution of swish(gate * norm(b)). Moments are of c, where `statistics` is 1. */
  X3dProject: {
    inputs: {
      b: 'T N H W I',
      moments_b: '2 I',
      scale: 'I',
      shift: 'I',
      'gate?': 'N I',
      weights: 'I O',
    },
    outputs: { c: 'T N H W O', moments: '2 O' },
    attributes: ['statistics'],
  },
  /** `gradient` is of norm(c); du of gate * norm(b), with its sums by clip, of it and of it times the standardised b. */
  X3dProjectGrad: {
    inputs: {
      gradient: 'T N H W O',
      c: 'T N H W O',
      moments: '2 O',
      scale: 'O',
      sums: '2 O',
      b: 'T N H W I',
      moments_b: '2 I',
      scale_b: 'I',
      shift_b: 'I',
      'gate?': 'N I',
      weights: 'I O',
    },
    outputs: { du: 'T N H W I', dweights: 'I O', clip_sums: 'N 2 I' },
    attributes: [],
  },
  /**
   * A channelwise convolution of relu(norm(a)), or of a itself without moments, scale and shift; zero padding, stride
   * in space. The filter is 3x3x3, or Kx1x1 for odd K on a itself without a stride. Where `statistics` is 1: the means
   * of b by clip, and its moments.
   */
  X3dChannelwise: {
    inputs: { a: 'T N H W C', 'moments_a?': '2 C', 'scale?': 'C', 'shift?': 'C', filter: 'K S S C' },
    outputs: { b: 'T N H/stride W/stride C', means: 'N C', moments: '2 C' },
    attributes: ['stride', 'statistics'],
    card: true,
  },
  /**
   * b's gradient is du * p + q + b * r, with p, q, r the rows of `coefficients` by clip; or du without both. `da` is
   * before a's ReLU, with the sums of a's norm; or of a itself without moments, scale and shift, and sums are nothing.
   */
  X3dChannelwiseGrad: {
    inputs: {
      du: 'T N H/stride W/stride C',
      'b?': 'T N H/stride W/stride C',
      'coefficients?': 'M 3 C',
      a: 'T N H W C',
      'moments_a?': '2 C',
      'scale?': 'C',
      'shift?': 'C',
      filter: 'K S S C',
    },
    outputs: { da: 'T N H W C', dfilter: 'K S S C', sums: '2 C' },
    attributes: ['stride'],
    card: true,
  },
  /** The squeeze-excite of norm(b), whose mean over a clip follows from the mean of b. */
  X3dExcite: {
    inputs: {
      means: 'N C',
      moments: '2 C',
      scale: 'C',
      shift: 'C',
      reduce: 'C R',
      reduce_bias: 'R',
      expand: 'R C',
      expand_bias: 'C',
    },
    outputs: { gate: 'N C', hidden: 'N R' },
    attributes: [],
  },
  /**
   * From the sums of X3dProjectGrad to the coefficients of b's gradient (see X3dChannelwiseGrad) and the sums of b's
   * norm; without a gate only the norm's part. `positions`: of a clip.
   */
  X3dExciteGrad: {
    inputs: {
      clip_sums: 'N 2 C',
      'means?': 'N C',
      moments: '2 C',
      scale: 'C',
      shift: 'C',
      'gate?': 'N E',
      'hidden?': 'N R',
      'reduce?': 'E R',
      'expand?': 'R E',
    },
    outputs: {
      coefficients: 'N 3 C',
      sums: '2 C',
      dreduce: 'E R',
      dreduce_bias: 'R',
      dexpand: 'R E',
      dexpand_bias: 'E',
    },
    attributes: ['positions'],
  },
  /** The end of a block: relu(norm(c) + shortcut), with the shortcut's norm where it has one. */
  X3dResidual: {
    inputs: {
      c: 'T N H W C',
      moments: '2 C',
      scale: 'C',
      shift: 'C',
      'shortcut?': 'T N H W C',
      'moments_s?': '2 C',
      'scale_s?': 'C',
      'shift_s?': 'C',
    },
    outputs: { y: 'T N H W C' },
    attributes: [],
  },
  /** `dz`: before the ReLU; the sums of c's norm, and of the shortcut's where it has one. */
  X3dResidualGrad: {
    inputs: {
      gradient: 'T N H W C',
      y: 'T N H W C',
      c: 'T N H W C',
      moments: '2 C',
      'shortcut?': 'T N H W C',
      'moments_s?': '2 C',
    },
    outputs: { dz: 'T N H W C', sums: '2 C', sums_s: '2 C' },
    attributes: [],
  },
  /** The end of the head: the mean over a clip of relu(norm(e)). */
  X3dPooled: {
    inputs: { e: 'T N H W C', moments: '2 C', scale: 'C', shift: 'C' },
    outputs: { mean: 'N C' },
    attributes: [],
  },
  /** `de`: before the ReLU. */
  X3dPooledGrad: {
    inputs: { gradient: 'N C', e: 'T N H W C', moments: '2 C', scale: 'C', shift: 'C' },
    outputs: { de: 'T N H W C', sums: '2 C' },
    attributes: [],
  },
  /** The stem's 1x3x3 convolution with stride 2 and padding 1. */
  X3dStem: {
    inputs: { clips: 'T N H W I', weights: '3 3 I O' },
    outputs: { y: 'T N H/2 W/2 O' },
    attributes: [],
  },
  X3dStemGrad: {
    inputs: { gradient: 'T N H/2 W/2 O', clips: 'T N H W I' },
    outputs: { dweights: '3 3 I O' },
    attributes: [],
  },
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof OPERATIONS;
type Table = typeof OPERATIONS;
type Keys<Record_> = keyof Record_ & string;
type Optional<Key extends string> = Key extends `${infer Name}?` ? Name : never;

/** One value an input, by name. */
export type InputsOf<Op extends OperationName, Value> = {
  readonly [Key in Keys<Table[Op]['inputs']> as Key extends `${string}?` ? never : Key]: Value;
} & {
  readonly [Name in Optional<Keys<Table[Op]['inputs']>>]?: Value | undefined;
};
export type OutputsOf<Op extends OperationName, Value> = {
  readonly [Name in Keys<Table[Op]['outputs']>]: Value;
};
export type AttributesOf<Op extends OperationName> = Readonly<
  Record<Table[Op]['attributes'][number], number>
>;

export interface Axis {
  /** Either a letter or a number. */
  readonly size: string | number;
  /** A number or an attribute's name. */
  readonly over: string | number;
}

const numberOr = (text: string) => (/^\d+$/.test(text) ? Number(text) : text);

export const axesOf = (shape: string): readonly Axis[] =>
  shape.split(' ').map((axis) => {
    const [size = '', over = '1'] = axis.split('/');
    return { size: numberOr(size), over: numberOr(over) };
  });

export interface Argument {
  readonly name: string;
  readonly optional: boolean;
  readonly axes: readonly Axis[];
}

const argumentsOf = (described: Readonly<Record<string, string>>): readonly Argument[] =>
  Object.entries(described).map(([key, shape]) => ({
    name: key.replace('?', ''),
    optional: key.endsWith('?'),
    axes: axesOf(shape),
  }));

export const inputsOf = (op: OperationName) => argumentsOf(OPERATIONS[op].inputs);
export const outputsOf = (op: OperationName) => argumentsOf(OPERATIONS[op].outputs);

type Shape = readonly number[];

/**
 * The shapes of an operation's outputs in order, from those of its inputs; an absent input is undefined. Throws where
 * an input is not as the table says.
 */
export function outputShapesOf(
  op: OperationName,
  inputs: readonly (Shape | undefined)[],
  attributes: Readonly<Record<string, number>>,
): readonly Shape[] {
  const sizes = new Map<string, number>();
  const sizeOf = ({ size, over }: Axis) =>
    Math.ceil(
      (typeof size === 'number' ? size : (sizes.get(size) ?? 0)) /
        (typeof over === 'number' ? over : (attributes[over] ?? 1)),
    );
  const given = inputsOf(op).map((input, i) => ({ ...input, shape: inputs[i] }));
  for (const { axes, shape } of given)
    axes.forEach(({ size, over }, i) => {
      const own = shape?.[i];
      if (own !== undefined && typeof size === 'string' && over === 1 && !sizes.has(size))
        sizes.set(size, own);
    });
  for (const { name, optional, axes, shape } of given) {
    if (shape === undefined ? !optional : shape.join() !== axes.map(sizeOf).join())
      throw new Error(
        `${op}: ${name} is ${shape ? `[${shape}]` : 'missing'}; it has to be [${axes.map(sizeOf)}]`,
      );
  }
  return outputsOf(op).map(({ axes }) => axes.map(sizeOf));
}
