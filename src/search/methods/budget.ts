/** What a search has spent on trainings, and what it still may. */
import { amount, counted } from '../counted.js';
import type { NewEvent } from '../events.js';
import { type CandidateState, type SearchState, trainedTo, trainingsOf } from '../state.js';
import { costOf, trainingMultiplyAdds } from '../work.js';

const SECONDS_PER_HOUR = 3600;

export interface Spending {
  readonly multiplyAdds: number;
  /** Summed over the workers. */
  readonly hours: number;
}

/** Of the trainings that are finished, summed over the workers. */
export const secondsTrained = (state: SearchState): number =>
  trainingsOf(state).reduce((sum, training) => sum + (trainedTo(training)?.seconds ?? 0), 0);

export function spendingOf(state: SearchState): Spending {
  const trained = [...state.candidates, ...(state.final ? [state.final] : [])];
  const each = trained.flatMap(({ cost, trainings }) =>
    trainings.map(({ work }) => trainingMultiplyAdds(work, cost)),
  );
  return {
    multiplyAdds: each.reduce((sum, own) => sum + own, 0),
    hours: secondsTrained(state) / SECONDS_PER_HOUR,
  };
}

/** What the trainings among some events take, multiply-adds. */
export const takenBy = (events: readonly NewEvent[]): number =>
  events.reduce(
    (sum, event) =>
      event.kind === 'training-proposed'
        ? sum + trainingMultiplyAdds(event.work, costOf(event.work.base, event.work.factors))
        : sum,
    0,
  );

/**
 * The most that one clip of the network found may take, multiply-adds: the target, or, where that counts something
 * else, the largest network so far that fits it, those among `next` included.
 */
function mostOfFound(state: SearchState, next: readonly Pick<CandidateState, 'cost'>[]): number {
  const { complexity, target } = state.configuration;
  if (complexity === 'multiplyAdds') return target;
  const fitting = [...state.rounds, ...state.candidates, ...next].filter(
    ({ cost }) => counted(cost, complexity) <= target,
  );
  return Math.max(0, ...fitting.map(({ cost }) => cost.multiplyAdds));
}

/**
 * Why `more` multiply-adds of training, of candidates so far or of `next`, are not to be had any more, or undefined.
 * The training in full of the largest network that may be found is kept back. Hours are reckoned from what the
 * trainings so far took, so that, unlike all else in a search, they depend on the machines.
 */
export function overBudget(
  state: SearchState,
  more: number,
  next: readonly Pick<CandidateState, 'cost'>[] = [],
): string | undefined {
  const { budget } = state.configuration;
  if (!budget) return undefined;
  const spent = spendingOf(state);
  const last =
    state.phase.kind === 'final'
      ? 0
      : trainingMultiplyAdds({ recipe: state.recipe }, { multiplyAdds: mostOfFound(state, next) });
  const wanted = spent.multiplyAdds + more + last;
  const inUnit =
    budget.unit === 'multiply-adds'
      ? wanted
      : spent.multiplyAdds === 0
        ? 0
        : (wanted * spent.hours) / spent.multiplyAdds;
  if (inUnit <= budget.amount) return undefined;
  const text = (value: number) =>
    budget.unit === 'multiply-adds'
      ? `${amount(value)} multiply-adds`
      : `${Number(value.toPrecision(3))} ${budget.unit}`;
  return `the next trainings and the last one would bring the search to ${text(inUnit)}; the budget is ${text(budget.amount)}`;
}
