/**
 * The log of searches in Redis: one stream for each, an entry for each event, with the event's version as its id,
 * `<version>-0`. An append names the version it builds on and is refused where another came first, so that any number
 * of coordinators can be at one search.
 */
import type { Redis } from 'ioredis';
import { X3dError } from '../errors.js';
import { KEY_PREFIX } from '../redis/connection.js';
import { mismatches } from '../validation.js';
import { EVENTS_VERSION, type NewEvent, type SearchEvent, searchEvent, stamped } from './events.js';
import { apply } from './fold.js';
import type { SearchState } from './state.js';
import { upcast } from './upcast.js';

export interface Entry {
  /** From 1. */
  readonly version: number;
  /** One, or what an older version's event comes to. */
  readonly events: readonly SearchEvent[];
}

export const streamOf = (search: string) => `${KEY_PREFIX}:log:${search}`;
/** Ids of all searches, by the time of their creation. */
export const INDEX = `${KEY_PREFIX}:searches`;

/** KEYS: stream, index. ARGV: the version built on, the search, the time in ms, the events as JSON. */
const APPEND = `
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local version = 0
if last[1] then version = tonumber(string.match(last[1][1], '^%d+')) end
if version ~= tonumber(ARGV[1]) then return 0 end
if version == 0 then redis.call('ZADD', KEYS[2], ARGV[3], ARGV[2]) end
for i = 4, #ARGV do
  version = version + 1
  redis.call('XADD', KEYS[1], version .. '-0', 'event', ARGV[i])
end
return 1`;

/**
 * Appends events after `version`, all or none. False where the log has moved on: read it again and decide anew.
 * `at` is when they happened.
 */
export async function appendEvents(
  redis: Redis,
  search: string,
  version: number,
  events: readonly NewEvent[],
  at: Date = new Date(),
): Promise<boolean> {
  const entries = events.map((event) => JSON.stringify(stamped(event, at.toISOString())));
  const done = await redis.eval(
    APPEND,
    2,
    streamOf(search),
    INDEX,
    version,
    search,
    at.getTime(),
    ...entries,
  );
  return done === 1;
}

const removedKey = (search: string) => `${KEY_PREFIX}:removed:${search}`;
/** What is still at work for a search has seen by then that it is gone. */
const REMOVED_S = 24 * 60 * 60;

/** KEYS: stream, index, mark. ARGV: the version meant, the search, for how long the mark is kept. */
const REMOVE = `
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if not last[1] or tonumber(string.match(last[1][1], '^%d+')) ~= tonumber(ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('SET', KEYS[3], '', 'EX', ARGV[3])
return 1`;

/** Removes a log that is at `version`. False where it has moved on. */
export async function removeLog(redis: Redis, search: string, version: number): Promise<boolean> {
  const keys = [streamOf(search), INDEX, removedKey(search)];
  return (await redis.eval(REMOVE, keys.length, ...keys, version, search, REMOVED_S)) === 1;
}

/** Whether a search's log was removed lately, by whoever asked for that: one that Redis has lost is another matter. */
export async function wasRemoved(redis: Redis, search: string): Promise<boolean> {
  const [log, mark] = await Promise.all([redis.exists(streamOf(search)), redis.exists(removedKey(search))]);
  return log === 0 && mark === 1;
}

/** Undefined for what is no JSON. */
function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return undefined;
  }
}

/** Throws X3dError conflict for an event that this version does not know. */
function entryOf(search: string, state: SearchState | undefined, [id, fields]: [string, string[]]): Entry {
  const version = Number.parseInt(id, 10);
  const events = upcast(state, parsed(fields[1]));
  if (Array.isArray(events)) return { version, events };
  const { wrong } = events as { readonly wrong: unknown };
  const newer = Number((wrong as { v?: unknown } | null)?.v) > EVENTS_VERSION;
  const [first] = mismatches(searchEvent, wrong);
  throw new X3dError('conflict', {
    subject: `event ${version} of search ${search}${first && !newer ? `, ${first.field}` : ''}`,
    expected: newer ? `an event of version ${EVENTS_VERSION} or before` : (first?.expected ?? 'an event'),
    got: newer ? `one of version ${String((wrong as { v: unknown }).v)}` : (first?.got ?? 'something else'),
    remedy: 'The log was written by another version of x3d-search: go on with that one.',
  });
}

/** The state after an entry. */
export const applyEntry = (state: SearchState | undefined, { version, events }: Entry): SearchState => {
  const next = events.reduce<SearchState | undefined>(apply, state);
  if (!next) throw new Error(`entry ${version} has no event`);
  return { ...next, version };
};

/** Entries with the state after each: an older event is read in the light of those before it. */
function* folded(
  search: string,
  raw: readonly [string, string[]][],
  from?: SearchState,
): Generator<{ readonly entry: Entry; readonly state: SearchState }> {
  let state = from;
  for (const one of raw) {
    const entry = entryOf(search, state, one);
    state = applyEntry(state, entry);
    yield { entry, state };
  }
}

/** The whole log, oldest first; empty for a search that does not exist. */
export async function readLog(redis: Redis, search: string): Promise<Entry[]> {
  const entries = await redis.xrange(streamOf(search), '-', '+');
  return [...folded(search, entries)].map(({ entry }) => entry);
}

/** The state of a search, or undefined where there is none by that id. */
export async function readSearch(redis: Redis, search: string): Promise<SearchState | undefined> {
  const entries = await redis.xrange(streamOf(search), '-', '+');
  return [...folded(search, entries)].at(-1)?.state;
}

/** The last entry of a log as it stands there, which no other log of a search has; undefined where there is none. */
export async function lastEntry(redis: Redis, search: string): Promise<string | undefined> {
  const [entry] = await redis.xrevrange(streamOf(search), '+', '-', 'COUNT', 1);
  return entry && JSON.stringify(entry);
}

/** As readSearch. Throws X3dError not-found. */
export async function searchNamed(redis: Redis, search: string): Promise<SearchState> {
  const state = await readSearch(redis, search);
  if (state) return state;
  throw noSearch(search);
}

export const noSearch = (search: string): X3dError =>
  new X3dError('not-found', {
    subject: 'search',
    expected: 'the id of a search',
    got: search,
    remedy: 'GET /searches and `x3d-search status` list them.',
  });

/** Ids of searches, newest first. */
export async function listSearches(
  redis: Redis,
  { offset, limit }: { readonly offset: number; readonly limit: number },
): Promise<{ readonly total: number; readonly searches: string[] }> {
  const [total, searches] = await Promise.all([
    redis.zcard(INDEX),
    redis.zrevrange(INDEX, offset, offset + limit - 1),
  ]);
  return { total, searches };
}

/** Those of some searches that have no log. */
export async function lacksLog(redis: Redis, searches: readonly string[]): Promise<string[]> {
  if (searches.length === 0) return [];
  const known = await redis.zmscore(INDEX, ...searches);
  return searches.filter((_, index) => known[index] === null);
}

const PAGE = 100;

/** Ids of all searches, newest first. */
export async function* allSearches(redis: Redis): AsyncGenerator<string> {
  for (let offset = 0; ; offset += PAGE) {
    const { searches } = await listSearches(redis, { offset, limit: PAGE });
    yield* searches;
    if (searches.length < PAGE) return;
  }
}

/** Resolves when a search's log may have gone on past a version, and when the signal is aborted. */
export type More = (stream: string, version: number, signal: AbortSignal) => Promise<void>;

/** Entries read in one go: whoever is slow has no more of them in memory. */
const AT_ONCE = 100;

/** The events after `after`, and then each as it comes, until aborted, or until the log is gone. */
export async function* followLog(
  redis: Redis,
  more: More,
  search: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<Entry> {
  let state: SearchState | undefined;
  while (!signal.aborted) {
    const from = state?.version ?? 0;
    const entries = await redis.xrange(streamOf(search), `(${from}-0`, '+', 'COUNT', AT_ONCE);
    for (const one of folded(search, entries, state)) {
      state = one.state;
      if (one.entry.version > after) yield one.entry;
    }
    if (entries.length > 0) continue;
    // Removed with all else: nothing will ever come after what was read.
    if (from > 0 && (await redis.exists(streamOf(search))) === 0) return;
    await more(streamOf(search), from, signal);
  }
}
