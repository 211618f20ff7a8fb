/** What every option of the recipe does to numbers, and that state is all there is. */
import { describe, expect, it } from 'vitest';
import { BASES, describeNetwork } from '../../../src/network/index.js';
import { softLabels } from '../../../src/training/augmentation.js';
import {
  createEngine,
  type Engine,
  type EngineState,
  type Tuning,
} from '../../../src/training/engine/engine.js';
import { layoutOf } from '../../../src/training/engine/parameters.js';
import { readSafetensors } from '../../../src/training/engine/safetensors.js';
import { tensorFlowMissing } from '../../../src/training/engine/tensorflow.js';
import { RECIPES, type Recipe } from '../../../src/training/recipe.js';

const base = BASES['x2d-micro'];
const network = describeNetwork(base, { ...base.factors, frames: 2, crop: 32 }, { classes: 3 });
const layout = layoutOf(network);
const CLIPS = 4;
/** Nothing but the gradient: every option off. */
const BARE: Recipe = {
  ...RECIPES['x2d-micro'],
  batchSize: CLIPS,
  momentum: 0,
  nesterov: false,
  weightDecay: 0,
  averageDecay: 0,
  preciseBatchNorm: 0,
};

const make = (
  recipe: Partial<Recipe> = {},
  options: { microBatch?: number; seed?: number; tuning?: Tuning } = {},
) =>
  createEngine({
    network,
    evaluations: [network],
    recipe: { ...BARE, ...recipe },
    microBatch: options.microBatch ?? CLIPS,
    seed: options.seed ?? 0,
    device: 'cpu',
    tuning: options.tuning,
  });

const pixels = (count: number, salt: number) =>
  Uint8Array.from({ length: count }, (_, i) => Math.imul(i + 1, 2654435761 + salt) >>> 24);
const CLIP_PIXELS = 2 * 32 * 32 * 3;
const clips = pixels(CLIPS * CLIP_PIXELS, 1);
const hard = Int32Array.from([0, 1, 2, 1]);
const labels = softLabels(hard, 3, { labelSmoothing: 0 }, 1);
const step = (engine: Engine, number: number, extra: object = {}) =>
  engine.step({ clips, labels, learningRate: 0.1, step: number, ...extra });

/** The parameters' change over one step with a recipe, from the same start. */
async function moved(recipe: Partial<Recipe>, extra: object = {}, steps = 1): Promise<Float32Array> {
  const engine = await make(recipe);
  const before = engine.readState().parameters;
  for (let i = 0; i < steps; i++) step(engine, i, extra);
  const after = engine.readState().parameters;
  engine.close();
  return after.map((value, i) => value - (before[i] as number));
}

const lengthOf = (vector: Float32Array) => Math.hypot(...vector.subarray(0, 1e5));
const expectClose = (a: Float32Array, b: Float32Array, tolerance = 1e-4) => {
  // What is not a number is no distance from anything.
  expect(a.every(Number.isFinite) && b.every(Number.isFinite)).toBe(true);
  const size = Math.max(...b.map(Math.abs));
  a.forEach((value, i) => {
    if (Math.abs(value - (b[i] as number)) > tolerance * size)
      expect(value, `at ${i}`).toBeCloseTo(b[i] as number, 6);
  });
};

describe('a step', () => {
  it('goes against the gradient by the learning rate', async () => {
    const small = await moved({}, { learningRate: 0.1 });
    const large = await moved({}, { learningRate: 0.2 });
    expectClose(
      large,
      small.map((value) => 2 * value),
    );
  });

  it('keeps momentum, and looks ahead with Nesterov', async () => {
    const plain = await moved({});
    // v = g at first: p moves by rate g, and with Nesterov by rate (g + momentum g).
    expectClose(await moved({ momentum: 0.9 }), plain);
    expectClose(
      await moved({ momentum: 0.9, nesterov: true }),
      plain.map((value) => 1.9 * value),
    );
  });

  it('decays weights, and norms and biases only where asked', async () => {
    const start = await make();
    const { parameters } = start.readState();
    start.close();
    const plain = await moved({});
    const decayed = await moved({ weightDecay: 0.01 });
    const all = await moved({ weightDecay: 0.01, weightDecayOnNormAndBias: true });
    const expected = plain.map((value, i) => value - 0.1 * 0.01 * (parameters[i] as number));
    expectClose(decayed.subarray(0, layout.weightSize), expected.subarray(0, layout.weightSize));
    expectClose(decayed.subarray(layout.weightSize), plain.subarray(layout.weightSize));
    expectClose(all, expected);
  });

  it('bounds the norm of the gradient', async () => {
    const plain = await moved({});
    const bound = lengthOf(plain) / 0.1 / 2;
    expectClose(
      await moved({ clipNorm: bound }),
      plain.map((value) => value / 2),
      1e-3,
    );
    expectClose(await moved({ clipNorm: 10 * bound }), plain);
  });

  it('drops hidden units out, others every step', async () => {
    const plain = await moved({});
    const dropped = await moved({ dropout: 0.5 });
    expect(lengthOf(dropped.map((value, i) => value - (plain[i] as number)))).toBeGreaterThan(
      0.01 * lengthOf(plain),
    );
    const again = await moved({ dropout: 0.5 });
    expect(again).toEqual(dropped);
    const engine = await make({ dropout: 0.5 });
    const first = step(engine, 0, { learningRate: 0 });
    expect(step(engine, 1, { learningRate: 0 }).loss).not.toBe(first.loss);
    engine.close();
  });

  it('mixes clips with the batch in reverse', async () => {
    const engine = await make({ mixup: 0.2 });
    const whole = step(engine, 0, { learningRate: 0, mixupShare: 1 }).loss;
    const reversed = softLabels(hard, 3, { labelSmoothing: 0 }, 0);
    // All of the partner: the same clips in another order, and their labels with them.
    const turned = step(engine, 0, { learningRate: 0, mixupShare: 0, labels: reversed }).loss;
    expect(turned).toBeCloseTo(whole, 5);
    expect(step(engine, 0, { learningRate: 0, mixupShare: 0.5 }).loss).not.toBeCloseTo(whole, 4);
    engine.close();
  });

  it('changes colours by the factors given', async () => {
    const engine = await make({ colourJitter: 0.4 });
    const plain = await make();
    const same = new Float32Array(3 * CLIPS).fill(1);
    const expected = step(plain, 0, { learningRate: 0 }).loss;
    expect(step(engine, 0, { learningRate: 0, colourFactors: same }).loss).toBeCloseTo(expected, 5);
    const darker = same.map((value, i) => (i % 3 === 0 ? 0.6 : value));
    expect(step(engine, 0, { learningRate: 0, colourFactors: darker }).loss).not.toBeCloseTo(expected, 4);
    engine.close();
    plain.close();
  });

  it('counts the loss against soft labels', async () => {
    const engine = await make();
    const plain = step(engine, 0, { learningRate: 0 }).loss;
    const smoothed = softLabels(hard, 3, { labelSmoothing: 0.3 }, 1);
    expect(step(engine, 0, { learningRate: 0, labels: smoothed }).loss).not.toBeCloseTo(plain, 4);
    engine.close();
  });
});

describe('a start from other weights', () => {
  it('moves each parameter by its own share of the rate', async () => {
    const rates = layout.parameters.map((_, i) => (i % 2 === 0 ? 1 : 0.25));
    const plain = await moved({ weightDecay: 0.01 });
    const shares = new Float32Array(layout.parameterSize);
    layout.parameters.forEach(({ offset, size }, i) => {
      shares.fill(rates[i] as number, offset, offset + size);
    });
    const engine = await make({ weightDecay: 0.01 }, { tuning: { frozen: 0, rates } });
    const before = engine.readState().parameters;
    step(engine, 0);
    const after = engine.readState().parameters;
    engine.close();
    expectClose(
      after.map((value, i) => value - (before[i] as number)),
      plain.map((value, i) => value * (shares[i] as number)),
    );
  });

  it('leaves frozen parts as they are, which compute as in evaluation', async () => {
    const frozen = 2;
    const isFrozen = ({ name }: { name: string }) => /^blocks\.[01]\./.test(name);
    const rates = layout.parameters.map(() => 1);
    const engine = await make({ weightDecay: 0.01, preciseBatchNorm: 1 }, { tuning: { frozen, rates } });
    const start = engine.readState();
    const { loss } = step(engine, 0);
    engine.gatherStatistics(clips, 0);
    const now = engine.readState();
    for (const norm of layout.statistics) {
      const own = [norm.offset, norm.offset + 2 * norm.channels] as const;
      const same = now.statistics.subarray(...own).join() === start.statistics.subarray(...own).join();
      expect(same, norm.name).toBe(isFrozen(norm));
    }
    for (const parameter of layout.parameters) {
      const own = [parameter.offset, parameter.offset + parameter.size] as const;
      const same = now.parameters.subarray(...own).join() === start.parameters.subarray(...own).join();
      // A block that is its shortcut has no gradient but that of its last norm.
      if (isFrozen(parameter)) expect(same, parameter.name).toBe(true);
      else if (parameter.offset < layout.weightSize) expect(same, parameter.name).toBe(false);
    }
    const lossWith = (norm: (typeof layout.statistics)[number]) => {
      const statistics = start.statistics.slice();
      statistics.fill(1, norm.offset, norm.offset + norm.channels);
      engine.writeState({ ...start, statistics });
      return step(engine, 0).loss;
    };
    const [first] = layout.statistics;
    const trained = layout.statistics.find((norm) => !isFrozen(norm));
    expect(lossWith(first as NonNullable<typeof first>)).not.toBeCloseTo(loss, 4);
    expect(lossWith(trained as NonNullable<typeof trained>)).toBe(loss);
    engine.close();
  });
});

describe.skipIf(tensorFlowMissing !== undefined)('half precision', () => {
  it('comes to nearly the same step', async () => {
    const whole = await moved({});
    const halved = await moved({ mixedPrecision: true });
    expect(halved).not.toEqual(whole);
    expectClose(halved, whole, 0.02);
  });

  it('leaves out a step whose gradient overflows', async () => {
    const huge = labels.map((value) => value * 1e30);
    expect(lengthOf(await moved({ mixedPrecision: true }, { labels: huge }))).toBe(0);
    expect(lengthOf(await moved({}, { labels: huge }))).not.toBe(0);
  });
});

describe('batch norms', () => {
  it('move their statistics a tenth towards the batch', async () => {
    const engine = await make();
    const before = engine.readState().statistics;
    step(engine, 0, { learningRate: 0 });
    const once = engine.readState().statistics;
    step(engine, 1, { learningRate: 0 });
    const twice = engine.readState().statistics;
    engine.close();
    // s' = .9 s + .1 m twice with the same m.
    const batch = once.map((value, i) => (value - 0.9 * (before[i] as number)) / 0.1);
    expectClose(
      twice,
      once.map((value, i) => 0.9 * value + 0.1 * (batch[i] as number)),
    );
  });

  it('take the mean over the batches given as their statistics', async () => {
    const engine = await make({ preciseBatchNorm: 2 });
    const other = pixels(clips.length, 99);
    engine.gatherStatistics(clips, 0);
    const first = engine.readState().statistics;
    engine.gatherStatistics(other, 0);
    const second = engine.readState().statistics;
    engine.gatherStatistics(clips, 0);
    engine.gatherStatistics(other, 1);
    const both = engine.readState().statistics;
    engine.close();
    expectClose(
      both,
      first.map((value, i) => (value + (second[i] as number)) / 2),
    );
  });
});

describe('the running average', () => {
  it('follows the weights, fast at first, and is what evaluation uses and what is saved', async () => {
    const engine = await make({ averageDecay: 0.98 });
    const start = engine.readState().average.subarray(0, layout.parameterSize).slice();
    step(engine, 0);
    const state = engine.readState();
    // Decay of step 0: (1 + 0) / (10 + 0).
    const expected = start.map((value, i) => 0.1 * value + 0.9 * (state.parameters[i] as number));
    expectClose(state.average.subarray(0, layout.parameterSize), expected);
    const name = layout.parameters.find(({ name }) => name.endsWith('proj.bias'));
    const saved = readSafetensors(engine.weights(), 'weights').get(name?.name ?? '');
    const at = name?.offset ?? 0;
    expect(saved?.values).toEqual(state.average.slice(at, at + 3));
    const views = pixels(2 * CLIP_PIXELS, 5);
    const averaged = engine.evaluate(views, { crop: 32, views: 2 });
    engine.writeState({ ...state, parameters: state.parameters.map(() => 0) });
    expect(engine.evaluate(views, { crop: 32, views: 2 })).toEqual(averaged);
    engine.close();
  });
});

describe('a batch taken in parts', () => {
  it('is the mean of the parts’ gradients, with batch norm over each part', async () => {
    const halves = [0, 1].map((half) => {
      const own = new Uint8Array(clips.length / 2);
      const frame = clips.length / 2;
      for (let t = 0; t < 2; t++)
        own.set(
          clips.subarray(t * frame + (half * frame) / 2, t * frame + ((half + 1) * frame) / 2),
          (t * frame) / 2,
        );
      return { clips: own, labels: labels.subarray(half * 6, half * 6 + 6) };
    });
    const moves: Float32Array[] = [];
    for (const half of halves) {
      const engine = await make({ batchSize: 2 }, { microBatch: 2 });
      const before = engine.readState().parameters;
      engine.step({ ...half, learningRate: 0.1, step: 0 });
      moves.push(engine.readState().parameters.map((value, i) => value - (before[i] as number)));
      engine.close();
    }
    const engine = await make({}, { microBatch: 2 });
    const before = engine.readState().parameters;
    step(engine, 0);
    step(engine, 1, { learningRate: 0 });
    const together = engine.readState().parameters.map((value, i) => value - (before[i] as number));
    engine.close();
    expectClose(
      together,
      (moves[0] as Float32Array).map((value, i) => (value + (moves[1]?.[i] as number)) / 2),
      1e-3,
    );
  });
});

describe('the same seed', () => {
  it('gives the same bits, another other ones', async () => {
    const run = async (seed: number): Promise<EngineState> => {
      const engine = await make({ dropout: 0.2, averageDecay: 0.9, momentum: 0.9 }, { seed });
      for (let i = 0; i < 5; i++) step(engine, i);
      const state = engine.readState();
      engine.close();
      return state;
    };
    const first = await run(3);
    expect(await run(3)).toEqual(first);
    expect((await run(4)).parameters).not.toEqual(first.parameters);
  });

  it('goes on from a state as if it had never stopped', async () => {
    const recipe = { momentum: 0.9, averageDecay: 0.9, dropout: 0.2 };
    const whole = await make(recipe);
    for (let i = 0; i < 6; i++) step(whole, i);
    const first = await make(recipe);
    for (let i = 0; i < 3; i++) step(first, i);
    const state = first.readState();
    first.close();
    const resumed = await make(recipe);
    resumed.writeState(state);
    for (let i = 3; i < 6; i++) step(resumed, i);
    expect(resumed.readState()).toEqual(whole.readState());
    for (const engine of [whole, resumed]) engine.close();
  });
});

it('takes no more memory after ten thousand steps', { timeout: 240_000 }, async () => {
  const tiny = describeNetwork(base, { ...base.factors, crop: 16 }, { classes: 3 });
  const engine = await createEngine({
    network: tiny,
    evaluations: [],
    recipe: { ...BARE, batchSize: 2 },
    microBatch: 2,
    seed: 0,
    device: 'cpu',
  });
  const few = { clips: pixels(2 * 16 * 16 * 3, 3), labels: labels.slice(0, 6), learningRate: 0.01 };
  const runTo = (from: number, to: number) => {
    for (let number = from; number < to; number++) engine.step({ ...few, step: number });
    return process.memoryUsage.rss();
  };
  const early = runTo(0, 2_000);
  const late = runTo(2_000, 10_000);
  engine.close();
  // A leak of one batch or one vector a step would be hundreds of MB.
  expect(late - early).toBeLessThan(32 * 2 ** 20);
});

it('says that a CUDA device is not there', async () => {
  await expect(
    createEngine({ network, evaluations: [], recipe: BARE, microBatch: CLIPS, seed: 0, device: 'cuda:0' }),
  ).rejects.toThrow(/--device cuda:0: expected a CUDA device/);
});
