/**
 * What to do next in a search: a pure function of its state, by the search's own method, unless trainings that failed
 * for good stand in the way.
 */
import { METHODS } from './methods/index.js';
import { append, type Decision } from './methods/method.js';
import { standstill } from './standstill.js';
import type { SearchState } from './state.js';

export type { Decision } from './methods/method.js';

export function decide(state: SearchState): Decision {
  if (state.status.kind !== 'running') return { kind: 'nothing' };
  const decision = METHODS[state.configuration.method].decide(state);
  const reason = standstill(state, decision);
  return reason === undefined ? decision : append({ kind: 'search-paused', reason });
}
