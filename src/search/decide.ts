/** What to do next in a search: a pure function of its state, by the search's own method. */
import { METHODS } from './methods/index.js';
import type { Decision } from './methods/method.js';
import type { SearchState } from './state.js';

export type { Decision } from './methods/method.js';

export const decide = (state: SearchState): Decision =>
  state.status.kind === 'running' ? METHODS[state.configuration.method].decide(state) : { kind: 'nothing' };
