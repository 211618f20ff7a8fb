/** Holds an operation, on whatever device TensorFlow runs it, to its plain reference: random sizes and values. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import fc from 'fast-check';
import { expect } from 'vitest';
import { run } from '../../../src/training/engine/operations/native/kernels.js';
import { reference, type Values } from '../../../src/training/engine/operations/reference.js';
import {
  type Axis,
  type InputsOf,
  inputsOf,
  OPERATIONS,
  type OperationName,
} from '../../../src/training/engine/operations/table.js';
import { tf } from '../../../src/training/engine/tensorflow.js';

export const ALL = Object.keys(OPERATIONS) as OperationName[];

/** Optional inputs come together, or not at all. */
const GROUPS: Partial<Record<OperationName, readonly (readonly string[])[]>> = {
  X3dPointwiseGrad: [['raw', 'moments', 'scale', 'sums'], ['residual']],
  X3dProject: [['gate']],
  X3dProjectGrad: [['gate']],
  X3dChannelwise: [['moments_a', 'scale', 'shift']],
  X3dChannelwiseGrad: [
    ['moments_a', 'scale', 'shift'],
    ['b', 'coefficients'],
  ],
  X3dExciteGrad: [['means', 'gate', 'hidden', 'reduce', 'expand']],
  X3dResidual: [['shortcut'], ['shortcut', 'moments_s', 'scale_s', 'shift_s']],
  X3dResidualGrad: [['shortcut', 'moments_s']],
};

const size = (max: number) => fc.integer({ min: 1, max });
const drawn = fc.record({
  letters: fc.record({
    ...{ T: size(4), N: size(3), H: size(6), W: size(18), C: size(20), I: size(20), O: size(20), R: size(9) },
    K: fc.constantFrom(1, 3, 5),
  }),
  stride: fc.constantFrom(1, 2),
  residual_stride: fc.constantFrom(1, 2),
  statistics: fc.constantFrom(0, 1),
  positions: size(50),
  /** Of a channelwise convolution. */
  temporal: fc.boolean(),
  byClip: fc.boolean(),
  groups: fc.tuple(fc.boolean(), fc.boolean()),
  seed: fc.integer({ min: 1, max: 1_000_000 }),
});
type Drawn = typeof drawn extends fc.Arbitrary<infer T> ? T : never;

/** What is drawn, made to fit the operation. */
function fitted(op: OperationName, { letters, groups, ...d }: Drawn) {
  const present = new Set((GROUPS[op] ?? []).flatMap((names, i) => (groups[i] ? names : [])));
  const temporal = d.temporal && !present.has('moments_a') && op.startsWith('X3dChannelwise');
  const stride = temporal || present.has('residual') ? 1 : d.stride;
  return {
    present,
    attributes: {
      stride,
      residual_stride: d.residual_stride,
      positions: d.positions,
      statistics: d.statistics,
    },
    letters: {
      ...letters,
      ...(temporal ? { S: 1 } : { S: 3, K: 3 }),
      E: letters.C,
      M: d.byClip ? letters.N : 1,
    } as Readonly<Record<string, number>>,
  };
}

const offset = (name: string) => [...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7) % 9973;

/** Variances and scales are positive; all else is normal. */
function valuesOf(name: string, shape: number[], seed: number): Tensor {
  const normal = tf.randomNormal(shape, 0, 1, 'float32', seed + offset(name));
  if (name.startsWith('scale')) return normal.abs().add(0.3);
  if (!name.startsWith('moments')) return normal;
  return normal.mul([[1], [0]]).add(
    normal
      .abs()
      .add(0.3)
      .mul([[0], [1]]),
  );
}

function farthest(got: Tensor, expected: Values): number {
  expect(got.shape).toEqual(expected.shape);
  const values = got.dataSync();
  let largest = 0.1;
  let most = 0;
  expected.data.forEach((value, i) => {
    largest = Math.max(largest, Math.abs(value));
    most = Math.max(most, Math.abs((values[i] as number) - value));
  });
  // Not a number is as far as can be.
  return most >= 0 ? most / largest : Number.POSITIVE_INFINITY;
}

export function holdToReference(op: OperationName, runs: number): void {
  const holds = fc.property(drawn, (all) => {
    tf.tidy(() => {
      const { letters, attributes, present } = fitted(op, all);
      const sizeOf = ({ size, over }: Axis) =>
        Math.ceil(
          (typeof size === 'number' ? size : (letters[size] as number)) /
            (typeof over === 'number' ? over : (attributes[over as keyof typeof attributes] as number)),
        );
      const inputs = Object.fromEntries(
        inputsOf(op)
          .filter(({ name, optional }) => !optional || present.has(name))
          .map(({ name, axes }) => [name, valuesOf(name, axes.map(sizeOf), all.seed)]),
      );
      const values = Object.fromEntries(
        Object.entries(inputs).map(([name, tensor]) => [
          name,
          { shape: tensor.shape, data: tensor.dataSync<'float32'>().slice() },
        ]),
      );
      const own = Object.fromEntries(OPERATIONS[op].attributes.map((name) => [name, attributes[name]]));
      // biome-ignore lint/suspicious/noExplicitAny: the names are the table's, whichever operation it is.
      const expected = reference[op](values as any, own as any) as Record<string, Values | undefined>;
      const got = run(op, inputs as InputsOf<OperationName, Tensor>, own as never) as Record<string, Tensor>;
      for (const [name, value] of Object.entries(expected))
        if (value) expect(farthest(got[name] as Tensor, value), `${op}, ${name}`).toBeLessThan(1e-4);
    });
  });
  fc.assert(holds, { numRuns: runs, seed: 5 });
}
