/** What one round of a search proposes, and who wins it: X3D's forward expansion (arXiv 2004.04730, section 3.2). */
import { type CostOf, expandAxis } from '../flops/axis.js';
import { AXES, type Axis, clipSpan, type Factors } from '../network/index.js';
import { baseOf, candidateId, costOf, leastMemory, workOf } from './candidate.js';
import type { SearchConfiguration } from './configuration.js';
import type { CandidateCost, DatasetSummary, NewEvent, Outcome } from './events.js';
import type { CandidateState, Round, SearchState, Winner } from './state.js';

/** The cost that the configuration counts in, as a function of the factors. */
export function complexityOf(configuration: SearchConfiguration, dataset: DatasetSummary): CostOf {
  const base = baseOf(configuration, dataset);
  return (factors) => costOf(base, factors)[configuration.complexity];
}

/** Why the data or the machine forbid a network, or undefined. */
function forbidden(state: SearchState, factors: Factors): string | undefined {
  const { maxSpan, maxCrop } = state.dataset.limits;
  const { memory } = state.configuration;
  const span = clipSpan(factors);
  if (span > maxSpan) return `a clip would span ${span} source frames; the training videos allow ${maxSpan}`;
  if (factors.crop > maxCrop) return `a crop of ${factors.crop} px; the videos' size allows ${maxCrop}`;
  const least = leastMemory(state.configuration, state.dataset, factors);
  if (memory !== undefined && least > memory)
    return `training one clip at a time would take about ${least} bytes; the configuration allows ${memory}`;
  return undefined;
}

/** The events of a round's proposals: every axis is either in one candidate or skipped with a reason. */
export function proposals(state: SearchState, { round, factors: from }: Round): NewEvent[] {
  const { configuration, dataset } = state;
  const base = baseOf(configuration, dataset);
  const complexity = complexityOf(configuration, dataset);
  const skipped: NewEvent[] = [];
  const candidates = new Map<string, { axes: Axis[]; factors: Factors; cost: CandidateCost }>();
  for (const axis of AXES) {
    const move = expandAxis(base, from, axis, configuration.stepRule, complexity);
    if (move.kind === 'stays') {
      skipped.push({ kind: 'axis-skipped', round, axis, reason: move.reason });
      continue;
    }
    const cost = costOf(base, move.factors);
    const reason = forbidden(state, move.factors);
    if (reason !== undefined) {
      skipped.push({ kind: 'axis-skipped', round, axis, reason });
      continue;
    }
    const id = candidateId(workOf(configuration, dataset, move.factors, 'candidate'), dataset.fingerprint);
    const known = candidates.get(id);
    if (known) known.axes.push(axis);
    else candidates.set(id, { axes: [axis], factors: move.factors, cost });
  }
  const proposed = [...candidates].map(
    ([candidate, rest]): NewEvent => ({ kind: 'candidate-proposed', round, candidate, ...rest }),
  );
  return [...proposed, ...skipped];
}

interface Ranked {
  readonly candidate: CandidateState;
  readonly outcome: Outcome;
}

type Key = readonly [Winner['decidedBy'], (ranked: Ranked) => number];

/** Each lower is better; the first that differs decides. */
const measuredKeys = ({ criterion }: SearchConfiguration): readonly Key[] => [
  [
    'criterion',
    ({ outcome }) => (criterion === 'accuracy' ? -outcome.validation.top1 : outcome.validation.loss),
  ],
  ['validation-loss', ({ outcome }) => outcome.validation.loss],
];

const rankedOf = (candidate: CandidateState): Ranked[] =>
  candidate.progress.kind === 'finished' ? [{ candidate, outcome: candidate.progress.outcome }] : [];

/** Whether one candidate did better than another, by what was measured; one without a result did worst. */
export function isBetter(
  configuration: SearchConfiguration,
  candidate: CandidateState,
  than: CandidateState,
): boolean {
  const [[own], [other]] = [rankedOf(candidate), rankedOf(than)];
  if (!own || !other) return own !== undefined;
  const key = measuredKeys(configuration).find(([, value]) => value(own) !== value(other))?.[1];
  return key !== undefined && key(own) < key(other);
}

/** The winner of a round whose candidates have all ended, or undefined where none has a result. */
export function winnerOf(configuration: SearchConfiguration, round: Round): Winner | undefined {
  const { complexity } = configuration;
  const keys: readonly Key[] = [
    ...measuredKeys(configuration),
    ['cost', ({ candidate }) => candidate.cost[complexity]],
    ['axis-order', ({ candidate }) => AXES.indexOf(candidate.axes[0] ?? 'b')],
  ];
  const deciding = (a: Ranked, b: Ranked) => keys.find(([, key]) => key(a) !== key(b));
  const ranked = round.candidates.flatMap(rankedOf).sort((a, b) => {
    const key = deciding(a, b)?.[1];
    return key ? key(a) - key(b) : 0;
  });
  const [first, second] = ranked;
  const axis = first?.candidate.axes[0];
  if (!first || !axis) return undefined;
  return {
    candidate: first.candidate.id,
    axis,
    tiedAxes: first.candidate.axes,
    decidedBy: second ? (deciding(first, second)?.[0] ?? 'axis-order') : 'only-candidate',
  };
}
