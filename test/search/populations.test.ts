/** Compound scaling and random search: networks that are proposed all at once, near the target. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clipSpan } from '../../src/network/index.js';
import type { SearchState } from '../../src/search/state.js';
import { candidatesIn } from '../../src/search/state.js';
import { baseOf, costOf } from '../../src/search/work.js';
import { fewClasses, RUNS, searchesBy, searchOn } from './arbitraries.js';
import { configuredOn, scored, searched } from './searching.js';

const populationOf = (state: SearchState) => {
  const round = state.rounds.find(({ step }) => step === 'population');
  return round ? candidatesIn(state, round) : [];
};
const search = (method: 'compound' | 'random', changes: object = {}, data = fewClasses) =>
  searched(
    configuredOn(data, {
      base: 'x2d-micro',
      target: '6M',
      recipe: { steps: 1000, learningRate: 0.1, mixup: 0 },
      method,
      ...changes,
    }),
    () => scored(0.5, 1),
    data,
  ).state;

describe('any network of a population', () => {
  test("is within the target and the data's limits, on the base's grid", () => {
    fc.assert(
      fc.property(searchesBy(['compound', 'random']), (drawn) => {
        const { configuration, data } = drawn;
        const { state } = searchOn(drawn);
        const base = baseOf(state);
        for (const { factors, cost, change } of populationOf(state)) {
          expect(cost).toEqual(costOf(base, factors));
          expect(cost.multiplyAdds).toBeLessThanOrEqual(configuration.target);
          if (configuration.method === 'random')
            expect(cost.multiplyAdds).toBeGreaterThanOrEqual(0.6 * configuration.target);
          expect(clipSpan(factors)).toBeLessThanOrEqual(data.limits.maxSpan);
          expect(factors.crop).toBeLessThanOrEqual(data.limits.maxCrop);
          expect(change).not.toBe('');
          for (const key of ['crop', 'width', 'bottleneck', 'depth'] as const) {
            const steps = factors[key] / base.grid[key];
            expect(factors[key]).toBeGreaterThanOrEqual(base.factors[key]);
            if (factors[key] !== base.factors[key])
              expect(Math.abs(steps - Math.round(steps))).toBeLessThan(1e-6);
          }
        }
      }),
      RUNS,
    );
  });
});

describe('random search', () => {
  test('draws the same networks for the same seed, and others for another', () => {
    const drawn = (seed: number) => populationOf(search('random', { seed })).map(({ id }) => id);
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
    expect(drawn(1)).toHaveLength(24);
    expect(new Set(drawn(1)).size).toBe(24);
  });
});

describe('compound scaling', () => {
  test('has a network for each ratio of the axes, all near the target', () => {
    const state = search('compound', { target: '30M' });
    const population = populationOf(state);
    expect(population.map(({ change }) => change)).toEqual([
      'all axes alike',
      'time further',
      'space further',
      'depth further',
      'width further',
    ]);
    for (const { cost, change } of population)
      expect(cost.multiplyAdds, change).toBeGreaterThan(0.5 * state.configuration.target);
    const of = (name: string) => population.find(({ change }) => change === name)?.factors;
    expect(of('time further')?.frames).toBeGreaterThan(of('space further')?.frames ?? 0);
    expect(of('space further')?.crop).toBeGreaterThan(of('depth further')?.crop ?? 0);
    expect(of('depth further')?.depth).toBeGreaterThan(of('width further')?.depth ?? 0);
    expect(of('width further')?.width).toBeGreaterThan(of('time further')?.width ?? 0);
  });
});
