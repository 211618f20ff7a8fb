/** Methods that propose all their networks at once, near the target, and let them race. */
import type { Factors } from '../../network/index.js';
import { candidateNamed, type SearchState } from '../state.js';
import { baseOf } from '../work.js';
import { decideFinal, networkFound, proposeFinal } from './ending.js';
import { append, type Decision, fail } from './method.js';
import { proposed, roundStarted } from './proposals.js';
import { race } from './racing.js';
import { decideRecipe } from './recipes.js';

export interface Proposal {
  /** What makes it, for people. */
  readonly change: string;
  readonly factors: Factors;
}

export function decidePopulation(
  state: SearchState,
  networks: (state: SearchState) => readonly Proposal[],
): Decision {
  if (state.final) return decideFinal(state, state.final);
  const recipe = decideRecipe(state);
  if (recipe) return recipe;
  const round = state.rounds.at(-1);
  if (round?.step !== 'population') return append(roundStarted(state, 'population', baseOf(state).factors));
  if (round.winner) {
    const found = networkFound(state, candidateNamed(state, round.winner.candidate));
    return found ? proposeFinal(found.candidate, found.reason) : fail(`round ${round.round} left no network`);
  }
  if (round.entrants.length > 0) return race(state, round);
  const suggestions = networks(state).map(
    ({ change, factors }) => ({ kind: 'network', axes: [], change, factors }) as const,
  );
  const events = proposed(state, round, suggestions, state.recipe.batchSize);
  if (events.length > 0) return append(...events);
  return proposeFinal(round, 'no other network near the target is allowed by the data and the memory');
}
