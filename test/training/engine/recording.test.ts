/** A step is recorded without being run: what a recording takes does not grow with clips or crop. */
import { describe, expect, it } from 'vitest';
import { BASES, describeNetwork } from '../../../src/network/index.js';
import { nativeAvailable } from '../../../src/training/engine/operations/native/kernels.js';
import { native } from '../../../src/training/engine/operations/native.js';
import type { Operations } from '../../../src/training/engine/operations/operations.js';
import { plain } from '../../../src/training/engine/operations/plain.js';
import { initialParameters, initialStatistics, layoutOf } from '../../../src/training/engine/parameters.js';
import { newProgram } from '../../../src/training/engine/program.js';
import {
  predictions,
  SCALARS,
  type StepInputs,
  trainingStep,
  type Vectors,
} from '../../../src/training/engine/step.js';
import { type Binding, nodeBackend } from '../../../src/training/engine/tensorflow.js';
import { RECIPES } from '../../../src/training/recipe.js';

const CLIPS = 3;
const base = BASES['x2d-micro'];
const network = describeNetwork(base, { ...base.factors, frames: 4, stride: 4 }, { classes: 5 });
const recipe = {
  ...RECIPES['x2d-micro'],
  batchSize: CLIPS,
  dropout: 0.2,
  mixup: 0.2,
  colourJitter: 0.1,
  clipNorm: 1,
};

/** The operations that TensorFlow runs meanwhile, with the number of values that the largest of each makes. */
function executed(body: () => void): Map<string, number> {
  const backend = nodeBackend() as unknown as { binding: Binding };
  const { binding } = backend;
  const largest = new Map<string, number>();
  const execute = (binding as unknown as { executeOp: (...all: unknown[]) => { shape: number[] }[] })
    .executeOp;
  backend.binding = Object.create(binding, {
    executeOp: {
      value: (op: string, ...rest: unknown[]) => {
        const made = execute(op, ...rest);
        for (const { shape } of made)
          largest.set(
            op,
            Math.max(
              largest.get(op) ?? 0,
              shape.reduce((a, b) => a * b, 1),
            ),
          );
        return made;
      },
    },
  });
  try {
    body();
  } finally {
    backend.binding = binding;
  }
  return largest;
}

function record(operations: Operations): void {
  const layout = layoutOf(network);
  const model = { network, layout, operations, recipe };
  const [frames, height, width] = network.input;
  const clips = { kind: 'bytes' as const, shape: [frames, CLIPS, height, width, 3] };
  const floats = (...shape: number[]) => ({ kind: 'floats' as const, shape });
  const parameters = initialParameters(layout, 0);
  const statistics = initialStatistics(layout);
  const momentum = new Float32Array(parameters.length);
  const average = new Float32Array(parameters.length + statistics.length);
  newProgram(
    { parameters, momentum, statistics, average },
    {
      step: {
        inputs: {
          clips,
          labels: floats(CLIPS, 5),
          scalars: floats(SCALARS.length),
          colour: floats(CLIPS, 3),
          keep: floats(CLIPS, base.headWidth),
        },
        body: (state, inputs) =>
          trainingStep(model, state as unknown as Vectors, inputs as unknown as StepInputs),
      },
      evaluate: {
        inputs: { clips },
        body: (state, inputs) => ({
          outputs: {
            scores: predictions(model, network, state as unknown as Vectors, inputs as unknown as StepInputs),
          },
        }),
      },
    },
  ).close();
}

describe.skipIf(nodeBackend() === undefined)('recording a step and an evaluation', () => {
  it.skipIf(!nativeAvailable())('runs no kernel, and nothing that makes more than a number a class', () => {
    const largest = executed(() => record(native));
    expect(largest.size).toBeGreaterThan(0);
    expect(Math.max(...largest.values())).toBeLessThanOrEqual(CLIPS * 5);
    expect([...largest.keys()].filter((op) => op.startsWith('X3d'))).toEqual([]);
  });

  it('runs none of tfjs’s large operations either', () => {
    const largest = executed(() => record(plain));
    expect(largest.size).toBeGreaterThan(0);
    expect(Math.max(...largest.values())).toBeLessThanOrEqual(CLIPS * 5);
  });
});
