import { cp, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problemIn, type Stand, stand } from './stand.js';

let at: Stand;
beforeAll(async () => {
  at = await stand();
  await at.startService();
});
afterAll(() => at.close());

const refused = async (body: unknown) => problemIn(await at.post('/searches', body));
const raw = async (body: string, type = 'application/json') =>
  problemIn(await fetch(`${at.url()}/searches`, { method: 'POST', headers: { 'content-type': type }, body }));

describe('a configuration that is not valid', () => {
  test.each([
    ['an unknown field', { traget: '2M' }, 'traget: expected no such field, got "2M"'],
    ['an unknown field inside', { recipe: { epoch: 3 } }, 'recipe.epoch: expected no such field, got 3'],
    ['a field of another type', { seed: '1' }, 'seed: expected integer, got "1"'],
    ['a value out of range', { recipe: { momentum: 1 } }, 'recipe.momentum: expected < 1, got 1'],
    [
      'a name that there is not',
      { base: 'x2d-nano' },
      'base: expected one of "x2d", "x2d-micro", got "x2d-nano"',
    ],
    [
      'an amount that is none',
      { target: '2 million' },
      'target: expected a number above zero, or one with K, M, G, T or P, like "600M", got "2 million".',
    ],
    [
      'a target that the base exceeds',
      { target: 1000 },
      'target: expected at least the multiplyAdds of x2d-micro with 6 classes, 809040, got 1000. ' +
        'Raise the target, or start from a smaller base.',
    ],
    [
      'memory that the base exceeds',
      { memory: 1000 },
      expect.stringMatching(
        /^memory: expected at least what training x2d-micro takes one clip at a time, about \d+ bytes, got 1000\. /,
      ),
    ],
  ])('with %s is refused with that field, what is allowed and what came', async (_, changes, detail) => {
    const body = await refused({ data: at.data, target: '2M', ...changes });
    expect(body).toMatchObject({ type: 'urn:x3d-search:problem:invalid-input', status: 400, detail });
  });

  test('without what it needs names every field that is missing', async () => {
    expect(await refused({})).toMatchObject({
      detail: 'data: expected a value, got nothing; target: expected a value, got nothing',
      errors: [
        { field: 'data', expected: 'a value', got: 'nothing' },
        { field: 'target', expected: 'a value', got: 'nothing' },
      ],
      instance: '/searches',
    });
  });
});

describe('data that can not be used', () => {
  const videos = async (name: string, classes: string[]) => {
    const path = join(at.home.folder, name);
    for (const kind of classes) await cp(join(at.data.path, kind), join(path, kind), { recursive: true });
    return path;
  };

  test('because the folder is not there', async () => {
    expect(await refused({ data: { path: '/nowhere' }, target: '2M' })).toMatchObject({
      type: 'urn:x3d-search:problem:data',
      status: 422,
      detail: expect.stringMatching(/^\/nowhere: expected a folder that can be read, got no such folder\./),
    });
  });

  test('because it has one class only', async () => {
    const path = await videos('one', ['rising']);
    const body = await refused({ data: { ...at.data, path }, target: '2M' });
    expect(body).toMatchObject({ status: 422, detail: expect.stringMatching(/at least (two|2) classes/) });
  });

  test('because too many files can not be decoded, and leaves no search behind', async () => {
    const path = await videos('broken', ['rising', 'falling']);
    for (let i = 0; i < 3; i++) await writeFile(join(path, 'rising', `noise${i}_x.mp4`), 'no video');
    const body = await refused({ data: { ...at.data, path }, target: '2M' });
    expect(body).toMatchObject({ status: 422, detail: expect.stringContaining('noise0_x.mp4') });
    expect(await (await at.get('/searches')).json()).toMatchObject({ total: 0 });
  });
});

describe('a request that is none', () => {
  test('is told that its JSON is malformed', async () => {
    expect(await raw('{"data":')).toMatchObject({
      status: 400,
      detail: expect.stringContaining('not valid JSON'),
    });
  });

  test('is told that its body is not an object', async () => {
    expect(await raw('3')).toMatchObject({ status: 400, detail: 'body: expected object, got 3' });
  });

  test('is told that its media type is not taken', async () => {
    expect(await raw('data: x', 'text/yaml')).toMatchObject({ status: 415, title: 'Unsupported Media Type' });
    expect(await raw('data: x', 'text/plain')).toMatchObject({ status: 415 });
  });

  test('is told that its body is too large', async () => {
    expect(await raw(JSON.stringify({ name: 'x'.repeat(300_000) }))).toMatchObject({ status: 413 });
  });

  test('is told of a route, a search, a candidate and a page that are not there', async () => {
    expect(await problemIn(await at.get('/search'))).toMatchObject({
      status: 404,
      detail: 'GET /search: expected a method and path of this service. See /docs.',
    });
    expect(await problemIn(await at.get('/searches/s0'))).toMatchObject({
      status: 404,
      detail: 'search: expected the id of a search, got s0. GET /searches and `x3d-search status` list them.',
    });
    for (const path of ['trajectory', 'events', 'artifacts', 'artifacts/x', 'candidates/c0'])
      expect((await problemIn(await at.get(`/searches/s0/${path}`))).status, path).toBe(404);
    expect((await problemIn(await at.post('/searches/s0/cancel'))).status).toBe(404);
    expect(await problemIn(await at.get('/searches?limit=0'))).toMatchObject({
      status: 400,
      detail: 'limit: expected >= 1, got 0',
    });
    expect(await problemIn(await at.get('/searches?page=2'))).toMatchObject({
      detail: 'page: expected no such field, got 2',
    });
    expect(await problemIn(await at.get('/searches/s0/events', { 'last-event-id': 'x' }))).toMatchObject({
      status: 400,
      detail: 'Last-Event-ID: expected the id of an event of this stream, a whole number, got x.',
    });
  });

  test('gets a problem document even where the path is not well-formed', async () => {
    const { hostname, port } = new URL(at.url());
    const response = await new Promise<{ status: number | undefined; type: string | undefined }>(
      (done, fail) => {
        request({ hostname, port, path: '/searches/%E0%A4%A' }, (answer) =>
          done({ status: answer.statusCode, type: answer.headers['content-type'] }),
        )
          .on('error', fail)
          .end();
      },
    );
    expect(response).toEqual({ status: 400, type: 'application/problem+json' });
  });
});

describe('the service', () => {
  test('lives and is ready', async () => {
    expect(await (await at.get('/healthz')).json()).toEqual({ status: 'ok' });
    expect(await (await at.get('/readyz')).json()).toEqual({
      status: 'ready',
      redis: 'ok',
      workers: 0,
      note: expect.stringContaining('searches wait'),
    });
    expect(await (await at.get('/workers')).json()).toEqual({ workers: [] });
  });

  test('shows its documents to people', async () => {
    expect((await at.get('/docs/')).status).toBe(200);
  });

  test('leaves a search that another version wrote to that version, and goes on with the others', async () => {
    const redis = new Redis(at.redisUrl);
    await redis.zadd('x3d:searches', 1, 'sold');
    await redis.xadd('x3d:log:sold', '1-0', 'event', '{"kind":"search-made"}');
    expect(await problemIn(await at.get('/searches/sold'))).toMatchObject({
      status: 409,
      detail: expect.stringMatching(
        /^event 1 of search sold.*another version of x3d-search: go on with that one\.$/,
      ),
    });
    expect(await (await at.get('/searches')).json()).toMatchObject({ total: 1, searches: [] });
    expect((await at.get('/metrics')).status).toBe(200);
    await at.startService();
    expect((await at.get('/readyz')).status).toBe(200);
    await redis.del('x3d:searches', 'x3d:log:sold');
    redis.disconnect();
  });

  test('says that Redis is silent', async () => {
    const redis = new Redis(at.redisUrl);
    await redis.call('CLIENT', 'PAUSE', '7000', 'ALL');
    redis.disconnect();
    const ready = await problemIn(await at.get('/readyz'));
    expect(ready).toMatchObject({
      status: 503,
      detail: expect.stringMatching(/^Redis: .*got (Redis does not answer: silence|Command timed out)\./),
    });
    expect((await at.get('/healthz')).status).toBe(200);
    await expect.poll(async () => (await at.get('/readyz')).status, { timeout: 10_000 }).toBe(200);
  });

  test('says that Redis is gone, and goes on when it is back', async () => {
    await at.killRedis();
    expect(await problemIn(await at.get('/searches'))).toMatchObject({
      status: 503,
      type: 'urn:x3d-search:problem:environment',
      detail: expect.stringMatching(
        /^Redis: expected to answer, got .+ Try again in a moment; see \/readyz\.$/,
      ),
    });
    await at.reviveRedis();
    await expect.poll(async () => (await at.get('/readyz')).status, { timeout: 10_000 }).toBe(200);
  });
});
