/** Networks as candidates of a round: what forbids one, and the events that propose those that are left. */

import type { CostOf } from '../../flops/axis.js';
import { type Axis, clipSpan, type Factors } from '../../network/index.js';
import { counted } from '../counted.js';
import type { CandidateCost, NewEvent, RoundKind } from '../events.js';
import type { Round, SearchState } from '../state.js';
import { costIn, leastMemory, networkId } from '../work.js';

/** The cost that the configuration counts in, as a function of the factors. */
export function complexityOf(state: SearchState): CostOf {
  return (factors) => counted(costIn(state, factors), state.configuration.complexity);
}

/** Why the data or the machine forbid a network, or undefined. */
export function forbidden(state: SearchState, factors: Factors, batchSize: number): string | undefined {
  const { maxSpan, maxCrop } = state.dataset.limits;
  const { memory } = state.configuration;
  const span = clipSpan(factors);
  if (span > maxSpan) return `a clip would span ${span} source frames; the training videos allow ${maxSpan}`;
  if (factors.crop > maxCrop) return `a crop of ${factors.crop} px; the videos' size allows ${maxCrop}`;
  const least = leastMemory(state, factors, batchSize);
  if (memory !== undefined && least > memory)
    return `training one clip at a time would take about ${least} bytes; the configuration allows ${memory}`;
  return undefined;
}

/** The next round begins, from a network. */
export const roundStarted = (state: SearchState, step: RoundKind, factors: Factors): NewEvent => ({
  kind: 'round-started',
  round: state.rounds.length + 1,
  step,
  factors,
  cost: costIn(state, factors),
});

/** A network that could be tried, or why an axis can't be moved. */
export type Suggestion =
  | {
      readonly kind: 'network';
      readonly axes: readonly Axis[];
      readonly change?: string;
      readonly factors: Factors;
    }
  | { readonly kind: 'left-out'; readonly axis: Axis; readonly reason: string };

/**
 * The events of a round's candidates. Suggestions that lead to one network are one candidate, credited to all their
 * axes; those that are forbidden are left out with the reason, where an axis is theirs alone.
 */
export function proposed(
  state: SearchState,
  { round }: Pick<Round, 'round'>,
  suggestions: readonly Suggestion[],
  batchSize: number,
): NewEvent[] {
  const skipped: NewEvent[] = [];
  const candidates = new Map<
    string,
    { axes: Axis[]; change?: string; factors: Factors; cost: CandidateCost }
  >();
  for (const suggestion of suggestions) {
    if (suggestion.kind === 'left-out') {
      const { axis, reason } = suggestion;
      skipped.push({ kind: 'axis-skipped', round, axis, reason });
      continue;
    }
    const { axes, change, factors } = suggestion;
    const reason = forbidden(state, factors, batchSize);
    if (reason !== undefined) {
      const [axis] = axes;
      if (axis && change === undefined) skipped.push({ kind: 'axis-skipped', round, axis, reason });
      continue;
    }
    const id = networkId(factors);
    const known = candidates.get(id);
    if (known) known.axes.push(...axes.filter((axis) => !known.axes.includes(axis)));
    else
      candidates.set(id, {
        axes: [...axes],
        ...(change === undefined ? {} : { change }),
        factors,
        cost: costIn(state, factors),
      });
  }
  return [
    ...[...candidates].map(
      ([candidate, rest]): NewEvent => ({ kind: 'candidate-proposed', round, candidate, ...rest }),
    ),
    ...skipped,
  ];
}
