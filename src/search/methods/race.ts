/**
 * The default: X3D's progressive expansion (arXiv 2004.04730, section 3.2), with each round decided by a race instead
 * of one training each. Rounds stay within the target, so that no step has to be taken back; where it is reached,
 * exchange rounds undo what greed got wrong; the network found is the best of all that were trained.
 */
import { type Factors, sameNetwork } from '../../network/index.js';
import type { NewEvent } from '../events.js';
import { type Round, roundOf, type SearchState, winnerOf } from '../state.js';
import { baseOf, costIn } from '../work.js';
import { decideFinal, networkFound, proposeFinal } from './ending.js';
import { measuredByRace } from './measuring.js';
import { append, type Decision, foreign, type Method } from './method.js';
import { exchanges, expansions } from './moves.js';
import { complexityOf, proposed, roundStarted, type Suggestion } from './proposals.js';
import { race, tooDear } from './racing.js';
import { beginRecipe, chooseRecipe } from './recipes.js';

const MOST_EXCHANGES = 2;

/** A round and its candidates, all at once; undefined where fewer than `least` networks can be tried. */
function nextRound(
  state: SearchState,
  step: Round['step'],
  factors: Factors,
  suggestions: readonly Suggestion[],
  least: number,
): { readonly begins: Decision | undefined; readonly events: readonly NewEvent[] } {
  const round = state.rounds.length + 1;
  const events = proposed(state, { round }, suggestions, state.recipe.batchSize);
  const networks = events.filter(({ kind }) => kind === 'candidate-proposed').length;
  const begins = networks < least ? undefined : append(roundStarted(state, step, factors), ...events);
  return { begins, events };
}

/** A round, or the word that the budget has no room for it. The first round is had in any case. */
function affordable(state: SearchState, begins: Decision, events: readonly NewEvent[]): Decision {
  const over = state.rounds.some(({ winner }) => winner) ? tooDear(state, events) : undefined;
  return over === undefined ? begins : append({ kind: 'budget-reached', reason: over });
}

/** Onwards from a network: another expansion, or, where none is left within the target, the exchanges. */
function expand(state: SearchState, factors: Factors): Decision {
  const { begins, events } = nextRound(state, 'expansion', factors, expansions(state, factors), 1);
  if (begins) return affordable(state, begins, events);
  const cost = complexityOf(state)(factors);
  const { target, complexity } = state.configuration;
  const reasons = events.flatMap((event) =>
    event.kind === 'axis-skipped' ? [`${event.axis}: ${event.reason}`] : [],
  );
  if (2 * cost < target && state.unreachable === undefined)
    return append({
      kind: 'target-unreachable',
      reason: `no axis can move from ${cost} ${complexity} towards ${target}: ${reasons.join('; ')}`,
    });
  return exchange(state, factors);
}

/** At the target: one axis against another, with the network as it is among the candidates. */
function exchange(state: SearchState, factors: Factors): Decision {
  const done = state.rounds.filter(({ step }) => step === 'exchange').length;
  if (done >= MOST_EXCHANGES || state.spent !== undefined) return conclude(state, factors);
  const asItIs = { kind: 'network', axes: [], change: 'as it is', factors } as const;
  const suggestions = [asItIs, ...exchanges(state, factors)];
  const { begins, events } = nextRound(state, 'exchange', factors, suggestions, 2);
  return begins ? affordable(state, begins, events) : conclude(state, factors);
}

/** The network found is the best of all; where nothing was trained, the one that the search stands at. */
function conclude(state: SearchState, factors: Factors): Decision {
  const last = state.candidates.find((candidate) => sameNetwork(candidate.factors, factors));
  const found = networkFound(state, last);
  if (found) return proposeFinal(found.candidate, found.reason);
  return proposeFinal({ factors, cost: costIn(state, factors) }, 'no other network was trained');
}

/** A round has been won: on from its winner. */
function proceed(state: SearchState, round: Round): Decision {
  const { factors } = winnerOf(state, round);
  if (state.spent !== undefined) return conclude(state, factors);
  if (round.step === 'expansion') return expand(state, factors);
  return sameNetwork(factors, round.factors) ? conclude(state, factors) : exchange(state, factors);
}

function decide(state: SearchState): Decision {
  const { phase } = state;
  const first = () => expand(state, baseOf(state).factors);
  switch (phase.kind) {
    case 'beginning':
      return beginRecipe(state) ?? first();
    case 'round':
      return phase.step === 'recipe'
        ? chooseRecipe(state, roundOf(state, phase))
        : race(state, roundOf(state, phase));
    case 'chosen':
      return phase.step === 'recipe' ? first() : proceed(state, roundOf(state, phase));
    case 'final':
      return decideFinal(state);
    case 'contraction':
      return foreign(state);
  }
}

export const raceMethod: Method = {
  description: 'expansion, each round decided by a race of short trainings; exchanges at the target',
  decide,
  measured: measuredByRace,
};
