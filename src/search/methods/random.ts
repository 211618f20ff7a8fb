/** Random search: networks drawn near the target, raced. What a search has to beat to have earned its cost. */
import { grownTo } from '../../flops/axis.js';
import { clipSpan, type Factors } from '../../network/index.js';
import { type Random, randomOf } from '../../random.js';
import type { SearchState } from '../state.js';
import { baseOf, networkId } from '../work.js';
import { measuredByRace } from './measuring.js';
import type { Method } from './method.js';
import { decidePopulation, type Proposal } from './population.js';
import { complexityOf } from './proposals.js';

/** About as many as an expansion tries. */
const NETWORKS = 24;
/** Of the target. */
const LEAST_COST = 0.6;
const MOST_DRAWS = 20_000;

/** Shares of a whole, uniform over all ways to divide it. */
function shares(random: Random, count: number): number[] {
  const parts = Array.from({ length: count }, () => -Math.log(1 - random.uniform()));
  const whole = parts.reduce((a, b) => a + b, 0);
  return parts.map((part) => part / whole);
}

/** The cost that the target allows beyond the base, in doublings, divided among the axes at random. */
function drawn(state: SearchState, random: Random, doublings: number): Factors {
  const base = baseOf(state);
  const { factors } = base;
  const [time = 0, space = 0, width = 0, bottleneck = 0, depth = 0] = shares(random, 5).map(
    (share) => 2 ** (share * doublings),
  );
  const frames = Math.max(1, Math.round(factors.frames * time));
  // From two thirds of the clip to half as long again, as far as the videos allow.
  const duration = factors.stride * (2 / 3 + (5 / 6) * random.uniform());
  const longest = (state.dataset.limits.maxSpan - 1) / Math.max(1, frames - 1);
  return {
    frames,
    stride: Math.max(1, Math.floor(Math.min(longest, Math.round(duration / frames)))),
    crop: grownTo(base, 'crop', Math.sqrt(space)),
    width: grownTo(base, 'width', Math.sqrt(width)),
    bottleneck: grownTo(base, 'bottleneck', bottleneck),
    depth: grownTo(base, 'depth', depth),
  };
}

function networks(state: SearchState): Proposal[] {
  const { seed, target } = state.configuration;
  const { maxSpan, maxCrop } = state.dataset.limits;
  const random = randomOf('networks', seed);
  const costOf = complexityOf(state);
  const doublings = Math.log2(target / costOf(baseOf(state).factors));
  const found: Proposal[] = [];
  for (let draw = 0; draw < MOST_DRAWS && found.length < NETWORKS; draw++) {
    const factors = drawn(state, random, doublings);
    const cost = costOf(factors);
    if (cost > target || cost < LEAST_COST * target) continue;
    if (clipSpan(factors) > maxSpan || factors.crop > maxCrop) continue;
    if (found.some((one) => networkId(one.factors) === networkId(factors))) continue;
    found.push({ change: `draw ${found.length + 1}`, factors });
  }
  return found;
}

export const randomMethod: Method = {
  description: `${NETWORKS} random networks near the target, raced`,
  decide: (state) => decidePopulation(state, networks),
  measured: measuredByRace,
};
