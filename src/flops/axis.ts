/**
 * Moving one axis of a network: how far a step of the search goes (arXiv 2004.04730, section 3.3), forward within a
 * bound on the cost and back again to a target. Grid values are counted in whole steps, so that no sum of decimals
 * drifts.
 */
import type { Axis, BaseNetwork, Factors } from '../network/index.js';

/** The factor that an axis moves; tau and t both lengthen the clip. */
export const FACTOR_OF = {
  tau: 'frames',
  t: 'frames',
  s: 'crop',
  d: 'depth',
  w: 'width',
  b: 'bottleneck',
} as const satisfies Record<Axis, keyof Factors>;

export const STEP_RULES = ['at-most-double', 'nominal'] as const;
/** How far a forward step goes: as far as at most doubles the cost, or by the paper's factor as it stands. */
export type StepRule = (typeof STEP_RULES)[number];

export type Move =
  | { readonly kind: 'moved'; readonly factors: Factors; readonly cost: number }
  | { readonly kind: 'stays'; readonly reason: string };

export type CostOf = (factors: Factors) => number;

/** No grid value doubles the cost at most: the next one counts if it costs no more than this many times as much. */
const COARSE_BOUND = 2.5;
/** An axis that changes the cost doubles it well before its factor has grown this many times. */
const MOST_GROWTH = 8;

/** The n-th value of a grid, free of the rounding of n x step. */
const gridValue = (steps: number, step: number) => Math.round(steps * step * 1e6) / 1e6;
const stepsBelow = (value: number, step: number) => Math.floor(value / step + 1e-9);

type GridFactor = keyof BaseNetwork['grid'];

const nearestOnGrid = (value: number, step: number) => gridValue(Math.round(value / step), step);

/** The value of the grid nearest to the base's times `by`; never below the base's. */
export const grownTo = ({ factors, grid }: BaseNetwork, factor: GridFactor, by: number): number =>
  Math.max(factors[factor], nearestOnGrid(factors[factor] * by, grid[factor]));

const times = (ratio: number) => ratio.toFixed(2);

function doubleFrames(factors: Factors, axis: 'tau' | 't'): Factors | string {
  const frames = 2 * factors.frames;
  // One frame has no duration that t could lengthen: it is the same move as tau.
  if (axis === 't' && factors.frames > 1)
    return { ...factors, frames, stride: Math.max(1, Math.floor(0.75 * factors.stride + 0.5)) };
  if (factors.stride === 1) return 'the clip already takes every frame of the video (stride 1)';
  return { ...factors, frames, stride: Math.floor(factors.stride / 2 + 0.5) };
}

function withinBound(base: BaseNetwork, factors: Factors, factor: GridFactor, costOf: CostOf): Move {
  const now = costOf(factors);
  const step = base.grid[factor];
  const first = stepsBelow(factors[factor], step) + 1;
  const last = stepsBelow(MOST_GROWTH * factors[factor], step);
  let best: { factors: Factors; cost: number } | undefined;
  for (let steps = first; steps <= last; steps++) {
    const next = { ...factors, [factor]: gridValue(steps, step) };
    const cost = costOf(next);
    if (cost <= 2 * now) {
      if (cost > now) best = { factors: next, cost };
      continue;
    }
    if (best) return { kind: 'moved', ...best };
    if (cost <= COARSE_BOUND * now) return { kind: 'moved', factors: next, cost };
    return {
      kind: 'stays',
      reason: `the next ${factor}, ${next[factor]}, costs ${times(cost / now)} times as much (at most ${COARSE_BOUND})`,
    };
  }
  return best ? { kind: 'moved', ...best } : { kind: 'stays', reason: `${factor} does not change the cost` };
}

/** The paper's factors; depth and width in one go, the bottleneck by 2.25 first and by 2 later. */
const NOMINAL = { crop: Math.SQRT2, depth: 2.2, width: 2 } as const;

function nominally(base: BaseNetwork, factors: Factors, factor: GridFactor): Factors {
  const first = factors.bottleneck === base.factors.bottleneck;
  const by = factor === 'bottleneck' ? (first ? 2.25 : 2) : NOMINAL[factor];
  return { ...factors, [factor]: nearestOnGrid(factors[factor] * by, base.grid[factor]) };
}

/** One step forward along `axis`, by `rule`; the cost is what `costOf` counts. */
export function expandAxis(
  base: BaseNetwork,
  factors: Factors,
  axis: Axis,
  rule: StepRule,
  costOf: CostOf,
): Move {
  const now = costOf(factors);
  const factor = FACTOR_OF[axis];
  if (axis === 'tau' || axis === 't') {
    const next = doubleFrames(factors, axis);
    if (typeof next === 'string') return { kind: 'stays', reason: next };
    return checked(next, costOf(next), now, factor, rule);
  }
  if (rule === 'at-most-double') return withinBound(base, factors, factor as GridFactor, costOf);
  const next = nominally(base, factors, factor as GridFactor);
  return checked(next, costOf(next), now, factor, rule);
}

function checked(factors: Factors, cost: number, now: number, factor: keyof Factors, rule: StepRule): Move {
  if (cost <= now) return { kind: 'stays', reason: `${factor} does not change the cost` };
  if (rule === 'at-most-double' && cost > COARSE_BOUND * now)
    return {
      kind: 'stays',
      reason: `${factor} ${factors[factor]} costs ${times(cost / now)} times as much (at most ${COARSE_BOUND})`,
    };
  return { kind: 'moved', factors, cost };
}

/**
 * The last step taken back as little as the target asks: the largest grid value of its axis (frames: whole numbers)
 * from `before` to `after` whose cost is within `target`, at the stride of `after`; where none is, `before` as it stands.
 */
export function contractAxis(
  base: BaseNetwork,
  before: Factors,
  after: Factors,
  axis: Axis,
  target: number,
  costOf: CostOf,
): Factors {
  const factor = FACTOR_OF[axis];
  const step = factor === 'frames' ? 1 : base.grid[factor];
  const least = costOf(before);
  for (let steps = stepsBelow(after[factor], step); gridValue(steps, step) > before[factor]; steps--) {
    const next = { ...after, [factor]: gridValue(steps, step) };
    const cost = costOf(next);
    // A value that rounding makes the same network as before is none of the step.
    if (cost <= target) return cost > least ? next : before;
  }
  return before;
}
