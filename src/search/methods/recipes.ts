/**
 * The recipe, before the first round: a peak rate that trains one set leaves another at chance, and mixing clips helps
 * small sets and holds back others. So the base and a network with a few frames are trained, briefly, at the default rate
 * and a lower one, and then with and without mixup, and what does clearly better is kept for the whole search.
 * Fields that the user gave stay as given. The trainings are the search's own, so that it costs little and is repeated
 * exactly.
 */
import type { Factors } from '../../network/index.js';
import type { Recipe } from '../../training/recipe.js';
import type { NewEvent } from '../events.js';
import { compare, judge, type Measurement } from '../judge.js';
import { candidatesIn, type Round, type SearchState, trainedTo } from '../state.js';
import { baseOf, costIn, networkId, replicateOf } from '../work.js';
import { overBudget, takenBy } from './budget.js';
import { candidateSteps } from './measuring.js';
import { append, type Decision, proposeTraining, trainOpen } from './method.js';
import { complexityOf, forbidden, roundStarted } from './proposals.js';

/** Rates that are tried, in shares of the default: higher ones were worse on every set that was tried. */
const RATES = [1, 1 / 3];
/** Another setting has to be better with this probability: the defaults proved themselves on other sets. */
const BETTER = 0.8;
/** Frames of the second network, as far as the target allows. */
const FRAMES = 4;

type Trial = Pick<Recipe, 'learningRate' | 'mixup'>;

const keyOf = ({ learningRate, mixup }: Trial) => `${learningRate} ${mixup}`;

/** The base and, where it fits, the same with a few frames over the same clip. */
function networks(state: SearchState): Factors[] {
  const { factors } = baseOf(state);
  const costOf = complexityOf(state);
  for (let frames = FRAMES; frames > factors.frames; frames--) {
    const stride = Math.max(1, Math.round((factors.frames * factors.stride) / frames));
    const grown = { ...factors, frames, stride };
    const fits = costOf(grown) <= state.configuration.target;
    if (fits && forbidden(state, grown, state.recipe.batchSize) === undefined) return [factors, grown];
  }
  return [factors];
}

/** The trials begin; undefined where the user gave all that would be tried. */
export function beginRecipe(state: SearchState): Decision | undefined {
  const { given } = state.configuration;
  if (given.includes('learningRate') && given.includes('mixup')) return undefined;
  const round = state.rounds.length + 1;
  const base = baseOf(state);
  const entrants = networks(state).map(
    (factors): NewEvent => ({
      kind: 'candidate-proposed',
      round,
      candidate: networkId(factors),
      axes: [],
      change: factors.frames === base.factors.frames ? 'the base' : `the base with ${factors.frames} frames`,
      factors,
      cost: costIn(state, factors),
    }),
  );
  return append(roundStarted(state, 'recipe', base.factors), ...entrants);
}

/** What the trials so far come to: networks stand in for replicates, so that a setting is judged on all of them. */
function judged(state: SearchState, round: Round) {
  const measured = candidatesIn(state, round).flatMap(({ trainings }, network) =>
    trainings.flatMap((training): Measurement[] => {
      const score = trainedTo(training)?.evaluations.validation;
      return score ? [{ candidate: keyOf(training.work.recipe), replicate: network, score }] : [];
    }),
  );
  return judge('loss', measured);
}

/** The best of some settings, unless the first of them is as good for all that is known. */
function bestOf(state: SearchState, round: Round, trials: readonly Trial[]) {
  const judgement = judged(state, round);
  const [usual] = trials;
  const best = judgement?.estimates.find(({ candidate }) => trials.some((one) => keyOf(one) === candidate));
  const found = trials.find((one) => keyOf(one) === best?.candidate);
  if (!judgement || !usual || !found || found === usual) return { trial: usual as Trial };
  const difference = compare(judgement, keyOf(found), keyOf(usual));
  // A setting under which nothing was measured is no match for one that trained.
  if (difference && difference.probability < BETTER) return { trial: usual };
  return { trial: found, difference };
}

/** Trainings that the settings still lack, on each network. */
function lacking(state: SearchState, round: Round, trials: readonly Trial[]): NewEvent[] {
  const steps = candidateSteps(state);
  return candidatesIn(state, round).flatMap((candidate) => {
    const tried = new Set(candidate.trainings.map(({ work }) => keyOf(work.recipe)));
    return trials
      .filter((trial) => !tried.has(keyOf(trial)))
      .map((trial) => {
        const recipe = { ...state.recipe, ...trial, steps };
        return proposeTraining(state, candidate, 0, replicateOf(state, 0, recipe));
      });
  });
}

const rounded = (rate: number) => Number(rate.toPrecision(2));

/** What is still to be tried, or, once that is trained, what was chosen. */
export function chooseRecipe(state: SearchState, round: Round): Decision {
  const { recipe, configuration } = state;
  const { learningRate, mixup } = recipe;
  const open = trainOpen(candidatesIn(state, round).flatMap(({ trainings }) => trainings));
  if (open) return open;
  const isGiven = (field: string) => configuration.given.includes(field);
  const rates = isGiven('learningRate')
    ? [{ learningRate, mixup }]
    : RATES.map((share) => ({ learningRate: rounded(share * learningRate), mixup }));
  const first = lacking(state, round, rates);
  const firstOver = overBudget(state, takenBy(first));
  if (first.length > 0 && firstOver === undefined) return append(...first);
  const byRate = bestOf(state, round, rates);
  const mixups =
    isGiven('mixup') || mixup === 0 ? [byRate.trial] : [byRate.trial, { ...byRate.trial, mixup: 0 }];
  const second = lacking(state, round, mixups);
  const secondOver = overBudget(state, takenBy(second));
  if (second.length > 0 && secondOver === undefined) return append(...second);
  const byMixup = bestOf(state, round, mixups);
  const chosen = byMixup.trial;
  const changed = (['learningRate', 'mixup'] as const).filter((field) => chosen[field] !== recipe[field]);
  const reasons = [byRate, byMixup].flatMap(({ difference }) =>
    difference
      ? [
          `validation loss ${Math.abs(difference.value).toFixed(2)} ± ${difference.error.toFixed(2)} lower over ${round.entrants.length} networks`,
        ]
      : [],
  );
  return append({
    kind: 'recipe-chosen',
    round: round.round,
    recipe: { ...recipe, ...chosen },
    changed: [...changed],
    reason:
      reasons.join('; ') ||
      (first.length + second.length > 0
        ? 'the budget leaves no room to try others'
        : 'no other setting was clearly better than the default'),
  });
}
