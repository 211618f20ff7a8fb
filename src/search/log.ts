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

const streamOf = (search: string) => `${KEY_PREFIX}:log:${search}`;
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

function entryOf(search: string, [id, fields]: [string, string[]]): Entry {
  const version = Number.parseInt(id, 10);
  const event: unknown = JSON.parse(fields[1] ?? 'null');
  if (searchEvent.Check(event)) return { version, event };
  const [first] = mismatches(searchEvent, event);
  throw new X3dError('conflict', {
    subject: `event ${version} of search ${search}${first ? `, ${first.field}` : ''}`,
    expected: first?.expected ?? 'an event',
    got: first?.got ?? 'something else',
    remedy: 'The log was written by another version of x3d-search: go on with that one.',
  });
}

/** The events after `after`, oldest first; empty for a search that does not exist. */
export async function readLog(redis: Redis, search: string, after = 0): Promise<Entry[]> {
  const entries = await redis.xrange(streamOf(search), `(${after}-0`, '+');
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

const BLOCK_MS = 5000;

/**
 * The events after `after`, and then each as it comes, until aborted. Takes a connection of its own, since reading
 * blocks it.
 */
export async function* followLog(
  redis: Redis,
  search: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<Entry> {
  const reader = redis.duplicate();
  reader.on('error', () => {});
  const disconnect = () => reader.disconnect();
  signal.addEventListener('abort', disconnect);
  let version = after;
  try {
    while (!signal.aborted) {
      const read = await reader
        .xread('COUNT', 100, 'BLOCK', BLOCK_MS, 'STREAMS', streamOf(search), `${version}-0`)
        .catch((error) => {
          if (signal.aborted) return null;
          throw error;
        });
      for (const [, entries] of read ?? [])
        for (const raw of entries) {
          const entry = entryOf(search, raw);
          yield entry;
          version = entry.version;
        }
    }
  } finally {
    signal.removeEventListener('abort', disconnect);
    reader.disconnect();
  }
}
