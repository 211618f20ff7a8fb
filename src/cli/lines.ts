/** What happens in a search as lines of text, one for each event. */
import type { SearchEvent } from '../search/events.js';
import { type CandidateState, candidatesOf, type SearchState } from '../search/state.js';
import type { TrainingProgress } from '../training/training.js';
import { amount, change, duration, inWords, percent } from './figures.js';

const named = (state: SearchState, id: string): CandidateState | undefined =>
  candidatesOf(state).find((candidate) => candidate.id === id);

/** As "round 2, tau" or "final". */
function placeOf(state: SearchState, id: string): string {
  const axes = named(state, id)?.axes ?? [];
  if (state.contraction?.candidate?.id === id) return `contraction of ${axes.join(' = ')}`;
  return axes.length === 0 ? 'final network' : `round ${state.rounds.length}, ${axes.join(' = ')}`;
}

/** `state` is the search's after the event. */
export function lineOf(event: SearchEvent, state: SearchState): string {
  const { complexity, base, target } = state.configuration;
  switch (event.kind) {
    case 'search-created': {
      const { train, validation, test } = event.dataset.parts;
      return (
        `search ${event.search}: from ${base} to ${amount(target)} ${complexity}; ` +
        `${event.dataset.classes.length} classes, ${train} videos to train, ${validation} to validate, ${test} to test`
      );
    }
    case 'round-started':
      return `round ${event.round} from ${amount(event.cost[complexity])}`;
    case 'candidate-proposed': {
      const from = state.rounds.at(-1)?.factors ?? event.factors;
      return `${placeOf(state, event.candidate)}: ${change(from, event.factors)}, ${amount(event.cost[complexity])}`;
    }
    case 'axis-skipped':
      return `round ${event.round}, ${event.axis}: left out: ${event.reason}`;
    case 'candidate-started':
      return `${placeOf(state, event.candidate)}: training on ${event.worker}`;
    case 'candidate-finished': {
      const { validation, seconds } = event.outcome;
      return `${placeOf(state, event.candidate)}: ${percent(validation.top1)}, loss ${validation.loss.toFixed(3)}, in ${duration(seconds)}`;
    }
    case 'candidate-failed':
      return `${placeOf(state, event.candidate)}: failed (${event.failure.kind}): ${event.failure.reason}`;
    case 'winner-chosen':
      return `${placeOf(state, event.candidate)}: wins, decided by ${inWords(event.decidedBy)}`;
    case 'contracted':
      return `contraction of ${event.axis}: ${change(event.from, event.to)}, ${amount(event.cost[complexity])}`;
    case 'target-unreachable':
      return `target not reachable: ${event.reason}`;
    case 'final-proposed':
      return `final network: ${amount(event.cost[complexity])}, to be trained in full`;
    case 'search-paused':
      return 'search paused';
    case 'search-resumed':
      return 'search goes on';
    case 'search-cancelled':
      return 'search cancelled';
    case 'search-failed':
      return `search failed: ${event.reason}`;
    case 'search-ended':
      return 'search ended';
  }
}

export function progressLine(
  state: SearchState,
  candidate: string,
  { phase, done, of, loss, secondsLeft }: TrainingProgress,
): string {
  const lossText = loss === undefined ? '' : `, loss ${loss.toFixed(3)}`;
  const left = secondsLeft === undefined ? '' : `, ${duration(secondsLeft)} left`;
  return `${placeOf(state, candidate)}: ${phase} ${done} of ${of}${lossText}${left}`;
}
