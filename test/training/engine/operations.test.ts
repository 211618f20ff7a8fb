/** The kernels do what the tfjs operations do: outputs, moments and every gradient. */
import type { Tensor, Tensor5D } from '@tensorflow/tfjs-node-gpu';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nativeAvailable } from '../../../src/training/engine/operations/native/kernels.js';
import { native } from '../../../src/training/engine/operations/native.js';
import type { Operations, Part } from '../../../src/training/engine/operations/operations.js';
import { plain } from '../../../src/training/engine/operations/plain.js';
import { tf } from '../../../src/training/engine/tensorflow.js';

type Named = Readonly<Record<string, Tensor>>;

/** Output, moments and gradients of sum(output * weights) for every input, each as numbers. */
function measured(part: (inputs: Named) => Part<Tensor>, inputs: Named, differentiated: readonly string[]) {
  return tf.tidy(() => {
    let moments: readonly Float32Array[] = [];
    let output = new Float32Array();
    const gradients = tf.grads((...args: Tensor[]) => {
      const own = {
        ...inputs,
        ...Object.fromEntries(differentiated.map((name, i) => [name, args[i] as Tensor])),
      };
      const made = part(own);
      moments = made.moments.map((tensor) => tensor.dataSync<'float32'>());
      output = made.output.dataSync<'float32'>() as Float32Array<ArrayBuffer>;
      const weights = tf.cos(tf.range(0, made.output.size).reshape(made.output.shape));
      return made.output.mul(weights).sum();
    })(differentiated.map((name) => inputs[name] as Tensor));
    return {
      output,
      moments,
      ...Object.fromEntries(differentiated.map((name, i) => [name, (gradients[i] as Tensor).dataSync()])),
    } as unknown as Record<string, Float32Array | Float32Array[]>;
  });
}

function farthest(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  // Where a batch norm takes the gradient away, what is left is rounding.
  const size = Math.max(0.1, ...b.map(Math.abs));
  return Math.max(0, ...a.map((value, i) => Math.abs(value - (b[i] as number)) / size));
}

function expectSame(
  part: (operations: Operations) => (inputs: Named) => Part<Tensor>,
  inputs: Named,
  differentiated: readonly string[],
) {
  const ours = measured(part(native), inputs, differentiated);
  const theirs = measured(part(plain), inputs, differentiated);
  for (const [name, expected] of Object.entries(theirs)) {
    const got = ours[name];
    if (Array.isArray(expected)) {
      expected.forEach((value, i) => {
        expect(farthest((got as Float32Array[])[i] as Float32Array, value), `${name} ${i}`).toBeLessThan(
          1e-4,
        );
      });
    } else expect(farthest(got as Float32Array, expected), name).toBeLessThan(1e-3);
  }
}

const normal = (shape: number[], seed: number, deviation = 1) =>
  tf.randomNormal(shape, 0, deviation, 'float32', seed);
const positive = (shape: number[], seed: number) => tf.randomUniform(shape, 0.5, 1.5, 'float32', seed);

// Enough positions that gradients through a batch norm do not cancel to rounding errors.
const shapes = fc.record({
  frames: fc.integer({ min: 1, max: 5 }),
  clips: fc.integer({ min: 2, max: 3 }),
  height: fc.integer({ min: 5, max: 9 }),
  width: fc.integer({ min: 5, max: 20 }),
  input: fc.integer({ min: 2, max: 20 }),
  inner: fc.integer({ min: 1, max: 40 }),
  seed: fc.integer({ min: 1, max: 1000 }),
});

describe.skipIf(!nativeAvailable())('the kernels', () => {
  it('are the tfjs operations of a block', { timeout: 120_000 }, () => {
    const variants = fc.record({
      stride: fc.constantFrom(1 as const, 2 as const),
      excited: fc.boolean(),
      shortcut: fc.constantFrom('none', 'plain', 'normed'),
      output: fc.integer({ min: 1, max: 20 }),
    });
    fc.assert(
      fc.property(shapes, variants, ({ frames, clips, height, width, input, inner, seed }, variant) => {
        tf.tidy(() => {
          // A shortcut is the identity only where the shape stays.
          const identity = variant.shortcut === 'none';
          const stride = identity ? 1 : variant.stride;
          const output = identity ? input : variant.output;
          const inputs: Record<string, Tensor> = {
            x: normal([frames, clips, height, width, input], seed),
            expand: normal([input, inner], seed + 1, 0.5),
            scaleA: positive([inner], seed + 2),
            shiftA: normal([inner], seed + 3),
            channelwise: normal([3, 3, 3, inner], seed + 4, 0.3),
            scaleB: positive([inner], seed + 5),
            shiftB: normal([inner], seed + 6),
            project: normal([inner, output], seed + 7, 0.5),
            scaleC: positive([output], seed + 8),
            shiftC: normal([output], seed + 9),
          };
          if (variant.excited) {
            inputs.reduce = normal([inner, 8], seed + 10, 0.5);
            inputs.reduceBias = normal([8], seed + 11);
            inputs.excite = normal([8, inner], seed + 12, 0.5);
            inputs.exciteBias = normal([inner], seed + 13);
          }
          if (!identity) inputs.shortcut = normal([input, output], seed + 14, 0.5);
          if (variant.shortcut === 'normed') {
            inputs.scaleS = positive([output], seed + 15);
            inputs.shiftS = normal([output], seed + 16);
          }
          // biome-ignore lint/suspicious/noExplicitAny: tensors of known rank under names.
          const part = (operations: Operations) => (i: any) =>
            operations.block(
              i.x,
              {
                expand: i.expand,
                expandNorm: { scale: i.scaleA, shift: i.shiftA },
                channelwise: i.channelwise,
                channelwiseNorm: { scale: i.scaleB, shift: i.shiftB },
                squeezeExcite: i.reduce && {
                  reduce: i.reduce,
                  reduceBias: i.reduceBias,
                  expand: i.excite,
                  expandBias: i.exciteBias,
                },
                project: i.project,
                projectNorm: { scale: i.scaleC, shift: i.shiftC },
                shortcut: i.shortcut && {
                  weights: i.shortcut,
                  norm: i.scaleS && { scale: i.scaleS, shift: i.shiftS },
                },
              },
              stride,
            );
          expectSame(part, inputs, Object.keys(inputs));
        });
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  it('are the tfjs operations of stem and head', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(shapes, ({ frames, clips, height, width, input, inner, seed }) => {
        tf.tidy(() => {
          const norm = { scale: positive([inner], seed + 2), shift: normal([inner], seed + 3) };
          const x = normal([frames, clips, height, width, input], seed);
          expectSame(
            // biome-ignore lint/suspicious/noExplicitAny: tensors of known rank under names.
            (operations) => (i: any) =>
              operations.stem(x as Tensor5D, {
                spatial: i.spatial,
                temporal: i.temporal,
                norm: { scale: i.scale, shift: i.shift },
              }),
            {
              spatial: normal([3, 3, input, inner], seed + 4),
              temporal: normal([5, 1, 1, inner], seed + 5),
              ...norm,
            },
            ['spatial', 'temporal', 'scale', 'shift'],
          );
          const square = normal([frames, clips, height, height, input], seed);
          expectSame(
            // biome-ignore lint/suspicious/noExplicitAny: tensors of known rank under names.
            (operations) => (i: any) =>
              operations.head(i.x, { expand: i.expand, norm: { scale: i.scale, shift: i.shift } }, height),
            { x: square, expand: normal([input, inner], seed + 6), ...norm },
            ['x', 'expand', 'scale', 'shift'],
          );
        });
      }),
      { numRuns: 30, seed: 11 },
    );
  });
});
