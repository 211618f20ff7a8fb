/** Videos that take longer to be looked at than a request waits. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildApp } from '../../src/api/app.js';
import type { App } from '../../src/api/service.js';
import { makeDemoVideos } from '../../src/data/demo/index.js';
import type { DataConfiguration } from '../../src/data/index.js';
import { type Home, homeAt } from '../../src/home.js';
import { startRedis } from '../../src/redis/embedded.js';

let folder: string;
let home: Home;
let redis: Awaited<ReturnType<typeof startRedis>>;
let data: DataConfiguration;
let app: App;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x3d-readings-'));
  home = homeAt(join(folder, 'home'));
  redis = await startRedis(home);
  data = makeDemoVideos(join(folder, 'videos'), { scenes: 5 });
  // To look at videos takes longer, to recall them does not.
  app = await buildApp({
    redisUrl: redis.url,
    home,
    dataRoots: [folder],
    log: pino({ level: 'silent' }),
    patienceMs: 60,
  });
});
afterEach(async () => {
  await app.close();
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

const ask = (changes: object = {}) =>
  app.inject({ method: 'POST', url: '/searches', payload: { data, target: '2M', ...changes } });
const searches = async () => (await app.inject('/searches')).json();

describe('videos that take longer to be looked at than a request waits', () => {
  test('are answered with how far it is and when to ask again, until the search is there', async () => {
    const first = await ask();
    expect(first.statusCode).toBe(503);
    expect(first.headers['retry-after']).toBe('5');
    expect(first.json()).toMatchObject({
      type: 'urn:x3d-search:problem:not-ready',
      detail: expect.stringMatching(
        /videos: expected videos that were looked at before, .*, got \d+ of (0|30) so far\. Ask again: /,
      ),
    });
    await expect.poll(async () => (await ask()).statusCode, { timeout: 30_000 }).toBe(201);
    expect(await searches()).toMatchObject({ total: 1 });
  });

  test('are refused, once they have been looked at, as they would have been at once', async () => {
    const wrong = { data: { ...data, group: '(nobody)' } };
    await expect.poll(async () => (await ask(wrong)).statusCode, { timeout: 30_000 }).toBe(400);
    expect(await searches()).toMatchObject({ total: 0 });
    // However often it was asked: nothing is kept of searches that were not begun.
    const client = new Redis(redis.url);
    expect(await client.keys('x3d:*own*')).toEqual([]);
    expect(await client.keys('x3d:account:*')).toEqual([]);
    client.disconnect();
  });
});
