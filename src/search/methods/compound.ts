/**
 * Compound scaling, as EfficientNet (arXiv 1905.11946) has it and its 3D forms do (table 7 of the X3D paper): all axes
 * grow together, each as a fixed power of one coefficient, which is raised until the target is met. Which powers is a
 * choice; here several are raced: all axes alike, and each of time, space, and the network's own axes taken further.
 */
import { grownTo } from '../../flops/axis.js';
import type { BaseNetwork, Factors } from '../../network/index.js';
import type { SearchState } from '../state.js';
import { baseOf } from '../work.js';
import { measuredByRace } from './measuring.js';
import type { Method } from './method.js';
import { decidePopulation, type Proposal } from './population.js';
import { complexityOf } from './proposals.js';

/** Powers of the coefficient, by axis. */
interface Powers {
  readonly frames: number;
  readonly crop: number;
  readonly depth: number;
  readonly width: number;
}

const RATIOS: Readonly<Record<string, Powers>> = {
  'all axes alike': { frames: 1, crop: 0.5, depth: 1, width: 0.5 },
  'time further': { frames: 2, crop: 0.5, depth: 0.5, width: 0.25 },
  'space further': { frames: 1, crop: 1, depth: 0.5, width: 0.25 },
  'depth further': { frames: 1, crop: 0.25, depth: 2, width: 0.25 },
  'width further': { frames: 1, crop: 0.25, depth: 0.5, width: 1 },
};

function scaled(base: BaseNetwork, powers: Powers, coefficient: number): Factors {
  const { factors } = base;
  const frames = Math.max(1, Math.round(factors.frames * coefficient ** powers.frames));
  return {
    ...factors,
    frames,
    stride: Math.max(1, Math.round((factors.frames * factors.stride) / frames)),
    crop: grownTo(base, 'crop', coefficient ** powers.crop),
    depth: grownTo(base, 'depth', coefficient ** powers.depth),
    width: grownTo(base, 'width', coefficient ** powers.width),
  };
}

/** The coefficient is raised in steps of a hundredth; no target is further than this. */
const MOST_STEPS = 1500;

/** The largest network along a ratio that fits the target. */
export function compoundNetwork(state: SearchState, powers: Powers): Factors {
  const base = baseOf(state);
  const costOf = complexityOf(state);
  const { target } = state.configuration;
  let best = base.factors;
  for (let step = 1; step <= MOST_STEPS; step++) {
    const next = scaled(base, powers, 1.01 ** step);
    const cost = costOf(next);
    // Rounding makes the cost of one axis jump: the next coefficient may fit again, twice the target never does.
    if (cost > 2 * target) break;
    if (cost <= target && cost >= costOf(best)) best = next;
  }
  return best;
}

const networks = (state: SearchState): Proposal[] =>
  Object.entries(RATIOS).map(([change, powers]) => ({ change, factors: compoundNetwork(state, powers) }));

export const compoundMethod: Method = {
  description: 'compound scaling: all axes by one coefficient, in five ratios',
  decide: (state) => decidePopulation(state, networks),
  measured: measuredByRace,
};
