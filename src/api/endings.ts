/**
 * When searches that run will be over. Foretelling takes a processor for a moment: it is done beside the requests, anew
 * where a search has gone on, and seldom enough that it never takes more than a few per cent of a core.
 */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { type Ending, endingOf } from '../search/planning/ending.js';
import type { SearchState } from '../search/state.js';
import { listWorkers } from '../workers/registry.js';
import type { Speeds } from './speeds.js';

export interface Endings {
  /** As it was foretold last; undefined for one that does not run, and until it is known. */
  of(state: SearchState): Ending | undefined;
  close(): Promise<void>;
}

interface Foretelling {
  readonly version: number;
  readonly ending: Ending | undefined;
  /** When it may be done anew, ms. */
  readonly next: number;
}

/** Times what one foretelling took. */
const REST = 30;
const LEAST_REST_MS = 5_000;
/** A search whose log stands still is looked at again after this long, and when it ought to be over: workers come and go. */
const STALE_MS = 60_000;

export function openEndings(redis: Redis, speeds: Speeds, log: Logger): Endings {
  const foretold = new Map<string, Foretelling>();
  let working: Promise<void> | undefined;
  const foretellNow = async (state: SearchState) => {
    const began = Date.now();
    const workers = await listWorkers(redis);
    const known = await speeds.known(workers, state.configuration.base);
    const ending = await endingOf(state, known, new Date());
    const rest = Math.max(LEAST_REST_MS, REST * (Date.now() - began));
    foretold.set(state.id, { version: state.version, ending, next: Date.now() + rest });
  };
  return {
    of: (state) => {
      const { id, version, status } = state;
      if (status.kind !== 'running') {
        foretold.delete(id);
        return undefined;
      }
      const last = foretold.get(id);
      const isDue = !last || (Date.now() >= last.next && version !== last.version);
      const isPast = last?.ending !== undefined && Date.now() > Date.parse(last.ending.likely);
      const isStale = last !== undefined && Date.now() >= last.next + (isPast ? 0 : STALE_MS);
      if (!working && (isDue || isStale))
        working = foretellNow(state)
          .catch((error: Error) => log.warn({ search: id, error: error.message }, 'its end was not foretold'))
          .finally(() => {
            working = undefined;
          });
      return last?.ending;
    },
    close: async () => {
      await working;
    },
  };
}
