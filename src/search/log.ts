/**
 * The log of searches in Redis: one stream for each, an entry for each event, with the event's version as its id,
 * `<version>-0`. An append names the version it builds on and is refused where another came first, so that any number
 * of coordinators can be at one search.
 */
import type { Redis } from 'ioredis';
import { X3dError } from '../errors.js';
import { KEY_PREFIX } from '../redis/connection.js';
import { mismatches } from '../validation.js';
import { type NewEvent, type SearchEvent, searchEvent } from './events.js';
import { apply, type SearchState } from './state.js';

export interface Entry {
  /** From 1. */
  readonly version: number;
  readonly event: SearchEvent;
}

export const streamOf = (search: string) => `${KEY_PREFIX}:log:${search}`;
/** Ids of all searches, by the time of their creation. */
const INDEX = `${KEY_PREFIX}:searches`;

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
  const stamped = events.map((event) => JSON.stringify({ ...event, at: at.toISOString() }));
  const done = await redis.eval(
    APPEND,
    2,
    streamOf(search),
    INDEX,
    version,
    search,
    at.getTime(),
    ...stamped,
  );
  return done === 1;
}

/** Undefined for what is no JSON. */
function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return undefined;
  }
}

function entryOf(search: string, [id, fields]: [string, string[]]): Entry {
  const version = Number.parseInt(id, 10);
  const event = parsed(fields[1]);
  if (searchEvent.Check(event)) return { version, event };
  const [first] = mismatches(searchEvent, event);
  throw new X3dError('conflict', {
    subject: `event ${version} of search ${search}${first ? `, ${first.field}` : ''}`,
    expected: first?.expected ?? 'an event',
    got: first?.got ?? 'something else',
    remedy: 'The log was written by another version of x3d-search: go on with that one.',
  });
}

/** The events after `after`, oldest first, `most` of them; empty for a search that does not exist. */
export async function readLog(redis: Redis, search: string, after = 0, most?: number): Promise<Entry[]> {
  const from = `(${after}-0`;
  const entries = await (most === undefined
    ? redis.xrange(streamOf(search), from, '+')
    : redis.xrange(streamOf(search), from, '+', 'COUNT', most));
  return entries.map((entry) => entryOf(search, entry));
}

/** The state of a search, or undefined where there is none by that id. */
export async function readSearch(redis: Redis, search: string): Promise<SearchState | undefined> {
  let state: SearchState | undefined;
  for (const { event } of await readLog(redis, search)) state = apply(state, event);
  return state;
}

/** As readSearch. Throws X3dError not-found. */
export async function searchNamed(redis: Redis, search: string): Promise<SearchState> {
  const state = await readSearch(redis, search);
  if (state) return state;
  throw new X3dError('not-found', {
    subject: 'search',
    expected: 'the id of a search',
    got: search,
    remedy: 'GET /searches and `x3d-search status` list them.',
  });
}

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

/** Resolves when a search's log may have gone on past a version, and when the signal is aborted. */
export type More = (stream: string, version: number, signal: AbortSignal) => Promise<void>;

/** Entries read in one go: whoever is slow has no more of them in memory. */
const AT_ONCE = 100;

/** The events after `after`, and then each as it comes, until aborted. */
export async function* followLog(
  redis: Redis,
  more: More,
  search: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<Entry> {
  let version = after;
  while (!signal.aborted) {
    const entries = await readLog(redis, search, version, AT_ONCE);
    for (const entry of entries) {
      yield entry;
      version = entry.version;
    }
    if (entries.length === 0) await more(streamOf(search), version, signal);
  }
}
