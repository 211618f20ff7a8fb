/** The moves of the race: as the paper's steps, but within the target, and with the clip's duration measured. */
import { type CostOf, contractAxis, expandAxis, FACTOR_OF } from '../../flops/axis.js';
import { AXES, type Axis, type BaseNetwork, type Factors } from '../../network/index.js';
import type { Round, SearchState } from '../state.js';
import { baseOf } from '../work.js';
import { complexityOf, type Suggestion } from './proposals.js';

/** Source frames that a clip stands for; those of one frame are its stride. */
const durationOf = ({ frames, stride }: Factors) => frames * stride;
const lasting = (factors: Factors, frames: number, duration: number): Factors => ({
  ...factors,
  frames,
  stride: Math.max(1, Math.round(duration / frames)),
});

/** A step that costs less than this many times as much is not worth a round: what is left the exchanges fill. */
const LEAST_STEP = 1.3;
/** An axis that makes no more of the cost than this many times its base has nothing to give. */
const LEAST_GROWTH = 1.1;

/** As many frames as the target has room for, at most twice those that there are. */
function mostFrames(from: Factors, target: number, costOf: CostOf): number {
  let frames = 2 * from.frames;
  while (frames > from.frames && costOf({ ...from, frames }) > target) frames -= 1;
  return frames;
}

/**
 * More frames, at three durations, since duration costs nothing: the same (tau), half as long again (t), and a third
 * shorter.
 */
function frameMoves(from: Factors, target: number, costOf: CostOf): Suggestion[] {
  const frames = mostFrames(from, target, costOf);
  const reason = 'the target has no room for another frame';
  if (costOf({ ...from, frames }) < LEAST_STEP * costOf(from))
    return (['tau', 't'] as const).map((axis) => ({ kind: 'left-out', axis, reason }));
  const duration = durationOf(from);
  return [
    { kind: 'network', axes: ['tau'], factors: lasting(from, frames, duration) },
    { kind: 'network', axes: ['t'], factors: lasting(from, frames, 1.5 * duration) },
    {
      kind: 'network',
      axes: ['tau'],
      change: 'tau, a third shorter',
      factors: lasting(from, frames, duration / 1.5),
    },
  ];
}

function gridMove(
  base: BaseNetwork,
  from: Factors,
  axis: Exclude<Axis, 'tau' | 't'>,
  state: SearchState,
  costOf: CostOf,
): Suggestion {
  const { target, stepRule } = state.configuration;
  const move = expandAxis(base, from, axis, stepRule, costOf);
  if (move.kind === 'stays') return { kind: 'left-out', axis, reason: move.reason };
  const factors =
    move.cost <= target ? move.factors : contractAxis(base, from, move.factors, axis, target, costOf);
  if (costOf(factors) < LEAST_STEP * costOf(from))
    return { kind: 'left-out', axis, reason: 'the target has no room for a step of it' };
  return { kind: 'network', axes: [axis], factors };
}

/** What an expansion round tries from a network. */
export function expansions(state: SearchState, from: Factors): Suggestion[] {
  const base = baseOf(state);
  const costOf = complexityOf(state);
  const grid = AXES.filter((axis) => axis !== 'tau' && axis !== 't').map((axis) =>
    gridMove(base, from, axis, state, costOf),
  );
  return [...frameMoves(from, state.configuration.target, costOf), ...grid];
}

const EXCHANGED = ['tau', 's', 'd', 'w', 'b'] as const satisfies readonly Axis[];
const NAMES: Readonly<Record<(typeof EXCHANGED)[number], string>> = {
  tau: 'frames',
  s: 'crop',
  d: 'depth',
  w: 'width',
  b: 'bottleneck',
};

/** One frame more or fewer at the same duration; the other axes as they stand. */
const settled = (from: Factors, to: Factors): Factors =>
  to.frames === from.frames ? to : lasting(to, to.frames, durationOf(from));

/** Whether all candidates along an axis were dropped in the round that tried it last. */
function hopeless(state: SearchState, axis: Axis): boolean {
  const along = (round: Round) => round.entrants.filter(({ axes }) => axes.includes(axis));
  const last = state.rounds.findLast((round) => along(round).length > 0);
  return last !== undefined && along(last).every(({ dropped }) => dropped !== undefined);
}

/** One axis further, whatever the target; undefined where it can't be. */
function raised(
  base: BaseNetwork,
  from: Factors,
  axis: (typeof EXCHANGED)[number],
  costOf: CostOf,
): Factors | undefined {
  if (axis === 'tau') return { ...from, frames: 2 * from.frames };
  const move = expandAxis(base, from, axis, 'at-most-double', costOf);
  return move.kind === 'moved' ? move.factors : undefined;
}

/**
 * At the target: what room is left filled with frames, over the same clip, a longer and a shorter one; and one axis up
 * and, where that costs too much, another down as far as it must. The axis that has grown most, in cost, is the one
 * that gives; one that was without hope when it was last tried is not raised.
 */
export function exchanges(state: SearchState, from: Factors): Suggestion[] {
  const base = baseOf(state);
  const costOf = complexityOf(state);
  const { target } = state.configuration;
  const growth = (axis: (typeof EXCHANGED)[number]) => {
    const factor = FACTOR_OF[axis];
    return costOf(from) / costOf({ ...from, [factor]: base.factors[factor] });
  };
  const byGrowth = [...EXCHANGED].sort((a, b) => growth(b) - growth(a));
  const pairs = EXCHANGED.flatMap((up): Suggestion[] => {
    if (hopeless(state, up)) return [];
    const down = byGrowth.find((axis) => axis !== up && growth(axis) > LEAST_GROWTH);
    if (!down) return [];
    const higher = raised(base, from, up, costOf);
    if (!higher) return [];
    const factor = FACTOR_OF[down];
    const least = { ...higher, [factor]: base.factors[factor] };
    const lowered =
      costOf(least) <= target
        ? contractAxis(base, least, higher, down, target, costOf)
        : contractAxis(base, { ...from, [factor]: base.factors[factor] }, least, up, target, costOf);
    const factors = settled(from, lowered);
    if (costOf(factors) > target) return [];
    if (factors[FACTOR_OF[up]] <= from[FACTOR_OF[up]]) return [];
    return [{ kind: 'network', axes: [], change: `${NAMES[up]} up, ${NAMES[down]} down`, factors }];
  });
  const frames = mostFrames(from, target, costOf);
  const clip = (change: string, by: number): Suggestion => ({
    kind: 'network',
    axes: [],
    change,
    factors: lasting(from, frames, by * durationOf(from)),
  });
  return [
    ...(frames > from.frames ? [clip('more frames', 1)] : []),
    ...(frames > 1 ? [clip('a longer clip', 1.5), clip('a shorter clip', 1 / 1.5)] : []),
    ...pairs,
  ];
}
