/** What a round tries from a network, within the target: steps onwards, and exchanges of one axis for another. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AXES, type Factors } from '../../src/network/index.js';
import { exchanges, expansions } from '../../src/search/methods/moves.js';
import { complexityOf, type Suggestion } from '../../src/search/methods/proposals.js';
import { baseOf } from '../../src/search/work.js';
import { fewClasses } from './arbitraries.js';
import { configuredOn, created } from './searching.js';

const stateOf = (target: number) =>
  created(configuredOn(fewClasses, { base: 'x2d-micro', method: 'race', target }), fewClasses);
const base = baseOf(stateOf(1e9));
const costOf = complexityOf(stateOf(1e9));

const grid = (factor: 'crop' | 'width' | 'bottleneck' | 'depth', most: number) =>
  fc
    .integer({ min: 0, max: most })
    .map((steps) => Number((base.factors[factor] + steps * base.grid[factor]).toFixed(6)));
/** A network that a search may have come to. */
const network: fc.Arbitrary<Factors> = fc.record({
  frames: fc.integer({ min: 1, max: 12 }),
  stride: fc.integer({ min: 2, max: 40 }),
  crop: grid('crop', 4),
  width: grid('width', 6),
  bottleneck: grid('bottleneck', 6),
  depth: grid('depth', 2),
});
const room = fc.double({ min: 1, max: 3, noNaN: true });
const networksOf = (suggestions: readonly Suggestion[]) =>
  suggestions.flatMap((one) => (one.kind === 'network' ? [one] : []));

describe('an expansion', () => {
  test('tries steps that are within the target and worth a round, and names every axis', () => {
    fc.assert(
      fc.property(network, room, (from, times) => {
        const target = Math.ceil(times * costOf(from));
        const suggestions = expansions(stateOf(target), from);
        for (const { factors } of networksOf(suggestions)) {
          expect(costOf(factors)).toBeLessThanOrEqual(target);
          expect(costOf(factors)).toBeGreaterThanOrEqual(1.3 * costOf(from));
        }
        const named = suggestions.flatMap((one) => (one.kind === 'network' ? one.axes : [one.axis]));
        expect([...new Set(named)].sort()).toEqual([...AXES].sort());
      }),
    );
  });
});

describe('an exchange', () => {
  const FACTORS = ['frames', 'crop', 'depth', 'width', 'bottleneck'] as const;
  type Name = (typeof FACTORS)[number];

  test('raises one axis at the cost of the one that has grown most, at about the same cost', () => {
    let seen = 0;
    fc.assert(
      fc.property(network, fc.double({ min: 1, max: 1.3, noNaN: true }), (from, times) => {
        const target = Math.ceil(times * costOf(from));
        const growth = (factor: Name) => costOf(from) / costOf({ ...from, [factor]: base.factors[factor] });
        for (const { change = '', factors } of networksOf(exchanges(stateOf(target), from))) {
          expect(costOf(factors)).toBeLessThanOrEqual(target);
          expect(costOf(factors)).toBeGreaterThanOrEqual(costOf(from) / 2);
          const [, up, down] = (/^(\w+) up, (\w+) down$/.exec(change) ?? []) as [string?, Name?, Name?];
          if (!up || !down) continue;
          seen += 1;
          expect(factors[up]).toBeGreaterThan(from[up]);
          expect(factors[down]).toBeLessThanOrEqual(from[down]);
          for (const other of FACTORS)
            if (other !== up) expect(growth(down), other).toBeGreaterThanOrEqual(growth(other));
        }
      }),
    );
    expect(seen).toBeGreaterThan(50);
  });

  test('fills what room is left with frames, over the same clip, a longer and a shorter one', () => {
    let seen = 0;
    fc.assert(
      fc.property(network, fc.double({ min: 1, max: 1.3, noNaN: true }), (from, times) => {
        const target = Math.ceil(times * costOf(from));
        const filled = networksOf(exchanges(stateOf(target), from)).filter(({ change }) =>
          ['more frames', 'a longer clip', 'a shorter clip'].includes(change ?? ''),
        );
        const fits = costOf({ ...from, frames: from.frames + 1 }) <= target;
        expect(filled.map(({ change }) => change)).toEqual([
          ...(fits ? ['more frames'] : []),
          ...(from.frames > 1 ? ['a longer clip', 'a shorter clip'] : []),
        ]);
        for (const { factors } of filled) {
          const { frames } = factors;
          expect(factors).toEqual({ ...from, frames, stride: factors.stride });
          expect(costOf({ ...from, frames: frames + 1 })).toBeGreaterThan(target);
          seen += frames > from.frames ? 1 : 0;
        }
      }),
    );
    expect(seen).toBeGreaterThan(50);
  });
});
