/** How far one step of the search goes, and how it is taken back (arXiv 2004.04730, section 3.3). */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contractAxis, expandAxis, FACTOR_OF, type StepRule } from '../../src/flops/axis.js';
import { networkCost } from '../../src/flops/cost.js';
import {
  AXES,
  type Axis,
  BASES,
  type BaseNetwork,
  describeNetwork,
  type Factors,
  MODELS,
} from '../../src/network/index.js';
import { baseName } from '../network/arbitraries.js';

const { x2d } = BASES;
const micro = BASES['x2d-micro'];
const multiplyAdds = (base: BaseNetwork) => (factors: Factors) =>
  networkCost(describeNetwork(base, factors)).multiplyAdds;
const parameters = (base: BaseNetwork) => (factors: Factors) =>
  networkCost(describeNetwork(base, factors)).parameters;
const expand = (base: BaseNetwork, from: Factors, axis: Axis, rule: StepRule = 'at-most-double') =>
  expandAxis(base, from, axis, rule, multiplyAdds(base));
const moved = (base: BaseNetwork, from: Factors, axis: Axis, rule?: StepRule): Factors => {
  const move = expand(base, from, axis, rule);
  if (move.kind === 'stays') throw new Error(move.reason);
  return move.factors;
};

/** Networks as a search comes by them: a few random steps from a base. */
const reached = fc
  .tuple(baseName, fc.array(fc.constantFrom(...AXES), { maxLength: 6 }))
  .map(([name, axes]) => {
    const base = BASES[name];
    let factors: Factors = base.factors;
    for (const axis of axes) {
      const move = expand(base, factors, axis);
      if (move.kind === 'moved') factors = move.factors;
    }
    return { base, factors };
  });
const gridAxis = fc.constantFrom('s' as const, 'd' as const, 'w' as const, 'b' as const);
const onGrid = (value: number, step: number) => Math.abs(value / step - Math.round(value / step)) < 1e-6;

describe('a step that at most doubles the cost', () => {
  test('goes the published way from X2D to X3D-XL', () => {
    let factors: Factors = x2d.factors;
    const costs = (['b', 'tau', 's', 'd', 't', 'tau', 't', 's', 's', 'd', 'w'] as const).map((axis) => {
      factors = moved(x2d, factors, axis);
      return multiplyAdds(x2d)(factors);
    });
    expect(factors).toEqual(MODELS.XL);
    expect(costs.map((cost) => Number((cost / 1e9).toFixed(4)))).toEqual([
      0.041, 0.0802, 0.1534, 0.3036, 0.6053, 1.2087, 2.4154, 4.7325, 9.4516, 18.3677, 35.8376,
    ]);
  });

  test('lands on the published strides: 32, 16, 12, 6, 5', () => {
    const clip = (axis: Axis, frames: number, stride: number) => {
      const next = moved(x2d, { ...MODELS.XS, frames, stride }, axis);
      return [next.frames, next.stride];
    };
    expect(clip('tau', 1, 32)).toEqual([2, 16]);
    expect(clip('t', 2, 16)).toEqual([4, 12]);
    expect(clip('tau', 4, 12)).toEqual([8, 6]);
    expect(clip('t', 8, 6)).toEqual([16, 5]);
    expect(clip('tau', 16, 5)).toEqual([32, 3]);
  });

  test('is the same for tau and t where there is one frame, which has no duration', () => {
    expect(moved(x2d, x2d.factors, 't')).toEqual(moved(x2d, x2d.factors, 'tau'));
    expect(moved(micro, micro.factors, 't')).toEqual({ ...micro.factors, frames: 2, stride: 8 });
  });

  test('goes as far on its grid as twice the cost allows', () => {
    fc.assert(
      fc.property(reached, gridAxis, ({ base, factors }, axis) => {
        const move = expand(base, factors, axis);
        if (move.kind === 'stays') return;
        const cost = multiplyAdds(base);
        const factor = FACTOR_OF[axis];
        const step = base.grid[factor];
        const now = cost(factors);
        expect(onGrid(move.factors[factor], step)).toBe(true);
        expect(move.factors).toEqual({ ...factors, [factor]: move.factors[factor] });
        expect(move.cost).toBe(cost(move.factors));
        const next = cost({ ...factors, [factor]: move.factors[factor] + step });
        if (move.cost <= 2 * now) expect(next).toBeGreaterThan(2 * now);
        else {
          expect(move.cost).toBeLessThanOrEqual(2.5 * now);
          expect(cost({ ...factors, [factor]: move.factors[factor] - step })).toBe(now);
        }
      }),
    );
  });

  test('never costs more than 2.5 times as much, and never as much or less', () => {
    fc.assert(
      fc.property(reached, fc.constantFrom(...AXES), ({ base, factors }, axis) => {
        const move = expand(base, factors, axis);
        if (move.kind === 'stays') {
          expect(move.reason).not.toBe('');
          return;
        }
        const now = multiplyAdds(base)(factors);
        expect(move.cost).toBeGreaterThan(now);
        expect(move.cost).toBeLessThanOrEqual(2.5 * now);
        if (axis === 'tau' || axis === 't') expect(move.factors.frames).toBe(2 * factors.frames);
      }),
    );
  });

  const oneBlock = {
    ...micro,
    stages: [{ width: 8, depth: 1 }],
    headWidth: 8,
    classes: 2,
    stemWidth: 4,
    widthDivisor: 1,
  };

  test('takes the next value where none at most doubles the cost, if it costs at most 2.5 times as much', () => {
    const coarse = { ...oneBlock, grid: { ...oneBlock.grid, depth: 2 } };
    const now = multiplyAdds(coarse)(coarse.factors);
    const move = expand(coarse, coarse.factors, 'd');
    expect(move).toMatchObject({ kind: 'moved', factors: { depth: 2 } });
    // As if a second block cost as much as is asked for.
    const block = (times: number) => (factors: Factors) => now * (factors.depth === 1 ? 1 : times);
    expect(expandAxis(coarse, coarse.factors, 'd', 'at-most-double', block(2.5))).toMatchObject({
      kind: 'moved',
    });
    expect(expandAxis(coarse, coarse.factors, 'd', 'at-most-double', block(2.51))).toEqual({
      kind: 'stays',
      reason: 'the next depth, 2, costs 2.51 times as much (at most 2.5)',
    });
  });

  test('is none where the clip already takes every frame, nor where the cost does not see the axis', () => {
    const dense = { ...x2d.factors, frames: 16, stride: 1 };
    expect(expand(x2d, dense, 'tau')).toEqual({
      kind: 'stays',
      reason: 'the clip already takes every frame of the video (stride 1)',
    });
    expect(moved(x2d, dense, 't')).toMatchObject({ frames: 32, stride: 1 });
    for (const [axis, factor] of [
      ['tau', 'frames'],
      ['t', 'frames'],
      ['s', 'crop'],
    ] as const)
      expect(expandAxis(x2d, MODELS.XS, axis, 'at-most-double', parameters(x2d))).toEqual({
        kind: 'stays',
        reason: `${factor} does not change the cost`,
      });
  });

  test.each([
    ['multiply-adds', multiplyAdds],
    ['parameters', parameters],
  ])('counts in %s as asked', (_, costOf) => {
    const move = expandAxis(x2d, MODELS.XS, 'b', 'at-most-double', costOf(x2d));
    expect(move).toMatchObject({
      kind: 'moved',
      cost: costOf(x2d)({ ...MODELS.XS, bottleneck: move.kind === 'moved' ? move.factors.bottleneck : 0 }),
    });
  });
});

describe('a step by the nominal factor', () => {
  test.each([
    ['tau', { frames: 2, stride: 16 }],
    ['t', { frames: 2, stride: 16 }],
    ['s', { crop: 160 }],
    ['d', { depth: 2.2 }],
    ['w', { width: 2 }],
    ['b', { bottleneck: 2.25 }],
  ] as const)('from X2D along %s comes to %j', (axis, change) => {
    expect(moved(x2d, x2d.factors, axis, 'nominal')).toEqual({ ...x2d.factors, ...change });
  });

  test('widens the bottleneck 2.25 times the first time and twice after that', () => {
    expect(moved(x2d, MODELS.XS, 'b', 'nominal').bottleneck).toBe(4.5);
  });

  test('takes what it costs, more than 2.5 times as much where it comes so', () => {
    const now = multiplyAdds(x2d)(x2d.factors);
    const move = expand(x2d, x2d.factors, 'w', 'nominal');
    expect(move.kind === 'moved' && move.cost / now).toBeGreaterThan(2.5);
  });
});

describe('a step taken back to a target', () => {
  const contract = (base: BaseNetwork, before: Factors, after: Factors, axis: Axis, target: number) =>
    contractAxis(base, before, after, axis, target, multiplyAdds(base));

  test('cuts the 16 frames of round seven to the 13 of X3D-S, at 2 GF, and keeps their stride', () => {
    const before = { ...MODELS.XS, frames: 8, stride: 6 };
    const after = { ...MODELS.XS, frames: 16, stride: 5 };
    expect(contract(x2d, before, after, 't', 2e9)).toEqual({ ...after, frames: 13 });
  });

  test('is as small as the target asks: the next value on the grid would exceed it', () => {
    fc.assert(
      fc.property(
        reached,
        fc.constantFrom(...AXES),
        fc.double({ min: 0, max: 1, noNaN: true }),
        ({ base, factors }, axis, share) => {
          const move = expand(base, factors, axis);
          if (move.kind === 'stays') return;
          const cost = multiplyAdds(base);
          const now = cost(factors);
          const target = now + share * (move.cost - now);
          const to = contract(base, factors, move.factors, axis, target);
          const factor = FACTOR_OF[axis];
          const step = factor === 'frames' ? 1 : base.grid[factor];
          const nothingLeft = cost(to) === now;
          expect(to).toEqual(nothingLeft ? factors : { ...move.factors, [factor]: to[factor] });
          expect(to[factor]).toBeGreaterThanOrEqual(factors[factor]);
          expect(cost(to)).toBeLessThanOrEqual(target);
          if (!nothingLeft && to[factor] < move.factors[factor])
            expect(cost({ ...to, [factor]: to[factor] + step })).toBeGreaterThan(target);
        },
      ),
    );
  });

  test('leaves the network before it as it was, its stride too, where no part of it fits', () => {
    const before = { ...MODELS.XS, frames: 2, stride: 16 };
    const after = { ...MODELS.XS, frames: 4, stride: 12 };
    const cost = multiplyAdds(x2d);
    expect(contract(x2d, before, after, 't', cost({ ...after, frames: 3 }))).toEqual({ ...after, frames: 3 });
    expect(contract(x2d, before, after, 't', cost({ ...after, frames: 3 }) - 1)).toEqual(before);
  });

  test('is none where the target is met', () => {
    expect(contract(x2d, MODELS.XS, MODELS.M, 's', 5e9)).toEqual(MODELS.M);
  });
});
