/**
 * What is asked of many searches again and again, made once for each state of a log: where its last entry is as it was,
 * nothing else of it is read.
 */
import type { Redis } from 'ioredis';
import { lastEntry, readSearch } from './log.js';
import type { SearchState } from './state.js';

export interface Summaries<Summary> {
  /** Undefined where there is no such search. Throws what readSearch throws. */
  of(search: string): Promise<Summary | undefined>;
}

/** `most` are kept, those that were made last. */
export function keepSummaries<Summary>(
  redis: Redis,
  most: number,
  summarise: (state: SearchState) => Summary,
): Summaries<Summary> {
  const kept = new Map<string, { readonly last: string; readonly summary: Summary }>();
  return {
    of: async (search) => {
      // Before the log: what is appended in between is seen next time.
      const last = await lastEntry(redis, search);
      const known = kept.get(search);
      if (known && known.last === last) return known.summary;
      kept.delete(search);
      const state = await readSearch(redis, search);
      if (!state || last === undefined) return undefined;
      const summary = summarise(state);
      kept.set(search, { last, summary });
      for (const oldest of kept.keys()) {
        if (kept.size <= most) break;
        kept.delete(oldest);
      }
      return summary;
    },
  };
}
