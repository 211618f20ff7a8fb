/** A service whose Redis is emptied, whose home is lost, or whose workers can take nothing: it says so, and decides nothing. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connectTo, follow } from '../../src/cli/client.js';
import type { WorkerRecord } from '../../src/workers/registry.js';
import type { Trouble } from '../../src/workers/troubles.js';
import { x3d } from '../cli/spawning.js';
import { eventually } from '../workers/candidates.js';
import { problemIn, type Stand, stand } from './stand.js';

vi.setConfig({ testTimeout: 120_000 });

let at: Stand;
beforeEach(async () => {
  at = await stand();
  await at.startService();
});
afterEach(() => at.close());

const begin = () => at.post('/searches', { data: at.data, target: '2M', method: 'paper' });
async function begun(): Promise<string> {
  const { id } = (await (await begin()).json()) as { id: string };
  await eventually(async () => existsSync(join(at.home.run(id), 'trajectory.json')));
  return id;
}
const readiness = async () => {
  const response = await at.get('/readyz');
  return { status: response.status, text: await response.text() };
};
const readyAgain = () => expect.poll(async () => (await readiness()).status, { timeout: 30_000 }).toBe(200);

describe('a Redis that was emptied', () => {
  test('ends open streams, and the service says which searches are gone', async () => {
    at.startWorker();
    const id = await begun();
    const reading = (async () => {
      for await (const _ of follow(connectTo(at.url()), id, AbortSignal.timeout(60_000)));
    })();
    const gone = expect(reading).rejects.toMatchObject({
      kind: 'not-found',
      facts: { subject: `search ${id}`, got: expect.stringContaining('Redis was emptied') },
    });
    await eventually(async () => (await at.trajectory(id)).rounds.length > 0);
    const redis = new Redis(at.redisUrl);
    await redis.flushall();
    redis.disconnect();
    await gone;
    const { troubles } = (await (await at.get('/troubles')).json()) as { troubles: Trouble[] };
    expect(troubles).toContainEqual({
      kind: 'lost',
      message: expect.stringContaining(`Redis has no log of 1 searches that left a folder in`),
    });
    const { status, text } = await readiness();
    expect({ status, text }).toEqual({ status: 200, text: expect.stringContaining(id) });
    expect((await x3d('status', '--service', at.url())).stdout).toMatch(
      new RegExp(`Redis has no log of 1 searches .*${id}.*\\nno searches`),
    );
  });
});

describe('a home', () => {
  test('that is gone makes the service unready; nobody makes it anew, and all goes on when it is back', async () => {
    const workers = async () =>
      ((await (await at.get('/workers')).json()) as { workers: WorkerRecord[] }).workers;
    at.startWorker();
    await eventually(async () => (await workers()).length === 1);
    const other = await begun();
    const id = await begun();
    const away = `${at.home.folder}-away`;
    await rename(at.home.folder, away);
    await expect.poll(async () => (await readiness()).status, { timeout: 60_000 }).toBe(503);
    expect((await readiness()).text).toMatch(/the home \S+ is gone, or its disk is away/);
    const refused = await begin();
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await problemIn(refused)).toMatchObject({
      status: 503,
      detail: expect.stringMatching(/^the home: expected one that can be written to.* is gone/),
    });
    expect((await at.post(`/searches/${other}/cancel`)).status).toBe(200);
    at.startWorker();
    await eventually(async () => (await workers()).length === 2);
    // More than a tick, and several beats of a worker.
    await sleep(5000);
    expect((await readiness()).text).toContain('is gone, or its disk is away');
    expect([at.home.id, at.home.run(other)].filter(existsSync)).toEqual([]);
    expect((await at.trajectory(id)).status).toBe('running');
    // What was being trained may have left a folder.
    await rm(at.home.folder, { recursive: true, force: true });
    await rename(away, at.home.folder);
    await readyAgain();
    await eventually(async () => (await at.trajectory(id)).status === 'ended', 90_000);
  });

  test('that is read-only makes the service unready until it is not', async ({ skip }) => {
    try {
      execFileSync('mount', ['--bind', at.home.folder, at.home.folder], { stdio: 'ignore' });
    } catch {
      return skip('this user may not mount a disk');
    }
    try {
      execFileSync('mount', ['-o', 'remount,ro,bind', at.home.folder]);
      await expect.poll(async () => (await readiness()).status, { timeout: 60_000 }).toBe(503);
      expect((await readiness()).text).toContain('can not be written to (EROFS)');
    } finally {
      execFileSync('umount', ['-l', at.home.folder]);
    }
    await readyAgain();
  });
});

test('a service is not ready while something waits that no worker can take', async () => {
  expect((await readiness()).status).toBe(200);
  const id = await begun();
  await expect.poll(async () => (await readiness()).status, { timeout: 60_000 }).toBe(503);
  expect((await readiness()).text).toContain('No worker is at work');
  at.startWorker();
  await readyAgain();
  await at.post(`/searches/${id}/cancel`);
});
