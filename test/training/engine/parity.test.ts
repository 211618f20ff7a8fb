/** The engine computes what PyTorchVideo's create_x3d computes in PyTorch: the files are made by make_fixtures.py. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tensor2D } from '@tensorflow/tfjs-node-gpu';
import { describe, expect, it } from 'vitest';
import { BASES, describeNetwork, type Factors } from '../../../src/network/index.js';
import { createEngine, type EngineState } from '../../../src/training/engine/engine.js';
import { nativeAvailable } from '../../../src/training/engine/operations/native/kernels.js';
import { native } from '../../../src/training/engine/operations/native.js';
import type { Operations } from '../../../src/training/engine/operations/operations.js';
import { plain } from '../../../src/training/engine/operations/plain.js';
import { layoutOf, type Parameter } from '../../../src/training/engine/parameters.js';
import { newProgram } from '../../../src/training/engine/program.js';
import {
  readSafetensors,
  type StoredTensor,
  writeSafetensors,
} from '../../../src/training/engine/safetensors.js';
import {
  gradientOf,
  type Model,
  runningStatistics,
  SCALARS,
  type StepInputs,
  type Vectors,
} from '../../../src/training/engine/step.js';
import { tensorFlowMissing, tf } from '../../../src/training/engine/tensorflow.js';
import { exportWeights, importWeights } from '../../../src/training/engine/weights.js';
import { RECIPES, type Recipe } from '../../../src/training/recipe.js';

interface Case {
  readonly factors: Factors;
  readonly classes: number;
  readonly clips: number;
  readonly optimizer: { lr: number; momentum: number; weight_decay: number };
  readonly tensors: Readonly<Record<string, number[]>>;
  readonly parameters: readonly string[];
  readonly norms: readonly string[];
  readonly logits: readonly number[][];
  readonly trainingLogits: readonly number[][];
  /** Norm, then evenly spaced values. */
  readonly gradients: readonly number[][];
  /** How far PyTorch's own gradients are off in single precision; all else here is double. */
  readonly singlePrecision: number;
  readonly statistics: readonly number[][];
  readonly losses: readonly number[];
  readonly trained: readonly number[][];
}

const SAMPLES = 8;
const FIXTURES = new URL('../../fixtures/parity/', import.meta.url);

/** As `drawn` in make_fixtures.py. */
function drawn(name: string, count: number): Uint32Array {
  let seed = 2166136261;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 16777619);
  return Uint32Array.from({ length: count }, (_, i) => {
    let h = (i + seed) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return h ^ (h >>> 16);
  });
}

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** The weights that the fixture's network starts from, as a safetensors file. */
function startingWeights({ tensors }: Case): Uint8Array {
  const files = new Map<string, StoredTensor>();
  for (const [name, shape] of Object.entries(tensors)) {
    if (name.endsWith('num_batches_tracked')) continue;
    const u = Float32Array.from(drawn(name, product(shape)), (h) => h / 2 ** 31 - 1);
    const aroundOne =
      (name.includes('norm') && name.endsWith('.weight') && shape.length === 1) ||
      name.endsWith('running_var');
    const bound = Math.fround(Math.sqrt(3 / product(shape.slice(1))));
    const factor = name.endsWith('norm_c.weight') ? 0.25 : 1;
    const values = u.map((value) =>
      aroundOne ? factor * (1 + 0.5 * value) : shape.length === 1 ? 0.3 * value : value * bound,
    );
    files.set(name, { shape, values });
  }
  return writeSafetensors(files, {});
}

function setUp(fixture: Case, operations: Operations) {
  const base = { ...BASES.x2d, shortcutNorm: 'where widened' as const };
  const network = describeNetwork(base, fixture.factors, { classes: fixture.classes });
  const layout = layoutOf(network);
  const recipe: Recipe = {
    ...RECIPES.x2d,
    batchSize: fixture.clips,
    momentum: fixture.optimizer.momentum,
    weightDecay: fixture.optimizer.weight_decay,
    dropout: 0,
    averageDecay: 0,
    preciseBatchNorm: 0,
  };
  const weights = importWeights(network, layout, {
    file: 'the fixture',
    tensors: readSafetensors(startingWeights(fixture), 'the fixture'),
  });
  const model: Model = { network, layout, operations, recipe };
  const [frames, height, width] = network.input;
  const clips = Uint8Array.from(drawn('pixels', frames * fixture.clips * height * width * 3), (h) => h % 256);
  const labels = new Float32Array(fixture.clips * fixture.classes);
  drawn('labels', fixture.clips).forEach((h, clip) => {
    labels[clip * fixture.classes + (h % fixture.classes)] = 1;
  });
  return { network, layout, recipe, weights, model, clips, labels };
}

/** The largest distance over the largest value. */
function farthest(got: ArrayLike<number>, expected: readonly number[]): number {
  expect(got.length).toBe(expected.length);
  const size = Math.max(...expected.map(Math.abs), 1e-12);
  return Math.max(...expected.map((value, i) => Math.abs((got[i] as number) - value))) / size;
}

/** A vector's parameters by name, each in PyTorch's order. */
function torchOrder(setup: ReturnType<typeof setUp>, parameters: Float32Array, statistics: Float32Array) {
  const file = exportWeights(setup.network, setup.layout, { parameters, statistics });
  return readSafetensors(file, 'the export');
}

const lengthOf = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/** Every part's norm and samples within `bound` of the part's norm, or of the smallest norm that says something. */
function expectParts(
  found: ReadonlyMap<string, StoredTensor>,
  names: readonly string[],
  expected: readonly number[][],
  bound: number,
) {
  // Gradients that a batch norm takes away are rounding errors in both.
  const floor = 1e-4 * Math.max(...expected.map(([norm]) => norm as number));
  names.forEach((name, i) => {
    const values = found.get(name)?.values as Float32Array;
    const [norm, ...samples] = expected[i] as [number, ...number[]];
    const scale = Math.max(norm, floor);
    expect(Math.abs(lengthOf(values) - norm) / scale, `norm of ${name}`).toBeLessThan(bound);
    samples.forEach((value, j) => {
      const at = Math.floor((j * values.length) / SAMPLES);
      expect(Math.abs((values[at] as number) - value) / scale, `${name}[${at}]`).toBeLessThan(bound);
    });
  });
}

async function hold(fixture: Case, operations: Operations) {
  const setup = setUp(fixture, operations);
  const { network, model, weights, layout, clips, labels } = setup;

  expect([...torchOrder(setup, weights.parameters, weights.statistics).keys()].sort()).toEqual(
    Object.keys(fixture.tensors)
      .filter((name) => !name.endsWith('num_batches_tracked'))
      .sort(),
  );

  const [frames, height, width] = network.input;
  const floats = (shape: number[]) => ({ kind: 'floats' as const, shape });
  const program = newProgram(
    { parameters: weights.parameters, statistics: weights.statistics },
    {
      gradient: {
        inputs: {
          clips: { kind: 'bytes', shape: [frames, fixture.clips, height, width, 3] },
          labels: floats([fixture.clips, fixture.classes]),
          scalars: floats([SCALARS.length]),
        },
        body: (state, inputs) => {
          const { parameters, statistics } = state as unknown as Vectors;
          const made = gradientOf(model, parameters, inputs as unknown as StepInputs);
          const running = runningStatistics(model, statistics, made.moments, fixture.clips);
          return {
            outputs: { gradient: made.gradient, logits: made.logits, loss: made.loss, running },
          };
        },
      },
    },
  );
  const scalars = Float32Array.from(SCALARS, () => 1);
  const { gradient, logits, running, loss } = program.run('gradient', { clips, labels, scalars });
  program.close();
  expect(farthest(logits as Float32Array, fixture.trainingLogits.flat()), 'training logits').toBeLessThan(
    1e-4,
  );
  expect(loss?.[0]).toBeCloseTo(fixture.losses[0] as number, 4);
  const made = torchOrder(setup, gradient as Float32Array, running as Float32Array);
  expectParts(made, fixture.parameters, fixture.gradients, Math.max(1e-3, 4 * fixture.singlePrecision));
  expectParts(
    made,
    fixture.norms.flatMap((name) => [`${name}.running_mean`, `${name}.running_var`]),
    fixture.statistics,
    1e-4,
  );

  const engine = await createEngine({
    network,
    evaluations: [network],
    recipe: setup.recipe,
    microBatch: fixture.clips,
    seed: 0,
    device: 'cpu',
  });
  const state: EngineState = {
    ...weights,
    momentum: new Float32Array(layout.parameterSize),
    average: new Float32Array(),
  };
  engine.writeState(state);
  const scores = engine.evaluate(clips, { crop: fixture.factors.crop, views: fixture.clips });
  const expected = tf.tidy(() => [
    ...tf.softmax(tf.tensor2d(fixture.logits.map((row) => [...row])) as Tensor2D).dataSync(),
  ]);
  expect(farthest(scores, expected), 'predictions').toBeLessThan(1e-4);

  const losses = fixture.losses.map(
    (_, step) => engine.step({ clips, labels, learningRate: fixture.optimizer.lr, step }).loss,
  );
  expect(farthest(losses, fixture.losses), 'losses of five steps').toBeLessThan(1e-3);
  const after = engine.readState();
  expectParts(
    torchOrder(setup, after.parameters, after.statistics),
    fixture.parameters,
    fixture.trained,
    1e-3,
  );
  engine.close();
}

const read = (folder: URL | string, file: string) =>
  JSON.parse(
    readFileSync(typeof folder === 'string' ? join(folder, file) : new URL(file, folder), 'utf8'),
  ) as Case;

describe.skipIf(tensorFlowMissing !== undefined)('against PyTorchVideo', () => {
  const files = readdirSync(FIXTURES);
  it.skipIf(!nativeAvailable()).each(files)('the kernels agree on %s', { timeout: 120_000 }, (file) =>
    hold(read(FIXTURES, file), native),
  );
  it.each(files.filter((file) => !file.startsWith('xs')))(
    'the tfjs operations agree on %s',
    { timeout: 120_000 },
    (file) => hold(read(FIXTURES, file), plain),
  );

  /** Where X3D_TORCH_PYTHON names none, the first on the PATH, if it has what is needed. */
  const python = process.env.X3D_TORCH_PYTHON ?? 'python3';
  const live = spawnSync(python, ['-c', 'import torch, pytorchvideo, fvcore, iopath']).status === 0;
  const script = (name: string) => fileURLToPath(new URL(`parity/${name}`, import.meta.url));

  it.skipIf(!live)('agrees live on factors drawn now (with torch and pytorchvideo)', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'x3d-parity-'));
    const pick = (from: number, to: number) => from + Math.random() * (to - from);
    const factors = {
      frames: Math.round(pick(1, 6)),
      stride: 2,
      crop: Math.round(pick(33, 90)),
      width: Number(pick(0.3, 1.2).toFixed(2)),
      bottleneck: Number(pick(1, 3).toFixed(2)),
      depth: Number(pick(0.4, 1.6).toFixed(1)),
    };
    execFileSync(python, [script('make_fixtures.py'), folder, `live=${JSON.stringify(factors)}`]);
    await hold(read(folder, 'live.json'), nativeAvailable() ? native : plain);
  });

  it.skipIf(!live)('is loaded by create_x3d with strict=True, and predicts the same there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'x3d-export-'));
    // With a norm in every shortcut, one of which PyTorchVideo does not have.
    const factors = { ...BASES.x2d.factors, frames: 3, crop: 64, bottleneck: 2.25 };
    const classes = 7;
    const clips = 4;
    const network = describeNetwork(BASES.x2d, factors, { classes });
    const recipe: Recipe = {
      ...RECIPES.x2d,
      batchSize: clips,
      dropout: 0,
      preciseBatchNorm: 0,
      views: clips,
    };
    const engine = await createEngine({
      network,
      evaluations: [network],
      recipe,
      microBatch: clips,
      seed: 3,
      device: 'cpu',
    });
    const pixels = Uint8Array.from(drawn('pixels', 3 * clips * 64 * 64 * 3), (h) => h % 256);
    const labels = Float32Array.from({ length: clips * classes }, (_, i) =>
      i % (classes + 1) === 0 ? 1 : 0,
    );
    for (let step = 0; step < 8; step++) engine.step({ clips: pixels, labels, learningRate: 0.05, step });
    const ours = engine.evaluate(pixels, { crop: factors.crop, views: clips });
    writeFileSync(join(folder, 'w.safetensors'), engine.weights());
    writeFileSync(join(folder, 'clips'), pixels);
    engine.close();
    const theirs = JSON.parse(
      execFileSync(python, [
        script('load_weights.py'),
        join(folder, 'w.safetensors'),
        join(folder, 'clips'),
        JSON.stringify({ factors, classes, clips }),
      ]).toString(),
    ) as number[][];
    expect(farthest(ours, theirs.flat())).toBeLessThan(1e-4);
    // Else anything would do.
    expect(farthest(theirs[0] as number[], theirs[1] as number[])).toBeGreaterThan(0.01);
  });
});

/** The engine's layout names every parameter once, without gaps. */
it('lays parameters out without gaps', () => {
  const { parameters, parameterSize } = layoutOf(describeNetwork(BASES.x2d, BASES.x2d.factors));
  let offset = 0;
  for (const parameter of parameters as readonly Parameter[]) {
    expect(parameter.offset).toBe(offset);
    expect(parameter.size).toBe(product(parameter.shape));
    offset += parameter.size;
  }
  expect(offset).toBe(parameterSize);
});
