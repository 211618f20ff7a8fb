/** The operations of native/registration.cc: how many outputs each has, and their shapes from its inputs'. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

type Shape = readonly number[];
/** The shapes of an operation's inputs; an absent one is [0]. */
type Inputs = readonly Shape[];
type Attributes = Readonly<Record<string, number>>;

export interface Outputs {
  1: [Tensor];
  2: [Tensor, Tensor];
  3: [Tensor, Tensor, Tensor];
  6: [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
}

const strided = ([frames = 0, clips = 0, height = 0, width = 0]: Shape, stride: number) => [
  frames,
  clips,
  Math.ceil(height / stride),
  Math.ceil(width / stride),
];
const last = (shape: Shape) => shape.at(-1) ?? 0;
const at = (inputs: Inputs, i: number): Shape => inputs[i] ?? [];

export const OUTPUTS = {
  X3dPointwise: {
    outputs: 2,
    shapes: (i: Inputs, { stride = 1 }: Attributes) => [
      [...strided(at(i, 0), stride), last(at(i, 1))],
      [2, last(at(i, 1))],
    ],
  },
  X3dPointwiseGrad: {
    outputs: 2,
    shapes: (i: Inputs, { stride = 1 }: Attributes) => [
      [...strided(at(i, 5), stride), last(at(i, 5))],
      at(i, 6),
    ],
  },
  X3dProject: {
    outputs: 2,
    shapes: (i: Inputs) => [
      [...at(i, 0).slice(0, 4), last(at(i, 5))],
      [2, last(at(i, 5))],
    ],
  },
  X3dProjectGrad: {
    outputs: 3,
    shapes: (i: Inputs) => [at(i, 5), at(i, 10), [at(i, 5)[1] ?? 0, 2, last(at(i, 5))]],
  },
  X3dChannelwise: {
    outputs: 3,
    shapes: (i: Inputs, { stride = 1 }: Attributes) => [
      [...strided(at(i, 0), stride), last(at(i, 0))],
      [at(i, 0)[1] ?? 0, last(at(i, 0))],
      [2, last(at(i, 0))],
    ],
  },
  X3dChannelwiseGrad: { outputs: 3, shapes: (i: Inputs) => [at(i, 3), at(i, 7), [2, last(at(i, 3))]] },
  X3dExcite: { outputs: 2, shapes: (i: Inputs) => [at(i, 0), [at(i, 0)[0] ?? 0, last(at(i, 4))]] },
  X3dExciteGrad: {
    outputs: 6,
    shapes: (i: Inputs) => {
      const [clips = 0, , channels = 0] = at(i, 0);
      const inner = last(at(i, 5)) === 0 ? 0 : channels;
      const hidden = inner === 0 ? 0 : last(at(i, 7));
      return [[clips, 3, channels], [2, channels], [inner, hidden], [hidden], [hidden, inner], [inner]];
    },
  },
  X3dResidual: { outputs: 1, shapes: (i: Inputs) => [at(i, 0)] },
  X3dResidualGrad: {
    outputs: 3,
    shapes: (i: Inputs) => [at(i, 1), [2, last(at(i, 1))], [2, last(at(i, 1))]],
  },
  X3dPooled: { outputs: 1, shapes: (i: Inputs) => [[at(i, 0)[1] ?? 0, last(at(i, 0))]] },
  X3dPooledGrad: { outputs: 2, shapes: (i: Inputs) => [at(i, 1), [2, last(at(i, 1))]] },
  X3dStem: { outputs: 1, shapes: (i: Inputs) => [[...strided(at(i, 0), 2), last(at(i, 1))]] },
  X3dStemGrad: { outputs: 1, shapes: (i: Inputs) => [[3, 3, last(at(i, 1)), last(at(i, 0))]] },
} as const satisfies Record<
  string,
  { outputs: keyof Outputs; shapes: (inputs: Inputs, attributes: Attributes) => readonly Shape[] }
>;
