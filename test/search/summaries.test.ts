/** Summaries of many searches on a real Redis: a log that stands still is not read again. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { homeAt } from '../../src/home.js';
import { connect } from '../../src/redis/connection.js';
import { type EmbeddedRedis, startRedis } from '../../src/redis/embedded.js';
import type { NewEvent } from '../../src/search/events.js';
import { appendEvents } from '../../src/search/log.js';
import { keepSummaries } from '../../src/search/summaries.js';
import { configured, dataset, scored, searched } from './searching.js';

let folder: string;
let server: EmbeddedRedis;
let redis: Redis;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x3d-summaries-'));
  server = await startRedis(homeAt(folder));
  redis = connect(server.url);
});
beforeEach(() => redis.flushall());
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const configuration = configured({ target: '0.1G' });
const SEARCHES = Array.from({ length: 100 }, (_, index) => `s${index}`);
const ended = searched(configuration, () => scored(0.5)).events;
const write = (search: string, events: readonly NewEvent[]) => appendEvents(redis, search, 0, events);
/** How many logs Redis was asked for since it was last counted. */
async function logsRead(): Promise<number> {
  const stats = await redis.info('commandstats');
  await redis.config('RESETSTAT');
  return Number(/cmdstat_xrange:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

test('of 100 searches that ended are made once, and then of those alone that go on', async () => {
  for (const search of SEARCHES) await write(search, ended);
  const summaries = keepSummaries(redis, 100, ({ version, status }) => ({ version, status: status.kind }));
  const all = () => Promise.all(SEARCHES.map((search) => summaries.of(search)));
  await logsRead();
  const first = await all();
  expect(new Set(first.map((one) => one?.status))).toEqual(new Set(['ended']));
  expect(await logsRead()).toBe(100);
  expect(await all()).toEqual(first);
  expect(await logsRead()).toBe(0);
  const next = { kind: 'search-paused' } as const;
  expect(await appendEvents(redis, 's7', first[7]?.version ?? 0, [next])).toBe(true);
  expect((await all())[7]).toEqual({ version: (first[7]?.version ?? 0) + 1, status: 'paused' });
  expect(await logsRead()).toBe(1);
});

test('are of the log that is there: one that is gone has none, and another in its place its own', async () => {
  const summaries = keepSummaries(redis, 100, ({ configuration: { seed } }) => seed);
  const creation = (seed: number): NewEvent[] => [
    { kind: 'search-created', search: 's1', configuration: { ...configuration, seed }, dataset },
  ];
  await write('s1', creation(1));
  expect(await summaries.of('s1')).toBe(1);
  await redis.flushall();
  expect(await summaries.of('s1')).toBeUndefined();
  await write('s1', creation(2));
  expect(await summaries.of('s1')).toBe(2);
  await redis.flushall();
  await write('s1', creation(3));
  expect(await summaries.of('s1')).toBe(3);
});

test('beyond the bound are those that were made last', async () => {
  const summaries = keepSummaries(redis, 2, ({ id }) => id);
  const created = { kind: 'search-created', configuration, dataset } as const;
  for (const search of ['a', 'b', 'c']) await write(search, [{ ...created, search }]);
  for (const search of ['a', 'b', 'c', 'b', 'c']) expect(await summaries.of(search)).toBe(search);
  await logsRead();
  for (const search of ['b', 'c']) await summaries.of(search);
  expect(await logsRead()).toBe(0);
  await summaries.of('a');
  expect(await logsRead()).toBe(1);
});
