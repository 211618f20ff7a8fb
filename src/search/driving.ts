/**
 * A search in memory: the same decisions as the coordinator's, carried out without Redis. Whoever drives it says how
 * trainings end; how, and how many at once, is theirs.
 */
import { decide } from './decide.js';
import { type NewEvent, type SearchEvent, stamped } from './events.js';
import { apply } from './fold.js';
import type { SearchState, TrainingState } from './state.js';

/** Trainings that a search waits for. */
export interface Wanted {
  readonly state: SearchState;
  readonly trainings: readonly TrainingState[];
}

export interface Driving {
  /** ISO time. */
  readonly now: () => string;
  /** Each event, once it is part of the search. */
  readonly record?: (event: SearchEvent) => void;
}

/**
 * Goes on with a search as far as is known: yields the trainings that it waits for, and takes the events that say how some
 * of them ended. Returns the state in which there is nothing left to do.
 */
export function* drive(
  begun: SearchState,
  { now, record = () => {} }: Driving,
): Generator<Wanted, SearchState, readonly NewEvent[]> {
  let state = begun;
  const take = (events: readonly NewEvent[]) => {
    for (const event of events.map((one) => stamped(one, now()))) {
      state = apply(state, event);
      record(event);
    }
  };
  for (;;) {
    const decision = decide(state);
    switch (decision.kind) {
      case 'append':
        take(decision.events);
        break;
      case 'train':
        take(yield { state, trainings: decision.trainings });
        break;
      case 'end':
        take([{ kind: 'search-ended' }]);
        break;
      case 'nothing':
        return state;
    }
  }
}
