/** What the doctor says on this machine, and on ones that lack something. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Examination } from '../../src/doctor/index.js';
import { homeAt } from '../../src/home.js';
import { startRedis } from '../../src/redis/embedded.js';
import { start, temporaryFolder } from '../cli/spawning.js';

async function examined(environment: Record<string, string> = {}) {
  const { code, stdout } = await start(['doctor', '--json'], environment).finished;
  const examination = JSON.parse(stdout) as Examination;
  return {
    code,
    examination,
    of: (name: string) => examination.findings.find((finding) => finding.name === name),
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

it('names every part, and ends with 0 exactly when none is missing', async () => {
  const { code, examination, of } = await examined();
  expect(examination.findings.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['node', 'packages', 'tensorflow', 'redis', 'ffmpeg', 'gpu', 'memory', 'cores']),
  );
  expect(code).toBe(examination.ok ? 0 : 3);
  expect(of('ffmpeg')?.details).toMatchObject({ libraries: { avcodec: expect.any(String) } });
  for (const { state, remedy } of examination.findings) expect(state === 'ok' || remedy).toBeTruthy();
});

it('is a table for people', async () => {
  const { stdout } = await start(['doctor']).finished;
  expect(stdout).toMatch(/^ok {7}node {7}\d+\.\d+\.\d+$/m);
});

describe('Redis', () => {
  it('that REDIS_URL names but nobody runs is missing', async () => {
    const { code, of } = await examined({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` });
    expect(code).toBe(3);
    expect(of('redis')).toMatchObject({
      state: 'missing',
      found: expect.stringContaining('ECONNREFUSED'),
      remedy: 'Is it running, and reachable from here? Without REDIS_URL an embedded one is used.',
    });
  });

  it.each(['foo', 'localhost:6379'])('whose URL is none, %s, is said to be none', async (url) => {
    const { code, of } = await examined({ REDIS_URL: url });
    expect(code).toBe(3);
    expect(of('redis')).toMatchObject({
      state: 'missing',
      found: `the URL of Redis: expected one such as redis://host:6379, rediss:// for TLS, /2 at its end for database 2, got ${url}.`,
    });
  });

  it('that may drop keys is not fit for searches', async () => {
    const redis = await startRedis(homeAt(temporaryFolder()));
    onTestFinished(() => redis.stop());
    expect((await examined({ REDIS_URL: redis.url })).of('redis')).toMatchObject({ state: 'ok' });
    const connection = new Redis(redis.url);
    await connection.config('SET', 'maxmemory-policy', 'allkeys-lru');
    connection.disconnect();
    const { code, of } = await examined({ REDIS_URL: redis.url });
    expect(code).toBe(3);
    expect(of('redis')).toMatchObject({
      state: 'missing',
      found: expect.stringContaining('allkeys-lru'),
      remedy: 'Set its maxmemory-policy to noeviction.',
    });
  });

  it('is missing where there is no redis-server', async () => {
    const programs = join(temporaryFolder(), 'bin');
    mkdirSync(programs);
    symlinkSync(process.execPath, join(programs, 'node'));
    const { code, of } = await examined({ PATH: programs });
    expect(code).toBe(3);
    expect(of('redis')?.remedy).toContain('apt-get install redis-server');
  });
});

it('lists the cards that the driver knows', async () => {
  const programs = temporaryFolder();
  writeFileSync(
    join(programs, 'nvidia-smi'),
    '#!/bin/sh\necho "0, NVIDIA L4, 23034, 550.54"\necho "1, NVIDIA T4, 15360, 550.54"\n',
    { mode: 0o755 },
  );
  const { of } = await examined({ PATH: `${programs}:${process.env.PATH}` });
  expect(of('gpu')).toEqual({
    name: 'gpu',
    state: 'ok',
    found: 'NVIDIA L4, 24.2 GB, driver 550.54; NVIDIA T4, 16.1 GB, driver 550.54',
    details: [
      { number: 0, name: 'NVIDIA L4', memoryBytes: 23034 * 2 ** 20, driver: '550.54' },
      { number: 1, name: 'NVIDIA T4', memoryBytes: 15360 * 2 ** 20, driver: '550.54' },
    ],
  });
});
