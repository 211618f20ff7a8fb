/**
 * The default: X3D's progressive expansion (arXiv 2004.04730, section 3.2), with each round decided by a race instead
 * of one training each. Rounds stay within the target, so that no step has to be taken back; where it is reached,
 * exchange rounds undo what greed got wrong; the network found is the best of all that were trained.
 */
import type { Factors } from '../../network/index.js';
import type { NewEvent } from '../events.js';
import { candidateNamed, type Round, type SearchState } from '../state.js';
import { baseOf, costOf } from '../work.js';
import { decideFinal, networkFound, proposeFinal } from './ending.js';
import { append, type Decision, fail, type Method } from './method.js';
import { exchanges, expansions } from './moves.js';
import { complexityOf, proposed } from './proposals.js';
import { race } from './racing.js';
import { decideRecipe } from './recipes.js';

const MOST_EXCHANGES = 2;

const startRound = (state: SearchState, step: Round['step'], factors: Factors): Decision =>
  append({
    kind: 'round-started',
    round: state.rounds.length + 1,
    step,
    factors,
    cost: costOf(baseOf(state), factors),
  });

/** The network that a round is about to go on from. */
const winnerOf = (state: SearchState, round: Round) =>
  round.winner ? candidateNamed(state, round.winner.candidate) : undefined;

/** What a round tries, or what follows where it has nothing to try. */
function propose(state: SearchState, round: Round): Decision {
  const { factors } = round;
  const incumbent = { kind: 'network', axes: [], change: 'as it is', factors } as const;
  const suggestions =
    round.step === 'exchange' ? [incumbent, ...exchanges(state, factors)] : expansions(state, factors);
  const events = proposed(state, round, suggestions, state.recipe.batchSize);
  const networks = events.filter(({ kind }) => kind === 'candidate-proposed').length;
  if (networks > (round.step === 'exchange' ? 1 : 0)) return append(...events);
  if (round.step === 'exchange') return conclude(state, factors);
  return atTarget(state, factors, events);
}

/** No axis can move any more within the target. */
function atTarget(state: SearchState, factors: Factors, skipped: readonly NewEvent[]): Decision {
  const cost = complexityOf(state)(factors);
  const { target, complexity } = state.configuration;
  const reasons = skipped.flatMap((event) =>
    event.kind === 'axis-skipped' ? [`${event.axis}: ${event.reason}`] : [],
  );
  if (2 * cost < target && state.unreachable === undefined)
    return append({
      kind: 'target-unreachable',
      reason: `no axis can move from ${cost} ${complexity} towards ${target}: ${reasons.join('; ')}`,
    });
  return exchange(state, factors);
}

function exchange(state: SearchState, factors: Factors): Decision {
  const done = state.rounds.filter(({ step }) => step === 'exchange').length;
  if (done >= MOST_EXCHANGES || state.spent !== undefined) return conclude(state, factors);
  return startRound(state, 'exchange', factors);
}

/** The network found is the best of all; where nothing was trained, the one that the search stands at. */
function conclude(state: SearchState, factors: Factors): Decision {
  const last = state.candidates.find(
    (one) => complexityOf(state)(one.factors) > 0 && same(one.factors, factors),
  );
  const found = networkFound(state, last);
  if (found) return proposeFinal(found.candidate, found.reason);
  const cost = costOf(baseOf(state), factors);
  return proposeFinal({ factors, cost }, 'no other network was trained');
}

const same = (a: Factors, b: Factors) => JSON.stringify(a) === JSON.stringify(b);

/** A round has been won: on from its winner. */
function proceed(state: SearchState, round: Round): Decision {
  const won = winnerOf(state, round);
  if (!won) return fail(`round ${round.round} has no winner`);
  if (round.step === 'exchange')
    return same(won.factors, round.factors) ? conclude(state, won.factors) : exchange(state, won.factors);
  if (state.spent !== undefined) return conclude(state, won.factors);
  return startRound(state, 'expansion', won.factors);
}

function decide(state: SearchState): Decision {
  if (state.final) return decideFinal(state, state.final);
  const recipe = decideRecipe(state);
  if (recipe) return recipe;
  const round = state.rounds.at(-1);
  if (!round || round.step === 'recipe') return startRound(state, 'expansion', baseOf(state).factors);
  if (round.winner) return proceed(state, round);
  if (round.entrants.length > 0) return race(state, round);
  // Without entrants, either nothing was proposed yet or nothing can be.
  if (state.unreachable !== undefined && round.step === 'expansion') return exchange(state, round.factors);
  return propose(state, round);
}

export const raceMethod: Method = {
  description: 'expansion, each round decided by a race of short trainings; exchanges at the target',
  decide,
};
