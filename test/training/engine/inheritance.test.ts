/** What a network that starts from another's weights has of it: the same function, where it only grew. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BASES, type BaseNetwork, describeNetwork, type Factors } from '../../../src/network/index.js';
import { randomOf } from '../../../src/random.js';
import { createEngine } from '../../../src/training/engine/engine.js';
import { type Ancestor, inheritWeights } from '../../../src/training/engine/inheritance.js';
import {
  initialParameters,
  initialStatistics,
  type Layout,
  layoutOf,
} from '../../../src/training/engine/parameters.js';
import type { Weights } from '../../../src/training/engine/weights.js';
import { RECIPES } from '../../../src/training/recipe.js';

const micro = BASES['x2d-micro'];
const smallest: Factors = { ...micro.factors, frames: 2, stride: 2, crop: 16 };

const base: fc.Arbitrary<BaseNetwork> = fc
  .record({
    stemWidth: fc.integer({ min: 3, max: 6 }),
    stages: fc.array(fc.record({ width: fc.integer({ min: 4, max: 9 }), depth: fc.constantFrom(1, 2) }), {
      minLength: 1,
      maxLength: 3,
    }),
    headWidth: fc.integer({ min: 8, max: 16 }),
    classes: fc.constantFrom(2, 3),
    widthDivisor: fc.constantFrom(1, 4),
    innerDivisor: fc.constantFrom(1, 8),
    shortcutNorm: fc.constantFrom('always' as const, 'where widened' as const),
  })
  .map((fields) => ({ ...micro, ...fields }));

const twentieths = (min: number, max: number) =>
  fc.integer({ min: min * 20, max: max * 20 }).map((n) => n / 20);
const factors: fc.Arbitrary<Factors> = fc.record({
  frames: fc.constantFrom(1, 2, 3),
  stride: fc.constantFrom(1, 4),
  crop: fc.constantFrom(16, 20),
  width: twentieths(0.5, 2.5),
  bottleneck: twentieths(1, 3.5),
  depth: twentieths(1, 3),
});

/** As if trained: nothing is 0 or 1, neither scales of norms nor statistics. */
function trained(layout: Layout, seed: number): Weights {
  const parameters = initialParameters(layout, seed);
  const statistics = initialStatistics(layout);
  const random = randomOf('trained', seed);
  for (let i = layout.weightSize; i < parameters.length; i++)
    parameters[i] = (parameters[i] as number) + random.uniform() - 0.3;
  statistics.forEach((value, i) => {
    statistics[i] = value + random.uniform() - 0.5;
  });
  return { parameters, statistics };
}

const ancestorOf = (of: BaseNetwork, at: Factors, classes?: readonly string[]): Ancestor => {
  const network = describeNetwork(of, at);
  const layout = layoutOf(network, 1);
  return { network, layout, weights: trained(layout, 5), classes };
};

function inherit(from: Ancestor, of: BaseNetwork, at: Factors, seed = 0, classes?: readonly string[]) {
  const network = describeNetwork(of, at);
  const layout = layoutOf(network, 1);
  const initial = {
    parameters: initialParameters(layout, seed + 1),
    statistics: initialStatistics(layout),
  };
  return { network, layout, initial, ...inheritWeights(from, { network, layout, initial, seed, classes }) };
}

async function predictions({ network, layout, weights }: Omit<Ancestor, 'classes'>): Promise<Float32Array> {
  const views = 3;
  const engine = await createEngine({
    network,
    evaluations: [network],
    recipe: { ...RECIPES['x2d-micro'], batchSize: 1, averageDecay: 0, views },
    microBatch: 1,
    seed: 0,
    device: 'cpu',
  });
  try {
    const momentum = new Float32Array(layout.parameterSize);
    engine.writeState({ ...weights, momentum, average: new Float32Array() });
    const [frames, side] = network.input;
    const random = randomOf('clips', side);
    const clips = Uint8Array.from({ length: frames * views * side * side * 3 }, () => random.whole(256));
    return engine.evaluate(clips, { crop: side, views });
  } finally {
    engine.close();
  }
}

const expectSame = (a: Weights, b: Weights) => {
  for (const name of ['parameters', 'statistics'] as const)
    expect(Buffer.from(a[name].buffer).equals(Buffer.from(b[name].buffer)), name).toBe(true);
};

/** Predictions that are the same for all clips would be kept by anything. */
const differByClip = (scores: Float32Array) => new Set(scores).size > scores.length / 2;

const farthest = (a: Float32Array, b: Float32Array) => {
  expect(a.length).toBe(b.length);
  expect(differByClip(b)).toBe(true);
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))));
};

const named = (layout: Layout, { parameters }: Weights, name: string) => {
  const found = layout.parameters.find((parameter) => parameter.name === name);
  if (!found) throw new Error(`No parameter ${name}`);
  return parameters.slice(found.offset, found.offset + found.size);
};

describe('any network that inherits from any other', () => {
  it('has finite weights of the right size, those that are not inherited as they were drawn', () => {
    fc.assert(
      fc.property(base, factors, base, factors, (ofA, atA, ofB, atB) => {
        const heir = inherit(ancestorOf(ofA, atA), ofB, atB);
        const { weights, layout, initial, inherited } = heir;
        expect(weights.parameters.length).toBe(layout.parameterSize);
        expect(weights.statistics.length).toBe(layout.statisticsSize);
        expect(weights.parameters.every(Number.isFinite)).toBe(true);
        expect(weights.statistics.every(Number.isFinite)).toBe(true);
        expect(layout.parameters.map(({ name }) => name)).toEqual(expect.arrayContaining([...inherited]));
        for (const { name } of layout.parameters) {
          if (!inherited.has(name))
            expect(named(layout, weights, name), name).toEqual(named(layout, initial, name));
        }
      }),
    );
  });

  it('is the other, where both are the same', () => {
    fc.assert(
      fc.property(base, factors, (of, at) => {
        const from = ancestorOf(of, at);
        const { weights, layout, inherited } = inherit(from, of, at);
        expectSame(weights, from.weights);
        expect(inherited.size).toBe(layout.parameters.length);
      }),
    );
  });

  it('is decided by the seed', () => {
    const from = ancestorOf(micro, smallest);
    const wide = { ...smallest, width: 1.5, bottleneck: 3 };
    const first = inherit(from, micro, wide, 1).weights;
    expectSame(inherit(from, micro, wide, 1).weights, first);
    expect(() => expectSame(inherit(from, micro, wide, 2).weights, first)).toThrow('parameters');
  });

  it('leaves the other as it was', () => {
    const from = ancestorOf({ ...micro, shortcutNorm: 'always' }, smallest);
    const before = structuredClone(from.weights);
    inherit(from, micro, { ...smallest, width: 1.5, depth: 2 });
    expectSame(from.weights, before);
  });
});

describe('a network that grew', () => {
  it('has the same weights after more frames, another stride, a larger crop', () => {
    fc.assert(
      fc.property(base, factors, factors, (of, at, { frames, stride, crop }) => {
        const from = ancestorOf(of, at);
        expectSame(inherit(from, of, { ...at, frames, stride, crop }).weights, from.weights);
      }),
    );
  });

  it('predicts exactly the same after new blocks, which are appended to their stages', async () => {
    await fc.assert(
      fc.asyncProperty(base, factors, twentieths(1, 4), async (of, at, depth) => {
        const from = ancestorOf(of, at);
        const before = await predictions(from);
        fc.pre(differByClip(before));
        const deeper = inherit(from, of, { ...at, depth: Math.max(at.depth, depth) });
        expect(await predictions(deeper)).toEqual(before);
      }),
      { numRuns: 12 },
    );
  });

  it('predicts the same after any growth in width, bottleneck and depth at once', async () => {
    await fc.assert(
      fc.asyncProperty(base, factors, factors, async (of, at, other) => {
        const grown = {
          ...at,
          width: Math.max(at.width, other.width),
          bottleneck: Math.max(at.bottleneck, other.bottleneck),
          depth: Math.max(at.depth, other.depth),
        };
        const from = ancestorOf(of, at);
        const narrower = from.network.stages.flat();
        const wider = describeNetwork(of, grown).stages.flat();
        // Rounding may take a channel away where a factor grows.
        fc.pre(narrower.every(({ expand }, i) => expand.output[3] <= (wider[i]?.expand.output[3] ?? 0)));
        const before = await predictions(from);
        fc.pre(differByClip(before));
        expect(farthest(await predictions(inherit(from, of, grown)), before)).toBeLessThan(1e-5);
      }),
      { numRuns: 12 },
    );
  });

  it('predicts the same after a wider squeeze of its squeeze-excite', async () => {
    const of = { ...micro, stages: [{ width: 64, depth: 1 }] };
    const from = ancestorOf(of, { ...smallest, bottleneck: 2 });
    const grown = inherit(from, of, { ...smallest, bottleneck: 5 });
    const squeezed = ({ stages }: Ancestor['network']) => stages[0]?.[0]?.squeezeExcite?.reduce.output[3];
    expect([squeezed(from.network), squeezed(grown.network)]).toEqual([8, 24]);
    expect(farthest(await predictions(grown), await predictions(from))).toBeLessThan(1e-5);
  });

  it('has no two channels that would stay the same: what they give to their consumers differs', () => {
    const from = ancestorOf(micro, smallest);
    const { layout, weights } = inherit(from, micro, { ...smallest, width: 2 });
    // Of eight channels sixteen; [input, output].
    const consumer = named(layout, weights, 'blocks.1.res_blocks.0.branch2.conv_a.weight');
    const outputs = consumer.length / 16;
    const row = (channel: number) => consumer.slice(channel * outputs, (channel + 1) * outputs);
    for (let channel = 0; channel < 8; channel++) {
      const ratios = row(channel).map((value, o) => value / (row(channel + 8)[o] as number));
      expect(new Set(ratios).size).toBe(outputs);
      expect(Math.max(...ratios)).toBeLessThan(3.001);
      expect(Math.min(...ratios)).toBeGreaterThan(0.333);
    }
  });
});

describe('a network of another kind', () => {
  it('keeps the first channels and blocks where it is smaller', () => {
    const from = ancestorOf(micro, { ...smallest, width: 2, depth: 2 });
    const { layout, weights, inherited } = inherit(from, micro, smallest);
    expect(inherited.size).toBe(layout.parameters.length);
    // Pixels to sixteen channels before, to eight now: [3, 3, 3, output].
    const stem = named(from.layout, from.weights, 'blocks.0.conv.conv_t.weight');
    expect(named(layout, weights, 'blocks.0.conv.conv_t.weight')).toEqual(stem.filter((_, i) => i % 16 < 8));
  });

  it('predicts the same whether shortcuts have a norm or not', async () => {
    const always = { ...micro, shortcutNorm: 'always' as const };
    for (const [a, b] of [
      [micro, always],
      [always, micro],
    ] as const) {
      const from = ancestorOf(a, smallest);
      const heir = inherit(from, b, smallest);
      expect(heir.layout.parameters.length).not.toBe(from.layout.parameters.length);
      expect(farthest(await predictions(heir), await predictions(from))).toBeLessThan(1e-5);
    }
  });

  it('has a classifier of its own where classes differ in number, name or order', () => {
    const ours = (seed: number, of: BaseNetwork, before?: readonly string[], now?: readonly string[]) =>
      [
        ...inherit(ancestorOf({ ...micro, classes: 3 }, smallest, before), of, smallest, seed, now).inherited,
      ].filter((name) => name.includes('.proj.')).length;
    const three = { ...micro, classes: 3 };
    expect(ours(0, three)).toBe(2);
    expect(ours(0, three, ['run', 'walk', 'wave'])).toBe(2);
    expect(ours(0, three, ['run', 'walk', 'wave'], ['run', 'walk', 'wave'])).toBe(2);
    expect(ours(0, three, ['run', 'walk', 'wave'], ['walk', 'run', 'wave'])).toBe(0);
    expect(ours(0, { ...micro, classes: 4 })).toBe(0);
  });

  it('has a head of its own where it has another number of stages', () => {
    const from = ancestorOf(micro, smallest);
    const { inherited } = inherit(from, { ...micro, stages: micro.stages.slice(0, 3) }, smallest);
    expect([...inherited].filter((name) => name.startsWith('blocks.4'))).toEqual([]);
    expect(inherited.has('blocks.3.res_blocks.1.branch2.conv_c.weight')).toBe(true);
  });
});
