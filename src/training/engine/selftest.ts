/**
 * Checks the installed TensorFlow, and the kernels where they are: gradients by finite differences, the kernels
 * against tfjs's operations, those of a card, where they are wanted, against their reference. Takes about a second.
 * TensorFlow builds have computed wrong gradients without a word.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor5D } from '@tensorflow/tfjs-node-gpu';
import { BASES, describeNetwork } from '../../network/index.js';
import { RECIPES } from '../recipe.js';
import { cardKernelsWanted } from './operations/native/channelwise.js';
import { nativeAvailable, run } from './operations/native/kernels.js';
import { native } from './operations/native.js';
import type { Operations } from './operations/operations.js';
import { plain } from './operations/plain.js';
import { reference, type Values } from './operations/reference.js';
import { initialParameters, layoutOf } from './parameters.js';
import { gradientOf, type Model, SCALARS } from './step.js';
import { nodeBackend, tf } from './tensorflow.js';

export type SelfTest = {
  readonly name: string;
  /** The largest distance over the largest value. */
  readonly error: number;
  readonly bound: number;
  readonly ok: boolean;
};

const CLIPS = 2;
/** Along random directions, a difference over this step; single precision allows no smaller one. */
const STEP = 2e-3;
const DIRECTIONS = 4;
/** Cards multiply in TensorFloat-32, with ten bits of mantissa. */
const boundOf = (bound: number) => (nodeBackend()?.binding.isUsingGpuDevice() ? 10 * bound : bound);

function smallModel(operations: Operations): Model {
  const base = BASES['x2d-micro'];
  const network = describeNetwork(base, { ...base.factors, frames: 3, crop: 32 }, { classes: 3 });
  return { network, layout: layoutOf(network), operations, recipe: RECIPES['x2d-micro'] };
}

function inputsOf({ network }: Model) {
  const [frames, height, width] = network.input;
  const clips = tf.randomUniform([frames, CLIPS, height, width, 3], 0, 255, 'float32', 1);
  return {
    clips: clips as Tensor5D,
    labels: tf.oneHot(tf.tensor1d([0, 2], 'int32'), 3).cast('float32') as Tensor2D,
    scalars: tf.ones([SCALARS.length]) as Tensor1D,
  };
}

/** Away from the start, where last norms are zero and nothing flows. */
function parametersOf({ layout }: Model): Tensor1D {
  const noise = tf.randomNormal([layout.parameterSize], 0, 0.1, 'float32', 2);
  return tf.tensor1d(initialParameters(layout, 1)).add(noise) as Tensor1D;
}

const result = (name: string, error: number, bound: number): SelfTest => ({
  name,
  error,
  bound: boundOf(bound),
  ok: error < boundOf(bound),
});

function finiteDifferences(name: string, model: Model): SelfTest {
  return tf.tidy(() => {
    const inputs = inputsOf(model);
    const parameters = parametersOf(model);
    const lossAt = (at: Tensor1D) => gradientOf(model, at, inputs).loss.dataSync()[0] as number;
    const { gradient } = gradientOf(model, parameters, inputs);
    const length = gradient.norm().dataSync()[0] as number;
    let worst = 0;
    // tfjs takes seed 0 for none.
    for (let seed = 1; seed <= DIRECTIONS; seed++) {
      // Half along the gradient, so that there is a slope to find.
      const random = tf.randomNormal([parameters.size], 0, 1, 'float32', seed);
      const direction = random.div(random.norm()).add(gradient.div(length)) as Tensor1D;
      const shift = direction.mul(STEP) as Tensor1D;
      const slope =
        (lossAt(parameters.add(shift) as Tensor1D) - lossAt(parameters.sub(shift) as Tensor1D)) / (2 * STEP);
      const expected = gradient.mul(direction).sum().dataSync()[0] as number;
      worst = Math.max(worst, Math.abs(slope - expected) / length);
    }
    return result(name, worst, 0.02);
  });
}

function farthest(a: Tensor, b: Tensor): number {
  return tf.tidy(() => a.sub(b).abs().max().div(b.abs().max()).dataSync()[0] as number);
}

/** The kernels' gradient beside tfjs's. */
function kernelsAgree(): SelfTest {
  return tf.tidy(() => {
    const model = smallModel(plain);
    const inputs = inputsOf(model);
    const parameters = parametersOf(model);
    const theirs = gradientOf(model, parameters, inputs).gradient;
    const ours = gradientOf({ ...model, operations: native }, parameters, inputs).gradient;
    return result('kernels beside tfjs', farthest(ours, theirs), 1e-3);
  });
}

const valuesOf = (tensor: Tensor): Values => ({
  shape: tensor.shape,
  data: tensor.dataSync<'float32'>(),
});

/** The channelwise kernels of the device in use, with and without a stride in space. */
function channelwiseAsReference(): SelfTest {
  return tf.tidy(() => {
    let worst = 0;
    for (const stride of [1, 2]) {
      const a = tf.randomNormal([3, CLIPS, 7, 10, 6], 0, 1, 'float32', 1);
      const filter = tf.randomNormal([3, 3, 3, 6], 0, 1, 'float32', 2);
      const { b } = run('X3dChannelwise', { a, filter }, { stride, statistics: 0 });
      const { da, dfilter } = run('X3dChannelwiseGrad', { du: b, a, filter }, { stride });
      const inputs = { a: valuesOf(a), filter: valuesOf(filter) };
      const expected = reference.X3dChannelwise(inputs, { stride, statistics: 0 });
      const back = reference.X3dChannelwiseGrad({ du: valuesOf(b), ...inputs }, { stride });
      for (const [got, { shape, data }] of [
        [b, expected.b],
        [da, back.da],
        [dfilter, back.dfilter],
      ] as [Tensor, Values][])
        worst = Math.max(worst, farthest(got, tf.tensor(Float32Array.from(data), [...shape])));
    }
    return result('channelwise kernels beside their reference', worst, 1e-4);
  });
}

/** Every check that this installation allows. */
export async function selfTest(): Promise<readonly SelfTest[]> {
  const checks = [
    finiteDifferences('gradients of tfjs by finite differences', smallModel(plain)),
    ...(cardKernelsWanted() ? [channelwiseAsReference()] : []),
  ];
  if (!nativeAvailable()) return checks;
  return [
    ...checks,
    finiteDifferences('gradients of the kernels by finite differences', smallModel(native)),
    kernelsAgree(),
  ];
}
