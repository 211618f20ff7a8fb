/** Laws of the cost of a network, over random bases and factors. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { layerCost, networkCost } from '../../src/flops/cost.js';
import { type Convolution, describeNetwork, type Factors, layersOf } from '../../src/network/index.js';
import { base, factors } from '../network/arbitraries.js';

const costAt = (of: Parameters<typeof describeNetwork>[0], at: Factors) =>
  networkCost(describeNetwork(of, at));
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

describe('the cost of a layer', () => {
  const convolution = (kind: Convolution['kind'], kernel: Convolution['kernel']): Convolution => ({
    kind,
    name: 'layer',
    kernel,
    stride: 1,
    input: [2, 5, 7, 4],
    output: [2, 5, 7, 6],
  });
  const positions = 2 * 5 * 7;

  test.each([
    ['a dense convolution', convolution('convolution', [1, 3, 3]), positions * 9 * 4 * 6, 9 * 4 * 6],
    ['a pointwise one', convolution('pointwise', [1, 1, 1]), positions * 4 * 6, 4 * 6],
    ['a channelwise one', convolution('channelwise', [3, 3, 3]), positions * 27 * 6, 27 * 6],
  ])('counts a product for each weight and place: %s', (_, layer, multiplyAdds, parameters) => {
    expect(layerCost(layer)).toEqual({ multiplyAdds, parameters, activationBytes: 4 * positions * 6 });
  });

  test('counts a bias as parameters only, and a batch norm as two parameters a channel and nothing else', () => {
    const linear = { kind: 'linear', name: 'layer', input: [1, 1, 1, 4], output: [1, 1, 1, 6] } as const;
    expect(layerCost({ ...linear, bias: true })).toEqual({
      multiplyAdds: 24,
      parameters: 30,
      activationBytes: 24,
    });
    expect(layerCost({ ...linear, bias: false }).parameters).toBe(24);
    expect(
      layerCost({ kind: 'batch-norm', name: 'norm', input: [2, 5, 7, 6], output: [2, 5, 7, 6] }),
    ).toEqual({
      multiplyAdds: 0,
      parameters: 12,
      activationBytes: 0,
    });
  });
});

describe('the cost of a network', () => {
  test('is the sum of its layers', () => {
    fc.assert(
      fc.property(base, factors, (of, at) => {
        const network = describeNetwork(of, at);
        const layers = layersOf(network);
        const cost = networkCost(network);
        expect(cost.multiplyAdds).toBe(sum(layers.map((layer) => layerCost(layer).multiplyAdds)));
        expect(cost.parametersWithBatchNorm).toBe(sum(layers.map((layer) => layerCost(layer).parameters)));
        expect(cost.activationBytes).toBe(sum(layers.map((layer) => layerCost(layer).activationBytes)));
        const norms = layers.filter(({ kind }) => kind === 'batch-norm');
        expect(cost.parametersWithBatchNorm - cost.parameters).toBe(
          sum(norms.map((layer) => layerCost(layer).parameters)),
        );
      }),
    );
  });

  test('never falls when a factor grows', () => {
    const growth = {
      frames: fc.integer({ min: 1, max: 16 }),
      crop: fc.integer({ min: 1, max: 64 }),
      width: fc.integer({ min: 1, max: 40 }).map((n) => n / 20),
      bottleneck: fc.integer({ min: 1, max: 40 }).map((n) => n / 20),
      depth: fc.integer({ min: 1, max: 40 }).map((n) => n / 20),
    };
    for (const [factor, by] of Object.entries(growth) as [keyof typeof growth, fc.Arbitrary<number>][])
      fc.assert(
        fc.property(base, factors, by, (of, at, more) => {
          const before = costAt(of, at);
          const after = costAt(of, { ...at, [factor]: at[factor] + more });
          for (const key of ['multiplyAdds', 'parameters', 'activationBytes'] as const)
            expect(after[key], `${factor}, ${key}`).toBeGreaterThanOrEqual(before[key]);
        }),
      );
  });

  test('does not depend on the stride in time, nor its parameters on the frames and the crop', () => {
    fc.assert(
      fc.property(base, factors, factors, (of, at, other) => {
        expect(costAt(of, { ...at, stride: other.stride })).toEqual(costAt(of, at));
        const { parameters } = costAt(of, { ...at, frames: other.frames, crop: other.crop });
        expect(parameters).toBe(costAt(of, at).parameters);
      }),
    );
  });

  test('doubles in every convolution with twice the frames, and in no linear layer', () => {
    fc.assert(
      fc.property(base, factors, (of, at) => {
        const once = layersOf(describeNetwork(of, at)).map(layerCost);
        const twice = layersOf(describeNetwork(of, { ...at, frames: 2 * at.frames }));
        twice.forEach((layer, index) => {
          const times = layer.kind === 'linear' ? 1 : 2;
          expect(layerCost(layer).multiplyAdds, layer.name).toBe(
            times * (once[index]?.multiplyAdds ?? Number.NaN),
          );
        });
      }),
    );
  });
});
