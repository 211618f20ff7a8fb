/** The log of searches on a real Redis: appended in order, by one at a time, and read back as it was written. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { connect } from '../../src/redis/connection.js';
import { followLogs } from '../../src/redis/following.js';
import type { NewEvent } from '../../src/search/events.js';
import { fold } from '../../src/search/fold.js';
import {
  appendEvents,
  followLog,
  listSearches,
  readLog,
  readSearch,
  searchNamed,
} from '../../src/search/log.js';
import { cancelSearch } from '../../src/search/steering.js';
import { type OwnRedis, ownRedis } from '../redis/serving.js';
import { configured, dataset, searched, wonBy } from './searching.js';

let server: OwnRedis;
let redis: Redis;
beforeAll(async () => {
  server = await ownRedis();
  redis = server.client;
});
beforeEach(() => redis.flushall());
afterAll(() => server.stop());

const creation = (search: string): NewEvent => ({
  kind: 'search-created',
  search,
  configuration: configured(),
  dataset,
});
const skipped = (reason: string): NewEvent => ({ kind: 'axis-skipped', round: 1, axis: 's', reason });

const reasonsIn = async (search: string) =>
  (await readLog(redis, search))
    .flatMap(({ events }) => events)
    .flatMap((event) => (event.kind === 'axis-skipped' ? [event.reason] : []));

describe('who follows a log', () => {
  test('ends when the log is gone', async () => {
    await appendEvents(redis, 's1', 0, [creation('s1')]);
    const following = followLogs(server.url);
    const seen: number[] = [];
    for await (const { version } of followLog(redis, following.more, 's1', 0, new AbortController().signal)) {
      seen.push(version);
      await redis.flushall();
    }
    expect(seen).toEqual([1]);
    following.close();
  });
});

describe('the log of a search', () => {
  test('gives back every event of a whole search, and with them its state', async () => {
    const { events, state } = searched(configured(), wonBy('b', 't', 's', 'd', 't'));
    for (const [version, event] of events.entries())
      expect(await appendEvents(redis, 's1', version, [event], new Date(event.at))).toBe(true);
    const entries = await readLog(redis, 's1');
    expect(entries.flatMap((entry) => entry.events)).toEqual(events);
    expect(entries.map(({ version }) => version)).toEqual(events.map((_, index) => index + 1));
    expect(await readSearch(redis, 's1')).toEqual(fold(events));
    expect((await readSearch(redis, 's1'))?.version).toBe(state.version);
  });

  test('takes one of several appends that build on the same version', async () => {
    const writers = await Promise.all(Array.from({ length: 4 }, () => connect(server.url)));
    await appendEvents(redis, 's1', 0, [creation('s1')]);
    const ROUNDS = 50;
    const won: string[] = [];
    for (let version = 1; version <= ROUNDS; version++) {
      const done = await Promise.all(
        writers.map((writer, index) =>
          appendEvents(writer, 's1', version, [skipped(`${version} by ${index}`)]),
        ),
      );
      expect(done.filter(Boolean)).toHaveLength(1);
      won.push(`${version} by ${done.indexOf(true)}`);
    }
    const reasons = await reasonsIn('s1');
    expect(reasons).toEqual(won);
    for (const writer of writers) writer.disconnect();
  });

  test('loses nothing of writers that read again and decide anew until they have it', async () => {
    await appendEvents(redis, 's1', 0, [creation('s1')]);
    const write = async (writer: string) => {
      const connection = connect(server.url);
      for (let n = 0; n < 20; n++)
        for (;;) {
          const version = (await readSearch(connection, 's1'))?.version ?? 0;
          if (await appendEvents(connection, 's1', version, [skipped(`${writer} ${n}`)])) break;
        }
      connection.disconnect();
    };
    await Promise.all(['one', 'two', 'three'].map(write));
    const reasons = await reasonsIn('s1');
    for (const writer of ['one', 'two', 'three'])
      expect(reasons.filter((reason) => reason.startsWith(writer))).toEqual(
        Array.from({ length: 20 }, (_, n) => `${writer} ${n}`),
      );
  });

  test('takes several events together or none of them', async () => {
    await appendEvents(redis, 's1', 0, [creation('s1')]);
    expect(await appendEvents(redis, 's1', 0, [skipped('late'), skipped('late')])).toBe(false);
    expect(await appendEvents(redis, 's1', 2, [skipped('early'), skipped('early')])).toBe(false);
    expect(await appendEvents(redis, 's1', 1, [skipped('a'), skipped('b')])).toBe(true);
    expect((await readLog(redis, 's1')).map(({ version }) => version)).toEqual([1, 2, 3]);
  });

  test('names an event of a form that this version does not know', async () => {
    await appendEvents(redis, 's1', 0, [creation('s1')]);
    await redis.xadd(
      'x3d:log:s1',
      '2-0',
      'event',
      JSON.stringify({ kind: 'round-started', at: '', round: 'one' }),
    );
    await expect(readSearch(redis, 's1')).rejects.toMatchObject({
      kind: 'conflict',
      facts: {
        subject: expect.stringContaining('event 2 of search s1'),
        remedy: expect.stringContaining('another version'),
      },
    });
  });

  test('of a search that there is not is empty, and asking for it by name an error', async () => {
    expect(await readLog(redis, 's0')).toEqual([]);
    expect(await readSearch(redis, 's0')).toBeUndefined();
    await expect(searchNamed(redis, 's0')).rejects.toMatchObject({ kind: 'not-found', facts: { got: 's0' } });
  });

  test('is listed with all the others, the newest first, once each', async () => {
    for (const [index, search] of ['s1', 's2', 's3'].entries())
      await appendEvents(redis, search, 0, [creation(search)], new Date(1000 * index));
    await appendEvents(redis, 's1', 1, [skipped('later')]);
    expect(await listSearches(redis, { offset: 0, limit: 2 })).toEqual({ total: 3, searches: ['s3', 's2'] });
    expect(await listSearches(redis, { offset: 2, limit: 2 })).toEqual({ total: 3, searches: ['s1'] });
  });
});

describe('a reader that follows a log', () => {
  test('gets what there is after its version, and then each event as it comes, until it is told to stop', async () => {
    await appendEvents(redis, 's1', 0, [creation('s1'), skipped('a'), skipped('b')]);
    const following = followLogs(server.url);
    onTestFinished(() => following.close());
    const reading = new AbortController();
    const versions: number[] = [];
    for await (const { version } of followLog(redis, following.more, 's1', 1, reading.signal)) {
      versions.push(version);
      if (version === 3) void appendEvents(redis, 's1', 3, [skipped('c')]);
      if (version === 4) setTimeout(() => reading.abort(), 50);
    }
    expect(versions).toEqual([2, 3, 4]);
  });

  test('shares one connection with all others, however many they are and whatever they follow', async () => {
    const following = followLogs(server.url);
    onTestFinished(() => following.close());
    const before = (await redis.info('clients')).match(/connected_clients:(\d+)/)?.[1];
    const searches = Array.from({ length: 40 }, (_, index) => `s${index % 4}`);
    for (const search of new Set(searches)) await appendEvents(redis, search, 0, [creation(search)]);
    const reading = new AbortController();
    const seen = searches.map(async (search) => {
      const versions: number[] = [];
      for await (const { version } of followLog(redis, following.more, search, 0, reading.signal)) {
        versions.push(version);
        if (version === 3) break;
      }
      return versions;
    });
    await sleep(200);
    for (const search of new Set(searches)) await appendEvents(redis, search, 1, [skipped('a')]);
    await sleep(200);
    const after = (await redis.info('clients')).match(/connected_clients:(\d+)/)?.[1];
    for (const search of new Set(searches)) await appendEvents(redis, search, 2, [skipped('b')]);
    expect(await Promise.all(seen)).toEqual(searches.map(() => [1, 2, 3]));
    expect(Number(after)).toBe(Number(before) + 1);
    reading.abort();
  });
});

describe('cancelling', () => {
  test('ends a search whatever else is written meanwhile, and does nothing the second time', async () => {
    await appendEvents(redis, 's1', 0, [creation('s1')]);
    const writing = (async () => {
      for (let version = 1; await appendEvents(redis, 's1', version, [skipped(`${version}`)]); version++)
        await sleep(Math.random());
    })();
    const cancelled = await cancelSearch(redis, 's1');
    await writing;
    expect(cancelled.status.kind).toBe('cancelled');
    expect(await cancelSearch(redis, 's1')).toEqual(await searchNamed(redis, 's1'));
    const kinds = (await readLog(redis, 's1')).flatMap(({ events }) => events.map(({ kind }) => kind));
    expect(kinds.filter((kind) => kind === 'search-cancelled')).toHaveLength(1);
  });

  test('a search that has ended is refused', async () => {
    await appendEvents(redis, 's1', 0, [creation('s1'), { kind: 'search-ended' }]);
    await expect(cancelSearch(redis, 's1')).rejects.toMatchObject({
      kind: 'conflict',
      facts: { got: 'one that is ended' },
    });
  });
});
