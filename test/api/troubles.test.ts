/** A Redis that stops taking writes, or holds what nobody of this program wrote. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { homeAt } from '../../src/home.js';
import { EVENTS_VERSION } from '../../src/search/events.js';
import { configured, dataset } from '../search/searching.js';
import { type Stand, stand } from './stand.js';

let at: Stand;
let redis: Redis;
beforeAll(async () => {
  at = await stand();
  await at.startService();
  redis = new Redis(at.redisUrl);
});
afterAll(async () => {
  redis.disconnect();
  await at.close();
});

const body = async (response: Response) => (await response.json()) as { status: number; detail: string };

describe('while Redis takes no writes', () => {
  test.each([
    ['as it became a replica', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE'], /is a replica/],
    [
      'as it waits for replicas',
      ['CONFIG', 'SET', 'min-replicas-to-write', '3'],
      ['CONFIG', 'SET', 'min-replicas-to-write', '0'],
      /NOREPLICAS/,
    ],
  ])(
    '%s, the service is not ready, and requests that write are told to come again',
    async (_, make, mend, why) => {
      const [name = '', ...args] = make;
      await redis.call(name, ...args);
      try {
        await expect.poll(async () => (await at.get('/readyz')).status, { timeout: 20_000 }).toBe(503);
        expect((await body(await at.get('/readyz'))).detail).toMatch(why);
        const refused = await at.post('/searches', { data: at.data, target: '2M' });
        expect(refused.status).toBe(503);
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
        expect((await at.get('/healthz')).status).toBe(200);
        expect((await at.get('/searches')).status).toBe(200);
      } finally {
        const [name = '', ...args] = mend;
        await redis.call(name, ...args);
      }
      await expect.poll(async () => (await at.get('/readyz')).status, { timeout: 20_000 }).toBe(200);
    },
  );
});

describe('what comes out of Redis', () => {
  test('leads to no file outside of the home, whatever it is called', async () => {
    const secret = join(at.home.folder, '..', 'elsewhere');
    await mkdir(secret, { recursive: true });
    await writeFile(join(secret, 'secret.txt'), 'secret');
    const forged = '../../elsewhere';
    const event = {
      kind: 'search-created',
      v: EVENTS_VERSION,
      at: new Date().toISOString(),
      search: forged,
      configuration: configured(),
      dataset,
    };
    await redis.xadd(`x3d:log:${forged}`, '1-0', 'event', JSON.stringify(event));
    const listed = await at.get(`/searches/${encodeURIComponent(forged)}/artifacts`);
    expect(listed.status).toBe(404);
    expect(
      await (await at.get(`/searches/${encodeURIComponent(forged)}/artifacts/secret.txt`)).text(),
    ).not.toContain('"secret"');
    for (const id of [forged, '..', '.', '', 'a/b', 'a\\b', '/etc', 'x'.repeat(65), 'a\0', '-x', 'é']) {
      expect(() => homeAt('/home').candidate(id), id).toThrow(/^id: expected one to 64 letters/);
      expect(() => homeAt('/home').run(id), id).toThrow(/^id: expected one to 64 letters/);
    }
    await redis.del(`x3d:log:${forged}`);
  });

  test('and is no event, no worker or no JSON is told of or left out, never a fault of the service', async () => {
    await redis.zadd('x3d:searches', 1, 'sodd');
    await redis.xadd('x3d:log:sodd', '1-0', 'event', '{"kind": ');
    await redis.sadd('x3d:workers', 'a', 'b', 'c');
    await redis.set('x3d:worker:a', 'no JSON', 'EX', 60);
    await redis.set('x3d:worker:b', '{"id": 3}', 'EX', 60);
    await redis.set('x3d:worker:c', JSON.stringify({ id: 'c', memoryBytes: -1 }), 'EX', 60);
    expect((await body(await at.get('/searches/sodd'))).status).toBe(409);
    expect(await (await at.get('/workers')).json()).toEqual({ workers: [] });
    const jobs = { c1: 'no JSON', c2: '[]', c3: '{"version":3}' };
    for (const [id, data] of Object.entries(jobs)) {
      await redis.hset(`x3d:candidates:${id}`, { name: 'training', data, timestamp: 1, opts: '{}' });
      await redis.lpush('x3d:candidates:wait', id);
    }
    for (const path of ['/searches', '/metrics', '/troubles'])
      expect((await at.get(path)).status, path).toBe(200);
    // What waits there is for no worker.
    expect((await at.get('/readyz')).status).toBe(503);
    await redis.del('x3d:candidates:wait', ...Object.keys(jobs).map((id) => `x3d:candidates:${id}`));
    await redis.del('x3d:log:sodd', 'x3d:workers', 'x3d:worker:a', 'x3d:worker:b', 'x3d:worker:c');
    await redis.zrem('x3d:searches', 'sodd');
  });
});

test('figures go back to zero when nothing runs', async () => {
  const { id } = (await (await at.post('/searches', { data: at.data, target: '2M' })).json()) as {
    id: string;
  };
  const figure = async (name: string) => {
    const text = await (await at.get('/metrics')).text();
    return Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')[1],
    );
  };
  const OPEN = [
    'x3d_searches{state="running"}',
    'x3d_trainings{state="proposed"}',
    'x3d_trainings{state="started"}',
    'x3d_queue_jobs{queue="candidates",state="waiting"}',
    'x3d_queue_jobs{queue="candidates",state="active"}',
    'x3d_queue_jobs{queue="coordination",state="delayed"}',
    'x3d_workers{state="training"}',
  ];
  await expect.poll(() => figure('x3d_trainings{state="proposed"}'), { timeout: 20_000 }).toBeGreaterThan(0);
  await expect
    .poll(() => figure('x3d_queue_jobs{queue="candidates",state="waiting"}'), { timeout: 20_000 })
    .toBeGreaterThan(0);
  await at.post(`/searches/${id}/cancel`);
  for (const name of OPEN) await expect.poll(() => figure(name), { timeout: 20_000, message: name }).toBe(0);
});
