/** The network found: which one it is, its training in full, and whether that came out as it should. */

import { METRICS } from '../../training/metrics.js';
import { counted } from '../counted.js';
import type { NewEvent } from '../events.js';
import { compare } from '../judge.js';
import {
  type CandidateState,
  candidateNamed,
  type Final,
  present,
  type SearchState,
  trainedTo,
} from '../state.js';
import { finalVariant } from '../work.js';
import { overBudget, takenBy } from './budget.js';
import { atChance, CONFIDENCE, longest, measurementsOf, verdictOn } from './measuring.js';
import { append, type Decision, fail, proposeTraining, trainOpen } from './method.js';

/** Other seeds for a network found whose training came out clearly worse than it should. */
const MOST_ATTEMPTS = 3;
/** A validation loss so many times the training loss: the clips were learned by heart. */
const BY_HEART = 1.5;
/** Above its candidate's loss by so many standard errors, or, on its own training clips, by this share. */
const CLEARLY = 2;
const CLEARLY_SHARE = 1.15;

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** The mean losses of a candidate's trainings: of their own clips, and of the validation videos. */
function lossesOf(state: SearchState, candidate: CandidateState) {
  const outcomes = longest(state, candidate).flatMap((training) => trainedTo(training) ?? []);
  return {
    training: mean(outcomes.map(({ trainingLoss }) => trainingLoss)),
    validation: mean(outcomes.flatMap(({ evaluations: { validation } }) => validation?.metrics.loss ?? [])),
  };
}

/**
 * The recipe of the training in full, and why it differs from the candidates': where these were trained without mixup
 * and yet learned their clips by heart, a training four times as long takes it up again, unless the user gave it.
 */
function fullRecipe(state: SearchState, candidate: CandidateState) {
  const { recipe, configuration } = state;
  const { mixup } = configuration.recipe;
  const usual = { recipe, reason: undefined };
  if (recipe.mixup === mixup) return usual;
  const { training, validation } = lossesOf(state, candidate);
  if (!(validation > BY_HEART * training)) return usual;
  return {
    recipe: { ...recipe, mixup },
    reason: `its last training mixes clips again, since its candidate learned them by heart (training loss ${training.toFixed(2)}, validation loss ${validation.toFixed(2)})`,
  };
}

/** The network found, why it is the one, and what its training in full does differently. */
export function networkFound(
  state: SearchState,
  last: CandidateState | undefined,
): { readonly candidate: CandidateState; readonly reason: string } | undefined {
  const found = bestOf(state, last);
  if (!found) return undefined;
  const { reason } = fullRecipe(state, found.candidate);
  return reason === undefined ? found : { ...found, reason: `${found.reason}; ${reason}` };
}

/**
 * The best of all that were trained and fit the target, by the same judgement as in rounds. The last round's winner
 * stands unless another is better beyond chance.
 */
function bestOf(
  state: SearchState,
  last: CandidateState | undefined,
): { readonly candidate: CandidateState; readonly reason: string } | undefined {
  const { target, complexity } = state.configuration;
  const fitting = state.candidates.filter(({ cost }) => counted(cost, complexity) <= target);
  const measured = measurementsOf(state, fitting, longest);
  const verdict = verdictOn(state, measured);
  const first = verdict?.judgement.estimates[0];
  if (!verdict || !first) return undefined;
  const best = candidateNamed(state, first.candidate);
  const standing = last && measured.some(({ candidate }) => candidate === last.id) ? last : undefined;
  if (!standing)
    return { candidate: best, reason: `the best of ${fitting.length} networks within the target` };
  if (standing.id === best.id)
    return {
      candidate: best,
      reason: `the last winner, and the best of all networks within the target by ${METRICS[verdict.by].title}`,
    };
  const difference = compare(verdict.judgement, best.id, standing.id);
  if (difference && difference.probability >= CONFIDENCE)
    return {
      candidate: best,
      reason: `of all networks within the target the best by ${METRICS[verdict.by].title}, and better than the last winner with a probability of ${difference.probability.toFixed(2)}`,
    };
  return {
    candidate: standing,
    reason: `the last winner; one network within the target is ahead by ${METRICS[verdict.by].title}, but not beyond chance`,
  };
}

/** The training in full of a network; the first of its attempts. */
export function proposeFinal(
  network: Pick<CandidateState, 'factors' | 'cost'> & { readonly id?: string },
  reason: string,
): Decision {
  const { id, factors, cost } = network;
  return append({
    kind: 'final-proposed',
    factors,
    cost,
    ...(id === undefined ? {} : { candidate: id }),
    reason,
  });
}

function attempt(state: SearchState, { factors, candidate }: Final, number: number): NewEvent {
  const recipe =
    candidate === undefined ? state.recipe : fullRecipe(state, candidateNamed(state, candidate)).recipe;
  return proposeTraining(state, { factors }, number, finalVariant(state, recipe, number));
}

/** Why the last attempt is worse than its candidate let expect, or undefined. */
function disappointment(state: SearchState, final: Final): string | undefined {
  const last = final.trainings.at(-1);
  const outcome = last && trainedTo(last);
  if (!outcome) return undefined;
  if (atChance(state, outcome)) return 'it learned nothing';
  if (final.candidate === undefined) return undefined;
  const candidate = candidateNamed(state, final.candidate);
  const { validation } = outcome.evaluations;
  if (validation) {
    const estimate = verdictOn(state, measurementsOf(state, [candidate], longest))?.judgements.find(
      ({ metric }) => metric === 'loss',
    )?.estimates[0];
    if (!estimate) return undefined;
    const bound = estimate.mean + CLEARLY * Math.hypot(estimate.error, estimate.error);
    return validation.metrics.loss > bound
      ? `its validation loss is ${validation.metrics.loss.toFixed(3)} where its candidate's is ${estimate.mean.toFixed(3)}`
      : undefined;
  }
  // Losses with and without mixup are not to be compared.
  if (last.work.recipe.mixup !== state.recipe.mixup) return undefined;
  const losses = candidate.trainings.flatMap((training) => trainedTo(training)?.trainingLoss ?? []);
  return losses.length > 0 && outcome.trainingLoss > CLEARLY_SHARE * mean(losses)
    ? `its training loss is ${outcome.trainingLoss.toFixed(3)} where its candidate's is ${mean(losses).toFixed(3)}`
    : undefined;
}

/** Trains the network found, again where it came out clearly worse, and ends. */
export function decideFinal(state: SearchState, attempts = MOST_ATTEMPTS): Decision {
  const final = present(state.final, 'network found');
  const open = trainOpen(final.trainings);
  if (open) return open;
  const { length } = final.trainings;
  if (length === 0) return append(attempt(state, final, 0));
  const finished = final.trainings.some(trainedTo);
  const last = final.trainings.at(-1)?.progress;
  const again = disappointment(state, final) !== undefined || (last?.kind === 'failed' && !finished);
  const next = attempt(state, final, length);
  // Something has to be found, whatever the budget says.
  const affordable = !finished || overBudget(state, takenBy([next])) === undefined;
  if (again && length < attempts && affordable) return append(next);
  if (finished) return { kind: 'end' };
  return fail(
    `the network found could not be trained (${last?.kind === 'failed' ? last.failure.reason : 'no result'})`,
  );
}
