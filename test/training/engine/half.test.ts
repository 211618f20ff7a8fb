/** Half precision in the graph that a card runs: tfjs's operations, recorded, with casts about products and convolutions. */
import { describe, expect, it } from 'vitest';
import { BASES, describeNetwork } from '../../../src/network/index.js';
import { randomOf } from '../../../src/random.js';
import { softLabels } from '../../../src/training/augmentation.js';
import { plain } from '../../../src/training/engine/operations/plain.js';
import { initialParameters, initialStatistics, layoutOf } from '../../../src/training/engine/parameters.js';
import { newProgram } from '../../../src/training/engine/program.js';
import { SCALARS, type StepInputs, trainingStep, type Vectors } from '../../../src/training/engine/step.js';
import { tensorFlowMissing } from '../../../src/training/engine/tensorflow.js';
import { RECIPES } from '../../../src/training/recipe.js';

const base = BASES['x2d-micro'];
const network = describeNetwork(base, { ...base.factors, frames: 2, crop: 32 }, { classes: 3 });
const layout = layoutOf(network);
const CLIPS = 4;
const random = randomOf('half', 0);
const clips = Uint8Array.from({ length: CLIPS * 2 * 32 * 32 * 3 }, () => 255 * random.uniform());
const labels = softLabels(Int32Array.of(0, 1, 2, 1), 3, { labelSmoothing: 0 }, 1);

/** The parameters' change over one step, and whether it was done. */
function moved(mixedPrecision: boolean, targets = labels) {
  const recipe = { ...RECIPES['x2d-micro'], mixup: 0, averageDecay: 0, mixedPrecision };
  const model = { network, layout, operations: plain, recipe };
  const parameters = initialParameters(layout, 0);
  const program = newProgram(
    {
      parameters,
      momentum: new Float32Array(parameters.length),
      statistics: initialStatistics(layout),
    },
    {
      step: {
        inputs: {
          clips: { kind: 'bytes', shape: [2, CLIPS, 32, 32, 3] },
          labels: { kind: 'floats', shape: [CLIPS, 3] },
          scalars: { kind: 'floats', shape: [SCALARS.length] },
        },
        body: (state, inputs) =>
          trainingStep(model, state as unknown as Vectors, inputs as unknown as StepInputs),
      },
    },
    { half: mixedPrecision },
  );
  const scalars = Float32Array.from(SCALARS, (name) => (name === 'learningRate' ? 0.1 : 1));
  const { done } = program.run('step', { clips, labels: targets, scalars });
  const change = program.read('parameters').map((value, i) => value - (parameters[i] as number));
  program.close();
  return { change, done: done?.[0] };
}

const lengthOf = (vector: Float32Array) => Math.sqrt(vector.reduce((sum, value) => sum + value ** 2, 0));

describe.skipIf(tensorFlowMissing !== undefined)('half precision of tfjs’s operations', () => {
  it('comes to nearly the same step', () => {
    const { change: whole } = moved(false);
    const { change: halved, done } = moved(true);
    expect(done).toBe(1);
    const distance = lengthOf(halved.map((value, i) => value - (whole[i] as number)));
    expect(distance).toBeGreaterThan(1e-5 * lengthOf(whole));
    expect(distance).toBeLessThan(0.05 * lengthOf(whole));
  });

  it('leaves out a step whose gradient overflows, and says so', () => {
    const { change, done } = moved(
      true,
      labels.map((value) => value * 1e30),
    );
    expect(done).toBe(0);
    expect(lengthOf(change)).toBe(0);
  });
});
