/** What one client may take of the service, and what it may send. */
import { connect as dial } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createToken } from '../../src/api/tokens.js';
import { problemIn, type Stand, stand } from './stand.js';

let at: Stand;
beforeAll(async () => {
  at = await stand();
  await at.startService();
});
afterAll(() => at.close());

const raw = (text: string): Promise<string> =>
  new Promise((done, fail) => {
    const { hostname, port } = new URL(at.url());
    let answer = '';
    const socket = dial(Number(port), hostname, () => socket.write(text));
    socket.on('data', (bytes) => {
      answer += bytes.toString();
    });
    socket.on('close', () => done(answer));
    socket.on('error', fail);
  });
const send = (body: string, headers: Record<string, string> = {}) =>
  fetch(`${at.url()}/searches`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
const configuration = (changes: object = {}) => ({ data: at.data, target: '2M', ...changes });

describe('numbers and nesting from outside', () => {
  test('that would hold the service up are refused at once', async () => {
    const asked = Date.now();
    const huge = configuration({ memory: 3e17, recipe: { batchSize: 1_000_000_000_039 } });
    expect(await problemIn(await send(JSON.stringify(huge)))).toMatchObject({
      status: 400,
      detail: expect.stringContaining('memory: expected <= 1000000000000000'),
    });
    expect(
      (await send(JSON.stringify(configuration({ recipe: { batchSize: 65_521 } })))).status,
    ).toBeLessThan(500);
    expect(Date.now() - asked).toBeLessThan(20_000);
    expect((await at.get('/healthz')).status).toBe(200);
  });

  test('are refused with what is allowed, whatever their size', async () => {
    for (const offset of ['99999999999999999999', '1000000001', '9'.repeat(400), '-1', '1.5', '0x10'])
      expect((await problemIn(await at.get(`/searches?offset=${offset}`))).status, offset).toBe(400);
    const event = await at.get('/searches/s0/events', { 'last-event-id': '9'.repeat(400) });
    expect((await problemIn(event)).status).toBe(400);
  });

  test.each([
    ['brackets', '['.repeat(120_000)],
    ['closed brackets', '['.repeat(60_000) + ']'.repeat(60_000)],
    ['objects', '{"a":'.repeat(30_000)],
  ])('as deep as no configuration goes are refused: %s', async (_, text) => {
    expect(await problemIn(await send(text))).toMatchObject({
      status: 400,
      detail: 'body: expected JSON nested at most 32 deep, got more.',
    });
  });

  test('that stand in a string are no nesting', async () => {
    const { detail } = await problemIn(await send(JSON.stringify({ name: '[{"\\'.repeat(20) })));
    expect(detail).toMatch(/^data: expected a value/);
  });
});

describe('a request that is too much', () => {
  test('for its headers is answered with a problem document', async () => {
    const answer = await raw(`GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`);
    expect(answer).toMatch(
      /^HTTP\/1\.1 431 [\s\S]*content-type: application\/problem\+json[\s\S]*"status":431/,
    );
  });

  test('for a path above the documents is told that there is nothing there', async () => {
    const answer = await raw(
      'GET /docs/static/..%2f..%2f..%2fpackage.json HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 404 [\s\S]*"status":404/);
  });

  test('as it is none at all is answered, and its connection closed', async () => {
    expect(await raw('\x16\x03\x01 nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [\s\S]*"status":400/);
  });

  test('for the time that it takes to come is answered soon after, and its connection closed', async () => {
    const began = Date.now();
    const head = 'POST /searches HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json';
    expect(await raw(`${head}\r\ncontent-length: 100\r\n\r\n{`)).toMatch(
      /^HTTP\/1\.1 408 [\s\S]*"status":408/,
    );
    // Of the thirty seconds that it has: Node's own would be over a minute.
    expect(Date.now() - began).toBeLessThan(50_000);
  }, 90_000);

  test('over more connections than one client may have keeps no other out, and silent ones are let go', async () => {
    const { port, hostname } = new URL(at.url());
    const open = await Promise.all(
      Array.from(
        { length: 600 },
        () =>
          new Promise<{ closed: boolean }>((done) => {
            const state = { closed: false };
            const socket = dial(Number(port), hostname, () => done(state));
            socket.on('error', () => done(state));
            socket.on('close', () => {
              state.closed = true;
            });
            onTestFinished(() => void socket.destroy());
          }),
      ),
    );
    const held = () => open.filter(({ closed }) => !closed).length;
    await expect.poll(held, { timeout: 20_000 }).toBeLessThanOrEqual(500);
    expect(held()).toBeGreaterThan(400);
    // Of another address of this machine's.
    const other = await new Promise<string>((done, fail) => {
      let answer = '';
      const socket = dial({ port: Number(port), host: hostname, localAddress: '127.0.0.2' }, () =>
        socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n'),
      );
      socket.on('data', (bytes) => {
        answer += bytes.toString();
      });
      socket.on('close', () => done(answer)).on('error', fail);
    });
    expect(other).toMatch(/^HTTP\/1\.1 200 /);
    await expect.poll(held, { timeout: 60_000 }).toBe(0);
  }, 120_000);

  test('as one of very many is told when to come again', async () => {
    const other = await stand({ data: at.data });
    onTestFinished(() => other.close());
    await other.startService();
    let last: Response | undefined;
    for (let sent = 0; sent < 1300 && last?.status !== 429; sent += 50) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => other.get('/none')));
      last = answers.find(({ status }) => status === 429) ?? answers.at(-1);
    }
    expect(last?.status).toBe(429);
    expect((await fetch(`${other.url()}/healthz`)).status).toBe(200);
    expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await problemIn(last as Response)).detail).toMatch(/^requests: expected at most 1200 a minute/);
  });
});

describe('streams of events', () => {
  test('share one connection to Redis, and are limited for each client', async () => {
    const { id } = (await (await at.post('/searches', configuration())).json()) as { id: string };
    const redis = new Redis(at.redisUrl);
    const connections = async () => Number(/connected_clients:(\d+)/.exec(await redis.info('clients'))?.[1]);
    const before = await connections();
    const closing = new AbortController();
    const open = () => fetch(`${at.url()}/searches/${id}/events`, { signal: closing.signal });
    const streams = await Promise.all(Array.from({ length: 50 }, open));
    for (const stream of streams) expect(stream.status).toBe(200);
    await sleep(600);
    expect((await connections()) - before).toBeLessThanOrEqual(1);
    const refused = await open();
    expect(refused.status).toBe(429);
    expect((await problemIn(refused)).detail).toContain('at most 50 at once');
    closing.abort();
    await expect
      .poll(async () => {
        const again = new AbortController();
        const { status } = await fetch(`${at.url()}/searches/${id}/events`, { signal: again.signal });
        again.abort();
        return status;
      })
      .toBe(200);
    await at.post(`/searches/${id}/cancel`);
    redis.disconnect();
  });
});

describe('a search', () => {
  test('is begun once, however often the same request comes under one key', async () => {
    const headers = { 'idempotency-key': 'monday' };
    const body = JSON.stringify(configuration({ seed: 7 }));
    const answers = await Promise.all(Array.from({ length: 5 }, () => send(body, headers)));
    const ids = await Promise.all(
      answers.map(async (answer) => ((await answer.json()) as { id: string }).id),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    expect(new Set(ids).size).toBe(1);
    const other = await send(JSON.stringify(configuration({ seed: 8 })), headers);
    expect(await problemIn(other)).toMatchObject({
      status: 409,
      detail: expect.stringContaining('Idempotency-Key'),
    });
    const next = (await (await send(body, { 'idempotency-key': 'tuesday' })).json()) as { id: string };
    expect(next.id).not.toBe(ids[0]);
    for (const id of [ids[0], next.id]) await at.post(`/searches/${id}/cancel`);
  });

  test('has an ETag, under which it is not sent again, nor changed once it went on', async () => {
    const { id } = (await (await at.post('/searches', configuration({ seed: 9 }))).json()) as { id: string };
    const steer = (act: string, etag: string) =>
      fetch(`${at.url()}/searches/${id}/${act}`, { method: 'POST', headers: { 'if-match': etag } });
    await at.post(`/searches/${id}/pause`);
    const looked = await at.get(`/searches/${id}`);
    const etag = looked.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"\d+-[0-9a-f]{16}"$/);
    for (const path of ['', '/trajectory']) {
      const tag = (await at.get(`/searches/${id}${path}`)).headers.get('etag') ?? '';
      const again = await at.get(`/searches/${id}${path}`, { 'if-none-match': `"other", W/${tag}` });
      expect({ status: again.status, body: await again.text() }).toEqual({ status: 304, body: '' });
    }
    expect((await at.get(`/searches/${id}`, { 'if-none-match': '"other"' })).status).toBe(200);
    expect((await steer('resume', etag)).status).toBe(200);
    await at.post(`/searches/${id}/pause`);
    expect(await problemIn(await steer('cancel', etag))).toMatchObject({
      status: 412,
      type: 'urn:x3d-search:problem:changed',
    });
    expect(await problemIn(await steer('cancel', 'x'))).toMatchObject({ status: 400 });
    expect((await steer('cancel', '*')).status).toBe(200);
  });

  test('is of an account, which steers its own, and has no more than it may', async () => {
    const other = await stand({ data: at.data });
    onTestFinished(() => other.close());
    await other.startService();
    const token = async (account: string, scope: 'operate' | 'admin', limits: object = {}) =>
      (await createToken(other.home, { account, scope, ...limits })).token;
    const ada = await token('ada', 'operate', { searches: 2 });
    const bob = await token('bob', 'operate', { hours: 1 });
    const root = await token('root', 'admin');
    const post = (as: string, path: string, body?: object) =>
      fetch(other.url() + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${as}`, ...(body ? { 'content-type': 'application/json' } : {}) },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
    const begin = async (as: string, seed: number) => {
      const response = await post(as, '/searches', { data: other.data, target: '2M', seed });
      const body = (await response.json()) as { id: string; detail: string };
      return { ...body, status: response.status };
    };
    const first = await begin(ada, 1);
    const begun = await Promise.all([begin(ada, 2), begin(ada, 3)]);
    expect(begun.map(({ status }) => status).sort()).toEqual([201, 429]);
    expect(begun.find(({ status }) => status === 429)?.detail).toMatch(
      /^searches: expected at most 2 at once for ada/,
    );

    expect((await post(bob, `/searches/${first.id}/cancel`)).status).toBe(403);
    expect((await post(ada, `/searches/${first.id}/cancel`)).status).toBe(200);
    expect((await begin(ada, 4)).status).toBe(201);
    const { id } = await begin(bob, 5);
    expect((await post(root, `/searches/${id}/pause`)).status).toBe(200);

    const redis = new Redis(other.redisUrl);
    const outcome = {
      validation: { videos: 1, viewsPerVideo: 1, top1: 1, top5: 1, loss: 1 },
      ...{ steps: 1, seconds: 4000, clipsPerSecond: 1, peakBytes: 1 },
    };
    const [[, fields] = ['', []]] = await redis.xrange(`x3d:log:${id}`, '-', '+', 'COUNT', 1);
    expect(fields[1]).toContain('search-created');
    const cost = { multiplyAdds: 1, parameters: 1, activationBytes: 1 };
    const factors = { frames: 1, stride: 16, crop: 48, width: 1, bottleneck: 1, depth: 1 };
    const now = new Date().toISOString();
    const last = (await redis.xrevrange(`x3d:log:${id}`, '+', '-', 'COUNT', 1))[0]?.[0];
    let version = Number.parseInt(last ?? '0', 10);
    for (const event of [
      { kind: 'final-proposed', at: now, candidate: 'c1', factors, cost },
      { kind: 'candidate-finished', at: now, candidate: 'c1', outcome },
    ])
      await redis.xadd(`x3d:log:${id}`, `${++version}-0`, 'event', JSON.stringify(event));
    redis.disconnect();
    expect(await begin(bob, 6)).toMatchObject({
      status: 429,
      detail: expect.stringMatching(/^hours of training: expected at most 1 for bob, got 1\.11\./),
    });
  });
});
