/** What requests name is walked, matched and looked at in processes apart, within bounds, for as long as somebody waits. */
import { linkSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { buildApp } from '../../src/api/app.js';
import type { ServiceOptions } from '../../src/api/service.js';
import { BOUNDS, type Bounds } from '../../src/bounds.js';
import { homeAt } from '../../src/home.js';
import { startRedis } from '../../src/redis/embedded.js';
import { temporaryFolder, writeClasses, writeGreys } from '../data/videos.js';
import { childrenOf, gone } from '../processes.js';

let folder: string;
let redis: Awaited<ReturnType<typeof startRedis>>;
/** Three clips of 12 frames in each of two classes. */
let videos: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'x3d-apart-'));
  redis = await startRedis(homeAt(join(folder, 'home')));
  videos = writeClasses(join(folder, 'videos'), { bend: 3, walk: 3 });
});
afterAll(async () => {
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A service that has seen no video yet. */
async function service(bounds: Partial<Bounds> = {}, options: Partial<ServiceOptions> = {}) {
  const app = await buildApp({
    redisUrl: redis.url,
    home: homeAt(temporaryFolder()),
    dataRoots: ['/'],
    log: pino({ level: 'silent' }),
    bounds: { ...BOUNDS, ...bounds },
    ...options,
  });
  onTestFinished(() => app.close());
  const body = (path: string, changes: object = {}) => ({
    data: { path, shares: { train: 0.4, validation: 0.3, test: 0.3 }, ...changes },
    target: '2M',
  });
  return {
    app,
    body,
    ask: (path: string, changes?: object) =>
      app.inject({ method: 'POST', url: '/searches', payload: body(path, changes) }),
    serves: async () => expect((await app.inject('/healthz')).statusCode).toBe(200),
  };
}

/** A set of so many videos, under as many names, that looking at them outlasts every test. */
function endless(): string {
  const path = temporaryFolder();
  for (const name of ['bend', 'walk']) {
    mkdirSync(join(path, name));
    const video = writeGreys(join(path, name, 'first.mp4'), 12);
    for (let i = 0; i < 20_000; i++) linkSync(video, join(path, name, `${i}.mp4`));
  }
  return path;
}

/** The process that reads for this one, as soon as there is one. */
async function reader(): Promise<number> {
  await expect.poll(() => childrenOf(process.pid, 'reader.js'), { timeout: 20_000 }).toHaveLength(1);
  return childrenOf(process.pid, 'reader.js')[0] as number;
}

describe('a video beyond what is taken of one', () => {
  test.each([
    ['frames', { frames: 10 }, /p0_bend\.mp4 \(more than 10 frames; cut it into clips\)/],
    ['time', { decodeSeconds: 1e-6 }, /p0_bend\.mp4 \((not decoded within|took longer than) 0\.000001 s/],
    ['memory', { decodeBytes: 2 ** 20 }, /p0_bend\.mp4 \(took more than 1 MiB of memory\)/],
  ])('in %s is named, and the service goes on', async (_, bounds, reason) => {
    const { ask, serves } = await service(bounds);
    const answer = await ask(videos);
    expect(answer.statusCode).toBe(422);
    expect(answer.json().detail).toMatch(reason);
    await serves();
  });

  test('in pixels is named and passed over, as one is whose header promises a million frames', async () => {
    const { ask } = await service();
    const path = writeClasses(temporaryFolder(), { bend: 12, walk: 12 });
    const large = readFileSync(writeGreys(join(path, 'bend', 'large.mp4'), 12));
    const at = large.indexOf('avc1', large.indexOf('stsd')) + 4 + 24;
    large.writeUInt16BE(16384, at);
    large.writeUInt16BE(8704, at + 2);
    writeFileSync(join(path, 'bend', 'large.mp4'), large);
    const long = readFileSync(writeGreys(join(path, 'walk', 'long.avi'), 12));
    long.writeUInt32LE(1_000_000, long.indexOf('strh') + 8 + 32);
    writeFileSync(join(path, 'walk', 'long.avi'), long);
    const strict = await ask(path, { skipShare: 0 });
    expect(strict.json().detail).toMatch(
      /1 of 26: bend\/large\.mp4 \(frames of 16384x8704 pixels; up to 8192x4352/,
    );
    const answer = await ask(path);
    expect(answer.statusCode).toBe(201);
    const { parts, skipped } = answer.json().dataset;
    expect({ skipped, videos: parts.train + parts.validation + parts.test }).toEqual({
      skipped: 1,
      videos: 25,
    });
  });
});

describe('a folder', () => {
  test('with more below it than a set of videos has is refused, with how much is taken', async () => {
    const { ask } = await service({ entries: 5 });
    expect((await ask(videos)).json()).toMatchObject({
      status: 422,
      detail: expect.stringContaining(
        'a folder of videos with at most 5 files and folders below it, got more',
      ),
    });
  });

  test('that takes too long to be walked is refused, with how long is taken', async () => {
    const { ask } = await service({ walkSeconds: 0 });
    expect((await ask(videos)).json().detail).toContain('what can be listed in 0 s below it, got more');
  });

  test('deeper than folders of videos are is refused, with how deep they may be', async () => {
    const path = temporaryFolder();
    mkdirSync(join(path, 'a', ...Array.from({ length: 50 }, () => 'b')), { recursive: true });
    mkdirSync(join(path, 'b'));
    const { ask } = await service();
    expect((await ask(path)).json().detail).toContain('at most 40 folders inside each other');
  });

  test('of the operating system, or with links that lead in circles, ends nowhere else', async () => {
    const { ask, serves } = await service();
    expect((await ask('/proc')).json()).toMatchObject({
      status: 422,
      detail: expect.stringContaining('expected a folder of files, got one of the operating system'),
    });
    const path = writeClasses(temporaryFolder(), { bend: 3, walk: 3 });
    symlinkSync('..', join(path, 'bend', 'up'));
    symlinkSync('/proc', join(path, 'walk', 'proc'));
    const { parts } = (await ask(path)).json().dataset;
    expect(parts.train + parts.validation + parts.test).toBe(6);
    await serves();
  });
});

describe('a reading', () => {
  test.each([
    ['longer', { readingSeconds: 3 }, 'what took longer than 3 s'],
    ['more memory', { readingBytes: 2 ** 20 }, 'what took more than 1 MiB of memory'],
  ])('that takes %s than it may is refused, and the service goes on', async (_, bounds, reason) => {
    const { ask, serves } = await service(bounds);
    const path = endless();
    expect((await ask(path)).json()).toMatchObject({
      status: 422,
      type: 'urn:x3d-search:problem:data',
      detail: expect.stringMatching(
        `^${path}: expected what can be looked at for a request, got ${reason}\\.`,
      ),
    });
    await serves();
  });

  test('whose process is killed is refused, and the next one is made', async () => {
    const { ask } = await service();
    const answer = ask(endless());
    process.kill(await reader(), 'SIGKILL');
    expect((await answer).json()).toMatchObject({
      status: 422,
      detail: expect.stringContaining('got what ended the process that looked at it (SIGKILL)'),
    });
    expect((await ask(videos)).statusCode).toBe(201);
  });

  test('ends once whoever asked for it has gone', async () => {
    const { app, body } = await service();
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    for (const route of ['/searches', '/searches/plan']) {
      const leaving = new AbortController();
      const answer = fetch(url + route, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body(endless())),
        signal: leaving.signal,
      });
      const pid = await reader();
      leaving.abort();
      await expect(answer).rejects.toThrow();
      await gone(pid);
    }
  });

  test('goes on for whoever was told to ask again, and ends where nobody does', async () => {
    const { ask } = await service({}, { patienceMs: 100, lingerMs: 6000 });
    const path = endless();
    const asked = performance.now();
    for (let times = 0; times < 3; times++) expect((await ask(path)).statusCode).toBe(503);
    const pid = await reader();
    expect((await ask(path)).statusCode).toBe(503);
    expect(await reader()).toBe(pid);
    await gone(pid);
    expect(performance.now() - asked).toBeGreaterThan(6000);
  });

  test('is there for whoever was told to ask again, however short the wait', async () => {
    const { ask } = await service({}, { patienceMs: 1 });
    await expect.poll(async () => (await ask(videos)).statusCode, { timeout: 30_000 }).toBe(201);
  });
});
