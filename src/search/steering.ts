/** What users decide about a search that there is: to pause it, to go on with it, to try again what failed, to end it. */
import type { Redis } from 'ioredis';
import { X3dError } from '../errors.js';
import type { NewEvent } from './events.js';
import { appendEvents, removeLog, searchNamed } from './log.js';
import { failedForGood } from './standstill.js';
import type { SearchState, SearchStatus } from './state.js';

/** Throws X3dError changed for a search that is not at `version`, where one is given. */
function refuseChanged(state: SearchState, version: number | undefined): void {
  if (version === undefined || state.version === version) return;
  throw new X3dError('changed', {
    subject: `search ${state.id}`,
    expected: `version ${version}, as it was looked at`,
    got: `version ${state.version}`,
    remedy: 'Look at it again.',
  });
}

interface Move {
  readonly event: (state: SearchState) => NewEvent;
  readonly from: readonly SearchStatus['kind'][];
  /** A search that is there already stays as it is. */
  readonly to: SearchStatus['kind'];
  /** What else has to hold, and what to do where it does not. */
  readonly only?: {
    readonly expected: string;
    readonly holds: (state: SearchState) => boolean;
    readonly remedy: string;
  };
}

/** Whether a search waits for a person to look at what failed for good. */
const isStandstill = (status: SearchStatus): boolean =>
  status.kind === 'paused' && status.reason !== undefined;

const describe = (status: SearchStatus): string =>
  isStandstill(status)
    ? 'one that waits for a person, as trainings failed for good'
    : `one that is ${status.kind}`;

/**
 * Throws X3dError: not-found, conflict for a search in a state that does not allow it, changed for one that is not at
 * `version`, where one is given.
 */
async function move(
  redis: Redis,
  search: string,
  { event, from, to, only }: Move,
  version?: number,
): Promise<SearchState> {
  for (;;) {
    const state = await searchNamed(redis, search);
    refuseChanged(state, version);
    const { kind } = state.status;
    if (kind === to) return state;
    if (!from.includes(kind))
      throw new X3dError('conflict', {
        subject: `search ${search}`,
        expected: `a ${from.join(' or ')} search`,
        got: `one that is ${kind}`,
      });
    if (only && !only.holds(state))
      throw new X3dError('conflict', {
        subject: `search ${search}`,
        expected: only.expected,
        got: describe(state.status),
        remedy: only.remedy,
      });
    if (await appendEvents(redis, search, state.version, [event(state)])) return searchNamed(redis, search);
  }
}

/** Nothing is done in it until it is resumed; trainings stop, and keep their checkpoints. Throws as `move`. */
export const pauseSearch = (redis: Redis, search: string, version?: number): Promise<SearchState> =>
  move(redis, search, { event: () => ({ kind: 'search-paused' }), from: ['running'], to: 'paused' }, version);

/** Throws as `move`, and conflict where trainings failed for good: without them it would stand still at once again. */
export const resumeSearch = (redis: Redis, search: string, version?: number): Promise<SearchState> =>
  move(
    redis,
    search,
    {
      event: () => ({ kind: 'search-resumed' }),
      from: ['paused'],
      to: 'running',
      only: {
        expected: 'a search that a user paused',
        holds: ({ status }) => !isStandstill(status),
        remedy: `\`retry ${search}\` (POST /searches/${search}/retry) tries again what failed.`,
      },
    },
    version,
  );

/** Tries again what failed for good, and goes on. Throws as `move`, and conflict where a user paused the search. */
export const retrySearch = (redis: Redis, search: string, version?: number): Promise<SearchState> =>
  move(
    redis,
    search,
    {
      event: (state) => ({ kind: 'search-retried', trainings: [...failedForGood(state)] }),
      from: ['paused'],
      to: 'running',
      only: {
        expected: 'a search that waits for a person, as trainings failed for good',
        holds: ({ status }) => isStandstill(status),
        remedy: 'Resume it.',
      },
    },
    version,
  );

/** Throws as `move`. */
export const cancelSearch = (redis: Redis, search: string, version?: number): Promise<SearchState> =>
  move(
    redis,
    search,
    { event: () => ({ kind: 'search-cancelled' }), from: ['running', 'paused'], to: 'cancelled' },
    version,
  );

/**
 * Forgets a search that does not run, and gives back what it was. Its folders are the caller's to remove. Throws X3dError:
 * not-found, conflict for one that runs, changed as `move`.
 */
export async function removeSearch(redis: Redis, search: string, version?: number): Promise<SearchState> {
  for (;;) {
    const state = await searchNamed(redis, search);
    refuseChanged(state, version);
    if (state.status.kind === 'running')
      throw new X3dError('conflict', {
        subject: `search ${search}`,
        expected: 'a search that does not run',
        got: 'one that does',
        remedy: 'Pause or cancel it first.',
      });
    if (await removeLog(redis, search, state.version)) return state;
  }
}
