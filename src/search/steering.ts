/** What users decide about a search that there is: to pause it, to go on with it, to end it. */
import type { Redis } from 'ioredis';
import { X3dError } from '../errors.js';
import type { NewEvent } from './events.js';
import { appendEvents, searchNamed } from './log.js';
import type { SearchState, SearchStatus } from './state.js';

interface Move {
  readonly event: NewEvent;
  readonly from: readonly SearchStatus['kind'][];
  /** A search that is there already stays as it is. */
  readonly to: SearchStatus['kind'];
}

/** Throws X3dError: not-found, or conflict for a search in a state that does not allow it. */
async function move(redis: Redis, search: string, { event, from, to }: Move): Promise<SearchState> {
  for (;;) {
    const state = await searchNamed(redis, search);
    const { kind } = state.status;
    if (kind === to) return state;
    if (!from.includes(kind))
      throw new X3dError('conflict', {
        subject: `search ${search}`,
        expected: `a ${from.join(' or ')} search`,
        got: `one that is ${kind}`,
      });
    if (await appendEvents(redis, search, state.version, [event])) return searchNamed(redis, search);
  }
}

/** Nothing is done in it until it is resumed; trainings stop, and keep their checkpoints. Throws as `move`. */
export const pauseSearch = (redis: Redis, search: string): Promise<SearchState> =>
  move(redis, search, { event: { kind: 'search-paused' }, from: ['running'], to: 'paused' });

/** Throws as `move`. */
export const resumeSearch = (redis: Redis, search: string): Promise<SearchState> =>
  move(redis, search, { event: { kind: 'search-resumed' }, from: ['paused'], to: 'running' });

/** Throws as `move`. */
export const cancelSearch = (redis: Redis, search: string): Promise<SearchState> =>
  move(redis, search, { event: { kind: 'search-cancelled' }, from: ['running', 'paused'], to: 'cancelled' });
