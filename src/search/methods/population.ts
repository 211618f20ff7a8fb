/** Methods that propose all their networks at once, near the target, and let them race. */
import type { Factors } from '../../network/index.js';
import { type Round, roundOf, type SearchState, winnerOf } from '../state.js';
import { baseOf } from '../work.js';
import { decideFinal, networkFound, proposeFinal } from './ending.js';
import { append, type Decision, fail, foreign } from './method.js';
import { proposed, roundStarted } from './proposals.js';
import { race } from './racing.js';
import { beginRecipe, chooseRecipe } from './recipes.js';

export interface Proposal {
  /** What makes it, for people. */
  readonly change: string;
  readonly factors: Factors;
}

type Networks = (state: SearchState) => readonly Proposal[];

/** All networks at once; those that there are race. */
function decideRound(state: SearchState, round: Round, networks: Networks): Decision {
  if (round.entrants.length > 0) return race(state, round);
  const suggestions = networks(state).map(
    ({ change, factors }) => ({ kind: 'network', axes: [], change, factors }) as const,
  );
  const events = proposed(state, round, suggestions, state.recipe.batchSize);
  if (events.length > 0) return append(...events);
  return proposeFinal(round, 'no other network near the target is allowed by the data and the memory');
}

export function decidePopulation(state: SearchState, networks: Networks): Decision {
  const { phase } = state;
  const begun = () => append(roundStarted(state, 'population', baseOf(state).factors));
  switch (phase.kind) {
    case 'beginning':
      return beginRecipe(state) ?? begun();
    case 'round':
      return phase.step === 'recipe'
        ? chooseRecipe(state, roundOf(state, phase))
        : decideRound(state, roundOf(state, phase), networks);
    case 'chosen': {
      if (phase.step === 'recipe') return begun();
      const found = networkFound(state, winnerOf(state, roundOf(state, phase)));
      return found
        ? proposeFinal(found.candidate, found.reason)
        : fail(`round ${phase.round} left no network`);
    }
    case 'final':
      return decideFinal(state);
    case 'contraction':
      return foreign(state);
  }
}
