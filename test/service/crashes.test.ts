/** A whole service with two workers whose processes are killed by SIGKILL: nothing of a search changes but times. */
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { makeDemoVideos } from '../../src/data/demo/index.js';
import type { DataConfiguration } from '../../src/data/index.js';
import type { Trajectory } from '../../src/search/views.js';
import { end, type ServerSentEvent, type Stand, stand, withoutTimes } from '../api/stand.js';
import { eventually } from '../workers/candidates.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let folder: string;
let data: DataConfiguration;
let undisturbed: unknown;
const stands: Stand[] = [];

interface Fleet {
  readonly at: Stand;
  service: ChildProcess;
  workers: ChildProcess[];
}

async function fleet(): Promise<Fleet> {
  const at = await stand({ data });
  stands.push(at);
  return { at, service: await at.startService(), workers: [at.startWorker(), at.startWorker()] };
}

async function create({ at }: Fleet): Promise<string> {
  const response = await at.post('/searches', { data: at.data, target: '2M', seed: 3 });
  expect(response.status).toBe(201);
  return ((await response.json()) as { id: string }).id;
}

/** What the service says of the search, or undefined while it can't be asked. */
const seen = ({ at }: Fleet, search: string): Promise<Trajectory | undefined> =>
  at.trajectory(search).catch(() => undefined);

const over = (of: Fleet, search: string) =>
  eventually(async () => {
    const trajectory = await seen(of, search);
    return trajectory && trajectory.status !== 'running' && trajectory;
  }, 90_000);

/** Trainings of the search that have begun. */
const begun = async ({ at }: Fleet, search: string) => {
  const trajectory = await seen({ at } as Fleet, search);
  return (trajectory?.rounds ?? [])
    .flatMap(({ candidates }) => candidates.flatMap(({ trainings }) => trainings))
    .filter(({ state }) => state !== 'proposed').length;
};

async function trainersOf(worker: ChildProcess | undefined): Promise<number[]> {
  if (worker?.pid === undefined) return [];
  const text = await readFile(`/proc/${worker.pid}/task/${worker.pid}/children`, 'utf8').catch(() => '');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x3d-crashes-'));
  data = makeDemoVideos(join(folder, 'videos'), { scenes: 5 });
  const calm = await fleet();
  undisturbed = withoutTimes(await over(calm, await create(calm)));
});
afterEach(async () => {
  await Promise.all(stands.splice(0).map((at) => at.close()));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a search goes as if nothing had happened', () => {
  test('when a worker is killed and another takes its place', async () => {
    const of = await fleet();
    const search = await create(of);
    for (const [index, worker] of of.workers.entries()) {
      await eventually(async () => (await begun(of, search)) > 3 * index);
      await end(worker, 'SIGKILL');
      of.at.startWorker();
    }
    expect(withoutTimes(await over(of, search))).toEqual(undisturbed);
  });

  test('when trainers are killed', async () => {
    const of = await fleet();
    const search = await create(of);
    let killed = 0;
    while (killed < 4 && (await seen(of, search))?.status === 'running') {
      const [trainer] = await trainersOf(of.workers[killed % 2]);
      if (trainer !== undefined) {
        process.kill(trainer, 'SIGKILL');
        killed++;
      }
      await sleep(300);
    }
    expect(killed).toBe(4);
    expect(withoutTimes(await over(of, search))).toEqual(undisturbed);
  });

  test('when the service is killed at any moment, again and again', async () => {
    const of = await fleet();
    const search = await create(of);
    for (let kills = 0; kills < 6; kills++) {
      await sleep(700 * Math.random());
      await end(of.service, 'SIGKILL');
      of.service = await of.at.startService();
    }
    expect(withoutTimes(await over(of, search))).toEqual(undisturbed);
  });

  test('when two services are at it, and one of them is killed', async () => {
    const of = await fleet();
    const other = await of.at.startService();
    const search = await create(of);
    await eventually(async () => (await begun(of, search)) > 4);
    await end(of.service, 'SIGKILL');
    expect(withoutTimes(await over(of, search))).toEqual(undisturbed);
    await end(other, 'SIGKILL');
  });

  test('when Redis is killed under all of them and comes back with what it had', async () => {
    const of = await fleet();
    const search = await create(of);
    await eventually(async () => (await begun(of, search)) > 3);
    await of.at.killRedis();
    await of.at.reviveRedis();
    expect(withoutTimes(await over(of, search))).toEqual(undisturbed);
  });

  test('when everything is killed at once and started again', async () => {
    const of = await fleet();
    const search = await create(of);
    await eventually(async () => (await begun(of, search)) > 3);
    await Promise.all([of.service, ...of.workers].map((child) => end(child, 'SIGKILL')));
    await of.at.killRedis();
    await of.at.reviveRedis();
    of.service = await of.at.startService();
    of.workers = [of.at.startWorker(), of.at.startWorker()];
    expect(withoutTimes(await over(of, search))).toEqual(undisturbed);
  });
});

describe('a reader of events', () => {
  test('misses none and sees none twice when the service is killed between them', async () => {
    const of = await fleet();
    const search = await create(of);
    const events: ServerSentEvent[] = [];
    const last = () => events.at(-1)?.id;
    while (events.at(-1)?.event !== 'search-ended') {
      const reading = of.at
        .events(search, last(), (event) => {
          if (event.id !== undefined) events.push(event);
          return false;
        })
        .catch(() => []);
      if (events.length < 30) {
        await sleep(1000);
        await end(of.service, 'SIGKILL');
        of.service = await of.at.startService();
      }
      await reading;
    }
    expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => index + 1));
  });
});

describe('a candidate', () => {
  test('that two searches ask for at the same time is trained once', async () => {
    const of = await fleet();
    const searches = await Promise.all([create(of), create(of)]);
    const [one, two] = await Promise.all(searches.map((search) => over(of, search)));
    expect(two?.rounds).toEqual(one?.rounds);
    expect(two?.final).toEqual(one?.final);
    for (const { id } of [
      ...(one?.rounds.flatMap(({ candidates }) => candidates.flatMap(({ trainings }) => trainings)) ?? []),
      ...(one?.final?.trainings ?? []),
    ]) {
      const starts = await readFile(join(of.at.home.folder, 'starts', id), 'utf8');
      expect(starts.trim().split('\n')).toHaveLength(1);
    }
  });

  test('that one of two searches gives up goes on for the other', async () => {
    const of = await fleet();
    const [given, kept] = await Promise.all([create(of), create(of)]);
    await eventually(async () => (await begun(of, kept)) > 1);
    expect((await of.at.post(`/searches/${given}/cancel`)).status).toBe(200);
    expect(withoutTimes(await over(of, kept))).toEqual(undisturbed);
  });
});

describe('a service', () => {
  test('asked to stop ends in order, and leaves no word of where it listened', async () => {
    const of = await fleet();
    expect(JSON.parse(await readFile(of.at.home.service, 'utf8'))).toEqual({
      url: of.at.url(),
      pid: of.service.pid,
      token: expect.stringMatching(/^x3d_/),
    });
    const search = await create(of);
    const open = of.at.events(search).catch(() => []);
    await eventually(async () => (await begun(of, search)) > 0);
    const asked = Date.now();
    await end(of.service, 'SIGTERM');
    expect(Date.now() - asked).toBeLessThan(4000);
    await open;
    expect(of.service.exitCode).toBe(0);
    expect(existsSync(of.at.home.service)).toBe(false);
  });

  test('ends with the process that started it', async () => {
    const of = await fleet();
    of.service.disconnect();
    await eventually(async () => of.service.exitCode === 0);
    for (const worker of of.workers) worker.disconnect();
    await eventually(async () => of.workers.every(({ exitCode }) => exitCode !== null));
  });
});
