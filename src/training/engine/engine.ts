/** One network on one device: its state, a training step, the statistics, predictions. */
import { X3dError } from '../../errors.js';
import type { Network } from '../../network/index.js';
import { randomOf } from '../../random.js';
import type { Recipe } from '../recipe.js';
import type { Device } from '../training.js';
import { nativeAvailable } from './operations/native/kernels.js';
import { native } from './operations/native.js';
import { plain } from './operations/plain.js';
import { initialParameters, initialStatistics, layoutOf } from './parameters.js';
import { type Entry, type Input, newProgram } from './program.js';
import {
  gatheredStatistics,
  type Model,
  predictions,
  SCALARS,
  type Scalars,
  trainingStep,
  VECTORS,
  type Vectors,
} from './step.js';
import { nodeBackend, tensorFlowMissing } from './tensorflow.js';
import { exportWeights } from './weights.js';

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
  /** Networks at the crops of evaluation, and how many views are predicted at once. */
  readonly evaluations: readonly { readonly network: Network; readonly views: number }[];
  readonly recipe: Recipe;
  readonly seed: number;
  readonly device: Device;
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
  /** Mean loss, and how many clips were classified right. */
  step(batch: StepBatch): { readonly loss: number; readonly correct: number };
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
      remedy: 'Run `x3d-search doctor`; set up with `npm run setup -- --cuda`, or use --device cpu.',
    });
  return device === 'cpu' && nativeAvailable() ? native : plain;
}

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
  const { network, evaluations, recipe, seed } = options;
  const operations = operationsFor(options.device);
  const layout = layoutOf(network, recipe.classifierDeviation);
  const model: Model = { network, layout, operations, recipe };
  const { batchSize } = recipe;
  const hidden = network.head.hidden.output[3];
  const averaged = recipe.averageDecay > 0;

  const stepEntry: Entry = {
    inputs: {
      clips: viewInput(network, batchSize),
      labels: { kind: 'floats', shape: [batchSize, network.classes] },
      scalars: { kind: 'floats', shape: [SCALARS.length] },
      ...(recipe.colourJitter > 0 ? { colour: { kind: 'floats', shape: [batchSize, 3] } } : {}),
      ...(recipe.dropout > 0 ? { keep: { kind: 'floats', shape: [batchSize, hidden] } } : {}),
    },
    // biome-ignore lint/suspicious/noExplicitAny: a program's inputs are tensors under the names just given.
    body: (state, inputs) => trainingStep(model, state as Vectors, inputs as any),
  };
  const statisticsEntry: Entry = {
    inputs: { clips: viewInput(network, batchSize), index: { kind: 'floats', shape: [1] } },
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    body: (state, inputs) => gatheredStatistics(model, state as Vectors, inputs as any),
  };
  const evaluationEntries = evaluations.map((evaluation): [string, Entry] => [
    `evaluate ${evaluation.network.input[1]}`,
    {
      inputs: { clips: viewInput(evaluation.network, evaluation.views) },
      body: (state, inputs) => ({
        // biome-ignore lint/suspicious/noExplicitAny: as above.
        outputs: { scores: predictions(model, evaluation.network, state as Vectors, inputs as any) },
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
    },
    {
      step: stepEntry,
      ...(recipe.preciseBatchNorm > 0 ? { statistics: statisticsEntry } : {}),
      ...Object.fromEntries(evaluationEntries),
    },
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
      const scalars: Scalars = {
        learningRate,
        averageDecay: averageDecayAt(recipe, step),
        mixupShare,
        lossScale: 1,
      };
      const { loss, correct } = program.run('step', {
        clips,
        labels,
        scalars: Float32Array.from(SCALARS, (name) => scalars[name]),
        ...(colourFactors ? { colour: colourFactors } : {}),
        ...(recipe.dropout > 0 ? { keep: dropoutMask(recipe.dropout, seed, step, batchSize * hidden) } : {}),
      });
      return { loss: loss?.[0] ?? Number.NaN, correct: correct?.[0] ?? 0 };
    },
    gatherStatistics: (clips, index) => {
      program.run('statistics', { clips, index: Float32Array.of(index) });
    },
    evaluate: (clips, { crop, views }) => {
      const evaluation = evaluations.find((candidate) => candidate.network.input[1] === crop);
      if (!evaluation) throw new Error(`No evaluation at crop ${crop}`);
      const scores = new Float32Array(views * network.classes);
      for (let first = 0; first < views; first += evaluation.views) {
        const part = viewsFrom(clips, network.input[0], views, first, evaluation.views);
        const values = program.run(`evaluate ${crop}`, { clips: part }).scores ?? new Float32Array();
        const count = Math.min(evaluation.views, views - first);
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

function concatenated(a: Float32Array, b: Float32Array): Float32Array {
  const whole = new Float32Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

const splitAverage = (average: Float32Array, parameterSize: number) => ({
  parameters: average.subarray(0, parameterSize),
  statistics: average.subarray(parameterSize),
});
