/** One network on one device: its state, a training step, the statistics, predictions. */
import { X3dError } from '../../errors.js';
import type { Network } from '../../network/index.js';
import { randomOf } from '../../random.js';
import type { Recipe } from '../recipe.js';
import type { Device } from '../training.js';
import { nativeAvailable } from './operations/native/kernels.js';
import { native } from './operations/native.js';
import { plain } from './operations/plain.js';
import { initialParameters, initialStatistics, layoutOf, VECTORS } from './parameters.js';
import { type Entry, type Input, newProgram } from './program.js';
import {
  accumulated,
  appliedGradient,
  gatheredStatistics,
  type Model,
  predictions,
  SCALARS,
  type Scalars,
  type StepInputs,
  type Tuning,
  trainingStep,
  type Vectors,
} from './step.js';
import { nodeBackend, tensorFlowMissing } from './tensorflow.js';
import { exportWeights } from './weights.js';

export type { Tuning } from './step.js';

/** The vectors of a training, as parameters.ts lays them out; `average` is empty where the recipe has none. */
export interface EngineState {
  readonly parameters: Float32Array;
  readonly momentum: Float32Array;
  readonly statistics: Float32Array;
  readonly average: Float32Array;
}

export interface EngineOptions {
  /** At the training crop. */
  readonly network: Network;
  /** At the crops of evaluation. */
  readonly evaluations: readonly Network[];
  readonly recipe: Recipe;
  /** Clips taken at once: a divisor of the batch size. */
  readonly microBatch: number;
  readonly seed: number;
  readonly device: Device;
  /** Of a training that starts from other weights. */
  readonly tuning?: Tuning | undefined;
}

export interface StepBatch {
  /** [T, N, H, W, 3]. */
  readonly clips: Uint8Array;
  /** [N, classes], rows summing to 1. */
  readonly labels: Float32Array;
  readonly learningRate: number;
  /** From 0; decides what is random in the step. */
  readonly step: number;
  /** With mixup: what stays of a clip. */
  readonly mixupShare?: number;
  /** With colour jitter, [N, 3]. */
  readonly colourFactors?: Float32Array;
}

export interface Engine {
  /** Mean loss, how many clips were classified right, and whether the gradient overflowed, so that nothing moved. */
  step(batch: StepBatch): { readonly loss: number; readonly correct: number; readonly skipped: boolean };
  /** Batch `index` (from 0) of those whose mean replaces the running statistics. */
  gatherStatistics(clips: Uint8Array, index: number): void;
  /** Views [T, V, H, W, 3] at a crop -> probabilities [V, classes]. */
  evaluate(clips: Uint8Array, options: { readonly crop: number; readonly views: number }): Float32Array;
  readState(): EngineState;
  writeState(state: EngineState): void;
  /** The network to deploy, as safetensors under PyTorchVideo's names. */
  weights(): Uint8Array;
  close(): void;
}

function operationsFor(device: Device) {
  const gpu = nodeBackend()?.binding.isUsingGpuDevice() ?? false;
  if (device !== 'cpu' && !gpu)
    throw new X3dError('environment', {
      subject: `--device ${device}`,
      expected: 'a CUDA device that TensorFlow can use',
      got: tensorFlowMissing ?? 'none: TensorFlow sees no GPU',
      remedy: 'Run `x3d-search doctor`; set up with `x3d-search setup --cuda`, or use --device cpu.',
    });
  return device === 'cpu' && nativeAvailable() ? native : plain;
}

/**
 * Views that are predicted at once. On a CPU few are faster than many, since what one layer makes stays in the cache
 * for the next, and take less memory; a card is fed with all clips of a video.
 */
const viewsAtOnce = (device: Device, { views }: Recipe) => (device === 'cpu' ? Math.min(2, views) : views);

const viewInput = ({ input }: Network, clips: number): Input => ({
  kind: 'bytes',
  shape: [input[0], clips, input[1], input[2], 3],
});

/** Early on the average must not be of the start: as in TensorFlow's, its decay is at most (1 + n) / (10 + n). */
const averageDecayAt = ({ averageDecay }: Recipe, step: number) =>
  Math.min(averageDecay, (1 + step) / (10 + step));

/** Dropout's mask for one step: each value is kept with 1 - rate, and scaled so that the mean stays. */
function dropoutMask(rate: number, seed: number, step: number, size: number): Float32Array {
  const random = randomOf('dropout', seed, step);
  return Float32Array.from({ length: size }, () => (random.uniform() < rate ? 0 : 1 / (1 - rate)));
}

/** Frames of some of the views: [T, V, pixels] -> [T, count, pixels], views after the last repeat it. */
function viewsFrom(
  clips: Uint8Array,
  frames: number,
  views: number,
  first: number,
  count: number,
): Uint8Array {
  if (first === 0 && count === views) return clips;
  const size = clips.length / frames / views;
  const out = new Uint8Array(frames * count * size);
  for (let t = 0; t < frames; t++) {
    for (let v = 0; v < count; v++) {
      const source = (t * views + Math.min(first + v, views - 1)) * size;
      out.set(clips.subarray(source, source + size), (t * count + v) * size);
    }
  }
  return out;
}

/** Throws X3dError environment where the device can't be used. */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { network, evaluations, recipe, microBatch, seed } = options;
  const operations = operationsFor(options.device);
  const layout = layoutOf(network, recipe.classifierDeviation);
  const model: Model = { network, layout, operations, recipe, tuning: options.tuning };
  const { batchSize } = recipe;
  const parts = batchSize / microBatch;
  const hidden = network.head.hidden.output[3];
  const averaged = recipe.averageDecay > 0;

  const scalars: Input = { kind: 'floats', shape: [SCALARS.length] };
  const stepInputs: Entry['inputs'] = {
    clips: viewInput(network, microBatch),
    labels: { kind: 'floats', shape: [microBatch, network.classes] },
    scalars,
    ...(recipe.colourJitter > 0 ? { colour: { kind: 'floats', shape: [microBatch, 3] } } : {}),
    ...(recipe.dropout > 0 ? { keep: { kind: 'floats', shape: [microBatch, hidden] } } : {}),
  };
  // A program's inputs are tensors under the names just given: what StepInputs says.
  const asStep = (inputs: unknown) => inputs as StepInputs;
  const asVectors = (state: unknown) => state as Vectors;
  const stepEntries: Record<string, Entry> =
    parts === 1
      ? {
          step: {
            inputs: stepInputs,
            body: (state, inputs) => trainingStep(model, asVectors(state), asStep(inputs)),
          },
        }
      : {
          accumulate: {
            inputs: stepInputs,
            body: (state, inputs) => accumulated(model, asVectors(state), asStep(inputs), parts),
          },
          apply: {
            inputs: { scalars },
            body: (state, inputs) => appliedGradient(model, asVectors(state), asStep(inputs)),
          },
        };
  const statisticsEntry: Entry = {
    inputs: { clips: viewInput(network, microBatch), index: { kind: 'floats', shape: [1] } },
    body: (state, inputs) =>
      gatheredStatistics(
        model,
        asVectors(state),
        inputs as unknown as Parameters<typeof gatheredStatistics>[2],
      ),
  };
  const atOnce = viewsAtOnce(options.device, recipe);
  const evaluationEntries = evaluations.map((evaluation): [string, Entry] => [
    `evaluate ${evaluation.input[1]}`,
    {
      inputs: { clips: viewInput(evaluation, atOnce) },
      body: (state, inputs) => ({
        outputs: { scores: predictions(model, evaluation, asVectors(state), asStep(inputs)) },
      }),
    },
  ]);

  const parameters = initialParameters(layout, seed);
  const statistics = initialStatistics(layout);
  const program = newProgram(
    {
      parameters,
      momentum: new Float32Array(layout.parameterSize),
      statistics,
      ...(averaged ? { average: concatenated(parameters, statistics) } : {}),
      ...(parts > 1 ? { gradient: new Float32Array(layout.parameterSize) } : {}),
    },
    {
      ...stepEntries,
      ...(recipe.preciseBatchNorm > 0 ? { statistics: statisticsEntry } : {}),
      ...Object.fromEntries(evaluationEntries),
    },
    { half: recipe.mixedPrecision },
  );

  const readState = (): EngineState =>
    Object.fromEntries(
      VECTORS.map((name) => [
        name,
        name === 'average' && !averaged ? new Float32Array() : program.read(name),
      ]),
    ) as unknown as EngineState;

  return {
    step: ({ clips, labels, learningRate, step, mixupShare = 1, colourFactors }) => {
      const numbers: Scalars = {
        learningRate,
        averageDecay: averageDecayAt(recipe, step),
        mixupShare,
      };
      const scalars = Float32Array.from(SCALARS, (name) => numbers[name]);
      const keep =
        recipe.dropout > 0 ? dropoutMask(recipe.dropout, seed, step, batchSize * hidden) : undefined;
      let loss = 0;
      let correct = 0;
      let done: number | undefined;
      for (let part = 0; part < parts; part++) {
        const own = (values: Float32Array) =>
          values.subarray((part * values.length) / parts, ((part + 1) * values.length) / parts);
        const made = program.run(parts === 1 ? 'step' : 'accumulate', {
          clips: viewsFrom(clips, network.input[0], batchSize, part * microBatch, microBatch),
          labels: own(labels),
          scalars,
          ...(colourFactors ? { colour: own(colourFactors) } : {}),
          ...(keep ? { keep: own(keep) } : {}),
        });
        loss += (made.loss?.[0] ?? Number.NaN) / parts;
        correct += made.correct?.[0] ?? 0;
        done = made.done?.[0];
      }
      if (parts > 1) done = program.run('apply', { scalars }).done?.[0];
      return { loss, correct, skipped: done === 0 };
    },
    gatherStatistics: (clips, index) => {
      for (let part = 0; part < parts; part++) {
        program.run('statistics', {
          clips: viewsFrom(clips, network.input[0], batchSize, part * microBatch, microBatch),
          index: Float32Array.of(index * parts + part),
        });
      }
    },
    evaluate: (clips, { crop, views }) => {
      const scores = new Float32Array(views * network.classes);
      for (let first = 0; first < views; first += atOnce) {
        const part = viewsFrom(clips, network.input[0], views, first, atOnce);
        const values = program.run(`evaluate ${crop}`, { clips: part }).scores ?? new Float32Array();
        const count = Math.min(atOnce, views - first);
        scores.set(values.subarray(0, count * network.classes), first * network.classes);
      }
      return scores;
    },
    readState,
    writeState: (state) => {
      for (const name of VECTORS) if (state[name].length > 0) program.write(name, state[name]);
    },
    weights: () => {
      const state = readState();
      return exportWeights(
        network,
        layout,
        averaged ? splitAverage(state.average, layout.parameterSize) : state,
      );
    },
    close: program.close,
  };
}

export function concatenated(a: Float32Array, b: Float32Array): Float32Array {
  const whole = new Float32Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

const splitAverage = (average: Float32Array, parameterSize: number) => ({
  parameters: average.subarray(0, parameterSize),
  statistics: average.subarray(parameterSize),
});
