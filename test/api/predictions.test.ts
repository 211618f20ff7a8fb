/** A video that is sent to be looked at: how large it may be, and what ends the process that looks at it. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { buildApp } from '../../src/api/app.js';
import { BOUNDS, type Bounds } from '../../src/bounds.js';
import { type Home, homeAt } from '../../src/home.js';
import { connect } from '../../src/redis/connection.js';
import { startRedis } from '../../src/redis/embedded.js';
import { childrenOf, gone } from '../processes.js';

/** Of a search that has ended; beside its network lies a file so large that whoever sums it takes hours. */
const SEARCH = 's1';

let folder: string;
let home: Home;
let redis: Awaited<ReturnType<typeof startRedis>>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'x3d-sent-'));
  home = homeAt(join(folder, 'home'));
  redis = await startRedis(home);
  const log = readFileSync(new URL('../fixtures/logs/v2-finished.jsonl', import.meta.url), 'utf8');
  const client = connect(redis.url);
  for (const [index, line] of log.trim().split('\n').entries())
    await client.xadd(`x3d:log:${SEARCH}`, `${index + 1}-0`, 'event', line);
  client.disconnect();
  mkdirSync(join(home.run(SEARCH), 'network'), { recursive: true });
  const network = join(home.run(SEARCH), 'network');
  writeFileSync(join(network, 'network.json'), '{}');
  writeFileSync(join(network, 'large'), '');
  truncateSync(join(network, 'large'), 2 ** 40);
  writeFileSync(join(network, 'SHA256SUMS'), `${'0'.repeat(64)}  large\n`);
});
afterAll(async () => {
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

type Sent = string | Uint8Array<ArrayBuffer> | ReadableStream;

async function service(bounds: Partial<Bounds> = {}) {
  const app = await buildApp({
    redisUrl: redis.url,
    home,
    log: pino({ level: 'silent' }),
    bounds: { ...BOUNDS, ...bounds },
  });
  onTestFinished(() => app.close());
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  const send = (body: Sent, signal?: AbortSignal) =>
    fetch(`${url}/searches/${SEARCH}/predictions`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body,
      ...(signal ? { signal } : {}),
      ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
    } as RequestInit);
  return {
    send,
    refusal: async (body: Sent) => {
      const answer = await send(body);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      return (await answer.json()) as object;
    },
    serves: async () => expect((await fetch(`${url}/healthz`)).status).toBe(200),
  };
}

async function viewer(): Promise<number> {
  await expect.poll(() => childrenOf(process.pid, 'viewer.js'), { timeout: 20_000 }).toHaveLength(1);
  return childrenOf(process.pid, 'viewer.js')[0] as number;
}

describe('a video that is sent', () => {
  test('is refused where it is larger than what is taken, whether it says so or not', async () => {
    const { refusal, serves } = await service({ uploadBytes: 2 ** 20 });
    const bytes = new Uint8Array(2 ** 20 + 1);
    const detail = 'body: expected a video of at most 1 MB, got more.';
    expect(await refusal(bytes)).toMatchObject({ status: 413, detail });
    // A client that says no length and never stops.
    const endless = new ReadableStream({ pull: (to) => to.enqueue(bytes.subarray(0, 2 ** 16)) });
    expect(await refusal(endless)).toMatchObject({ status: 413, detail });
    expect(childrenOf(process.pid, 'viewer.js')).toEqual([]);
    await serves();
  });

  test.each([
    ['longer', { viewingSeconds: 3 }, 'one that took longer than 3 s'],
    ['more memory', { viewingBytes: 2 ** 20 }, 'one that took more than 1 MiB of memory'],
  ])('that takes %s than it may is refused, and the service goes on', async (_, bounds, got) => {
    const { refusal, serves } = await service(bounds);
    expect(await refusal('video')).toMatchObject({
      status: 422,
      type: 'urn:x3d-search:problem:data',
      detail: `video: expected one that can be looked at, got ${got}.`,
    });
    await serves();
  });

  test('that ends its process is refused, and the next one is looked at', async () => {
    const { refusal } = await service({ viewingSeconds: 20 });
    const first = refusal('video');
    const pid = await viewer();
    const second = refusal('another');
    process.kill(pid, 'SIGKILL');
    expect(await first).toMatchObject({
      status: 422,
      detail: expect.stringContaining('one that ended the process that looked at it (SIGKILL)'),
    });
    await expect.poll(() => childrenOf(process.pid, 'viewer.js')[0], { timeout: 20_000 }).not.toBe(pid);
    process.kill(await viewer(), 'SIGKILL');
    expect(await second).toMatchObject({ status: 422 });
  });

  test('is refused where many are being sent, before any of it is taken', async () => {
    const { send, refusal } = await service();
    const leaving = new AbortController();
    const slow = () => new ReadableStream({ start: (to) => to.enqueue(new Uint8Array(1)) });
    // Where they are kept.
    vi.stubEnv('TMPDIR', folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    const sent = Array.from({ length: 9 }, () => send(slow(), leaving.signal).catch(() => {}));
    const sentFolders = () => readdirSync(folder).filter((name) => name.startsWith('x3d-video-')).length;
    await expect.poll(sentFolders, { timeout: 20_000 }).toBe(9);
    expect(await refusal('video')).toMatchObject({
      status: 429,
      detail: expect.stringContaining('at most 9 that are sent or looked at'),
    });
    leaving.abort();
    await Promise.all(sent);
    await expect.poll(sentFolders, { timeout: 20_000 }).toBe(0);
  });

  test('is looked at no longer than whoever sent it waits', async () => {
    const { send } = await service();
    const leaving = new AbortController();
    const answer = send('video', leaving.signal);
    const pid = await viewer();
    leaving.abort();
    await expect(answer).rejects.toThrow();
    await gone(pid);
  });
});
