/** What happens in a search as lines of text, one for each event. */
import type { Choice, SearchEvent } from '../search/events.js';
import { moveOf, type SearchState } from '../search/state.js';
import type { TrainingProgress } from '../training/training.js';
import { amount, change, costText, duration, NO_CHANGE, percent, quantity } from './figures.js';
import { choiceText, costName } from './tables.js';

/** As "round 2, tau". */
function candidateText(state: SearchState, id: string | undefined): string {
  const { phase, contraction } = state;
  if (phase.kind === 'contraction' && contraction?.candidate === id)
    return `contraction of ${contraction?.axis}`;
  const entrant = state.rounds.at(-1)?.entrants.find(({ candidate }) => candidate === id);
  return entrant ? `round ${state.rounds.length}, ${moveOf(entrant)}` : `candidate ${id}`;
}

/** As "round 2, tau, second training" or "final network". */
function trainingText(state: SearchState, id: string): string {
  if (state.final?.trainings.some((training) => training.id === id)) return 'final network';
  const owner = state.candidates.find(({ trainings }) => trainings.some((training) => training.id === id));
  const replicate = owner?.trainings.find((training) => training.id === id)?.replicate ?? 0;
  return `${candidateText(state, owner?.id)}${replicate === 0 ? '' : `, training ${replicate + 1}`}`;
}

/** Of a recipe: a rate that was divided has more digits than anyone reads. */
const brief = (value: unknown): string =>
  typeof value === 'number' ? String(Number(value.toPrecision(3))) : String(value);

/** How far the winner was from the next best. */
function differenceText({ difference }: Choice, rival: string | undefined): string {
  if (!difference) return '';
  const { metric, value, error } = difference;
  const size = `${Math.abs(value).toFixed(3)} ± ${error.toFixed(3)}`;
  return `, ${metric} ${value < 0 ? 'lower' : 'higher'} by ${size} than ${rival}`;
}

/** `state` is the search's after the event. */
export function lineOf(event: SearchEvent, state: SearchState): string {
  const { complexity, base, target } = state.configuration;
  switch (event.kind) {
    case 'search-created': {
      const { train, validation, test } = event.dataset.parts;
      return (
        `search ${event.search}: from ${base} to ${quantity(target, complexity)} ${costName({ complexity })}; ` +
        `${event.dataset.classes.length} classes, ${train} videos to train, ${validation} to validate, ${test} to test`
      );
    }
    case 'round-started':
      return event.step === 'recipe'
        ? 'trying recipes'
        : `round ${event.round}${event.step === 'expansion' ? '' : ` (${event.step})`} from ${costText(event.cost, complexity)}`;
    case 'candidate-proposed': {
      const from = state.rounds.at(-1)?.factors ?? event.factors;
      const changed = change(from, event.factors);
      const what = changed === NO_CHANGE ? '' : `${changed}, `;
      return `${candidateText(state, event.candidate)}: ${what}${costText(event.cost, complexity)}`;
    }
    case 'axis-skipped':
      return `round ${event.round}, ${event.axis}: left out: ${event.reason}`;
    case 'training-proposed': {
      const { steps, learningRate, mixup } = event.work.recipe;
      const name = event.candidate === undefined ? 'final network' : trainingText(state, event.training);
      return `${name}: to be trained for ${steps} steps, rate ${brief(learningRate)}, mixup ${mixup}`;
    }
    case 'training-started':
      return `${trainingText(state, event.training)}: training on ${event.worker}`;
    case 'training-finished': {
      const { evaluations, seconds } = event.outcome;
      const scores = Object.entries(evaluations).map(
        ([name, { metrics }]) => `${name} ${percent(metrics.accuracy)}, loss ${metrics.loss.toFixed(3)}`,
      );
      return `${trainingText(state, event.training)}: ${scores.join('; ') || 'trained'}, in ${duration(seconds)}`;
    }
    case 'training-failed':
      return `${trainingText(state, event.training)}: failed (${event.failure.kind}): ${event.failure.reason}`;
    case 'candidate-dropped':
      return `${candidateText(state, event.candidate)}: dropped, ${event.reason}`;
    case 'schedule-lengthened':
      return `trainings of ${event.steps} steps from here on: ${event.reason}`;
    case 'recipe-chosen': {
      const fields = event.changed.map((field) => `${field} ${brief(event.recipe[field as 'mixup'])}`);
      return `recipe: ${fields.join(', ') || 'as it was'} (${event.reason})`;
    }
    case 'winner-chosen': {
      const { choice } = event;
      const rival = choice.runnerUp && candidateText(state, choice.runnerUp);
      const spent =
        choice.trainings === 0
          ? 'no new trainings'
          : `${choice.trainings} trainings, ${amount(choice.multiplyAdds)} multiply-adds`;
      return `${candidateText(state, event.candidate)}: wins, ${choiceText(choice)}${differenceText(choice, rival)}; ${spent}`;
    }
    case 'contracted':
      return `contraction of ${event.axis}: ${change(event.from, event.to)}, ${costText(event.cost, complexity)}`;
    case 'target-unreachable':
      return `target not reachable: ${event.reason}`;
    case 'final-proposed':
      return `final network: ${costText(event.cost, complexity)}, to be trained in full: ${event.reason}`;
    case 'budget-reached':
      return `budget reached: ${event.reason}`;
    case 'search-paused':
      return event.reason === undefined ? 'search paused' : `search paused: ${event.reason}`;
    case 'search-retried':
      return `search goes on: ${event.trainings.length} trainings are tried again`;
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
  training: string,
  { phase, done, of, loss, secondsLeft }: TrainingProgress,
): string {
  const lossText = loss === undefined ? '' : `, loss ${loss.toFixed(3)}`;
  const left = secondsLeft === undefined ? '' : `, ${duration(secondsLeft)} left`;
  return `${trainingText(state, training)}: ${phase} ${done} of ${of}${lossText}${left}`;
}
