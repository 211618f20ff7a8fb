/**
 * When searches that run will be over. Foretelling takes a processor for seconds: it is done in a process apart, anew
 * where a search has gone on, and seldom enough that it never takes more than a few per cent of a core.
 */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { openPool } from '../apart/pool.js';
import type { Ending } from '../search/planning/ending.js';
import type { SearchState } from '../search/state.js';
import type { Speed } from '../training/speed.js';
import { listWorkers } from '../workers/registry.js';
import type { Speeds } from './speeds.js';

/** What `endingOf` takes. */
export interface EndingOrder {
  readonly state: SearchState;
  readonly speeds: readonly (Speed | undefined)[];
  readonly now: Date;
}

export interface Endings {
  /** As it was foretold last; undefined for one that does not run, and until it is known. */
  of(state: SearchState): Ending | undefined;
  close(): Promise<void>;
}

interface Foretelling {
  /** Of the state that it was foretold of; undefined where that came to nothing and is to be done again. */
  readonly version: number | undefined;
  readonly ending: Ending | undefined;
  /** When it may be done anew, ms. */
  readonly next: number;
}

/** Times what one foretelling took. */
const REST = 30;
const LEAST_REST_MS = 5_000;
/** A search whose log stands still is looked at again after this long, and when it ought to be over: workers come and go. */
const STALE_MS = 60_000;

const FORETELLER = new URL('../../dist/api/foreteller.js', import.meta.url);
/** A search of hundreds of trainings takes seconds, and some hundred megabytes. */
const SECONDS = 120;
const BYTES = 2 ** 30;

export function openEndings(redis: Redis, speeds: Speeds, log: Logger): Endings {
  const foretold = new Map<string, Foretelling>();
  const foretellers = openPool<EndingOrder, Ending | undefined>(FORETELLER, {
    subject: 'searches',
    seconds: SECONDS,
    bytes: BYTES,
    atOnce: 1,
    mostWaiting: 0,
    idleMs: STALE_MS,
  });
  let working: Promise<void> | undefined;
  let closing = false;
  const foretellNow = async (state: SearchState) => {
    const { id, version, configuration } = state;
    const began = Date.now();
    let ending = foretold.get(id)?.ending;
    let foretoldVersion: number | undefined;
    try {
      const workers = await listWorkers(redis);
      const known = await speeds.known(workers, configuration.base);
      ending = await foretellers.run({ state, speeds: known, now: new Date() });
      foretoldVersion = version;
    } catch (error) {
      if (!closing) log.warn({ search: id, error: (error as Error).message }, 'its end was not foretold');
    }
    const rest = Math.max(LEAST_REST_MS, REST * (Date.now() - began));
    foretold.set(id, { version: foretoldVersion, ending, next: Date.now() + rest });
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
        working = foretellNow(state).finally(() => {
          working = undefined;
        });
      return last?.ending;
    },
    close: async () => {
      closing = true;
      await foretellers.close();
      await working;
    },
  };
}
