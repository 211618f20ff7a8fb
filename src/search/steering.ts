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

/**
 * Throws X3dError: not-found, conflict for a search in a state that does not allow it, changed for one that is not at
 * `version`, where one is given.
 */
async function move(
  redis: Redis,
  search: string,
  { event, from, to }: Move,
  version?: number,
): Promise<SearchState> {
  for (;;) {
    const state = await searchNamed(redis, search);
    if (version !== undefined && state.version !== version)
      throw new X3dError('changed', {
        subject: `search ${search}`,
        expected: `version ${version}, as it was looked at`,
        got: `version ${state.version}`,
        remedy: 'Look at it again.',
      });
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
export const pauseSearch = (redis: Redis, search: string, version?: number): Promise<SearchState> =>
  move(redis, search, { event: { kind: 'search-paused' }, from: ['running'], to: 'paused' }, version);

/** Throws as `move`. */
export const resumeSearch = (redis: Redis, search: string, version?: number): Promise<SearchState> =>
  move(redis, search, { event: { kind: 'search-resumed' }, from: ['paused'], to: 'running' }, version);

/** Throws as `move`. */
export const cancelSearch = (redis: Redis, search: string, version?: number): Promise<SearchState> =>
  move(
    redis,
    search,
    { event: { kind: 'search-cancelled' }, from: ['running', 'paused'], to: 'cancelled' },
    version,
  );
