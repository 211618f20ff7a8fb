/** What a search has spent on trainings, and what it still may. */
import type { NewEvent } from '../events.js';
import { type SearchState, trainedTo, trainingsOf } from '../state.js';
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
 * Why `more` multiply-adds of training are not to be had any more, or undefined. The training in full of a network of
 * the target's size is kept back. Hours are reckoned from what the trainings so far took, so that, unlike all else in a
 * search, they depend on the machines.
 */
export function overBudget(state: SearchState, more: number): string | undefined {
  const { budget, complexity, target } = state.configuration;
  if (!budget) return undefined;
  const spent = spendingOf(state);
  const size = complexity === 'multiplyAdds' ? target : (state.rounds.at(-1)?.cost.multiplyAdds ?? 0);
  const last =
    state.phase.kind === 'final'
      ? 0
      : trainingMultiplyAdds({ recipe: state.recipe }, { multiplyAdds: Math.min(size, Number.MAX_VALUE) });
  const wanted = spent.multiplyAdds + more + last;
  const inUnit =
    budget.unit === 'multiply-adds'
      ? wanted
      : spent.multiplyAdds === 0
        ? 0
        : (wanted * spent.hours) / spent.multiplyAdds;
  if (inUnit <= budget.amount) return undefined;
  return `the next trainings and the last one would bring the search to ${inUnit.toPrecision(3)} ${budget.unit}; the budget is ${budget.amount}`;
}
