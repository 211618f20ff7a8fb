/**
 * A search under faults of all kinds, at random, beside one that nothing happened to: the same events but for times, the
 * same bytes. A few faults in the usual tests; `npm run test:chaos` makes as many as X3D_CHAOS says, and prints the seed,
 * which X3D_CHAOS_SEED takes.
 */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { makeDemoVideos } from '../../src/data/demo/index.js';
import type { DataConfiguration } from '../../src/data/index.js';
import { randomOf } from '../../src/random.js';
import { end, type Stand, stand, withoutTimes } from '../api/stand.js';
import { eventually } from '../workers/candidates.js';
import { type BrokenNetwork, openProxy } from './proxy.js';

const FAULTS = Number(process.env.X3D_CHAOS ?? 8);
const LONG = FAULTS > 8;
const seed = Number(process.env.X3D_CHAOS_SEED ?? Date.now() % 1_000_000);
vi.setConfig({ testTimeout: LONG ? 3_600_000 : 240_000, hookTimeout: LONG ? 1_800_000 : 240_000 });

const TARGET = LONG ? '8M' : '2M';

let folder: string;
let data: DataConfiguration;
let undisturbed: unknown;

interface Fleet {
  readonly at: Stand;
  readonly proxy: BrokenNetwork;
  service: ChildProcess;
  /** The second one reaches Redis through a network that breaks. */
  readonly workers: [ChildProcess, ChildProcess];
}

async function fleet(on?: string): Promise<Fleet> {
  const at = await stand({ data, ...(on === undefined ? {} : { on }) });
  const proxy = await openProxy(at.redisUrl);
  return {
    at,
    proxy,
    service: await at.startService(),
    workers: [at.startWorker(), at.startWorker(proxy.url)],
  };
}

async function closed({ at, proxy }: Fleet): Promise<void> {
  await at.close();
  proxy.close();
}

async function create({ at }: Fleet): Promise<string> {
  const response = await at.post('/searches', { data: at.data, target: TARGET, seed: 3 });
  expect(response.status).toBe(201);
  return ((await response.json()) as { id: string }).id;
}

const statusOf = async ({ at }: Fleet, search: string) =>
  (await at.trajectory(search).catch(() => undefined))?.status ?? 'unknown';

/** All that a search came to: its events but for times and who did it when, its trajectory, the bytes of its network. */
async function outcome(of: Fleet, search: string): Promise<unknown> {
  await eventually(
    async () => {
      const status = await statusOf(of, search);
      if (status === 'paused' || status === 'failed') throw new Error(`the search is ${status}`);
      return status === 'ended';
    },
    LONG ? 1_800_000 : 200_000,
  );
  const events = (await of.at.events(search))
    .filter(({ event }) => event !== 'progress' && event !== 'training-started')
    .map(({ event, data }) => {
      const { at: _, search: __, outcome: ended, ...rest } = data as Record<string, object>;
      const {
        seconds: _s,
        clipsPerSecond: _c,
        peakBytes: _p,
        ...came
      } = (ended ?? {}) as Record<string, unknown>;
      return JSON.stringify({ event, ...rest, came });
    })
    // Those of one round end as the workers come to them.
    .sort();
  const network = join(of.at.home.run(search), 'network');
  const bytes = readdirSync(network)
    .filter((name) => name === 'weights.safetensors')
    .map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(network, name)))
        .digest('hex'),
    ]);
  return { events, bytes, trajectory: withoutTimes(await of.at.trajectory(search)) };
}

async function trainersOf(worker: ChildProcess): Promise<number[]> {
  const path = `/proc/${worker.pid}/task/${worker.pid}/children`;
  return (await readFile(path, 'utf8').catch(() => '')).trim().split(' ').filter(Boolean).map(Number);
}

const signalled = (pid: number | undefined, signal: NodeJS.Signals) => {
  try {
    if (pid !== undefined) process.kill(pid, signal);
  } catch {}
};

/** What can happen, by name; each leaves all processes there, alive and awake. */
const DISASTERS: Readonly<Record<string, (of: Fleet, draw: () => number) => Promise<void>>> = {
  'a worker is killed': async (of, draw) => {
    const which = draw() < 0.5 ? 0 : 1;
    await end(of.workers[which], 'SIGKILL');
    of.workers[which] = of.at.startWorker(which === 1 ? of.proxy.url : undefined);
  },
  'a trainer is killed': async (of, draw) => {
    const [trainer] = await trainersOf(of.workers[draw() < 0.5 ? 0 : 1]);
    signalled(trainer, 'SIGKILL');
  },
  'the service is killed': async (of) => {
    await end(of.service, 'SIGKILL');
    of.service = await of.at.startService();
  },
  'Redis is killed': async (of) => {
    await of.at.killRedis();
    await of.at.reviveRedis();
  },
  'a worker is frozen, and its trainer goes on': async (of, draw) => {
    const { pid } = of.workers[draw() < 0.5 ? 0 : 1];
    signalled(pid, 'SIGSTOP');
    await sleep(300 + 2500 * draw());
    signalled(pid, 'SIGCONT');
  },
  'a trainer is frozen': async (of, draw) => {
    const [trainer] = await trainersOf(of.workers[draw() < 0.5 ? 0 : 1]);
    signalled(trainer, 'SIGSTOP');
    await sleep(300 + 1000 * draw());
    signalled(trainer, 'SIGCONT');
  },
  'the service is frozen': async (of, draw) => {
    signalled(of.service.pid, 'SIGSTOP');
    await sleep(300 + 2500 * draw());
    signalled(of.service.pid, 'SIGCONT');
  },
  'Redis is frozen': async (of, draw) => {
    const server = await of.at.redisPid();
    signalled(server, 'SIGSTOP');
    await sleep(300 + 2500 * draw());
    signalled(server, 'SIGCONT');
  },
  'the home is away': async ({ at }, draw) => {
    const away = `${at.home.folder}-away`;
    await rename(at.home.folder, away);
    await sleep(300 + 2500 * draw());
    // As where a disk is mounted again over what was written in its place.
    await mkdir(at.home.folder, { recursive: true });
    await rename(at.home.folder, `${away}-${draw()}`);
    await rename(away, at.home.folder);
  },
  'connections to Redis are closed': async (of) => of.proxy.cut(),
  'the network is slow': async (of, draw) => {
    of.proxy.delay(50 + 200 * draw());
    await sleep(500 + 1000 * draw());
    of.proxy.delay(0);
  },
  'the network brings nothing through': (of, draw) => of.proxy.hold(300 + 2500 * draw()),
  'what a training left is damaged': async (of, draw) => {
    const candidates = await readdir(join(of.at.home.folder, 'candidates')).catch(() => []);
    const id = candidates[Math.floor(draw() * candidates.length)];
    if (id === undefined) return;
    const file = join(of.at.home.candidate(id), draw() < 0.5 ? 'weights.safetensors' : 'result.json');
    if (draw() < 0.5) await truncate(file, 3).catch(() => {});
    else await writeFile(file, '{"seconds": 1}').catch(() => {});
  },
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x3d-chaos-'));
  data = makeDemoVideos(join(folder, 'videos'), { scenes: 5 });
  const calm = await fleet();
  undisturbed = await outcome(calm, await create(calm));
  await closed(calm);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test(`a search goes as if nothing had happened, whatever happens to it (X3D_CHAOS_SEED=${seed})`, async () => {
  const of = await fleet();
  const happened = new Map<string, number>();
  const began = performance.now();
  let searches = 1;
  try {
    let search = await create(of);
    const names = Object.keys(DISASTERS);
    for (let count = 0; count < FAULTS; count++) {
      const draw = randomOf('chaos', seed, count).uniform;
      const name = names[Math.floor(draw() * names.length)] as string;
      await sleep(800 * draw());
      await DISASTERS[name]?.(of, draw);
      happened.set(name, (happened.get(name) ?? 0) + 1);
      // What is left of the faults goes to the next one, in a home that knows nothing of it.
      if ((await statusOf(of, search)) === 'ended' && count < FAULTS - 1) {
        expect(await outcome(of, search)).toEqual(undisturbed);
        await rm(join(of.at.home.folder, 'candidates'), { recursive: true, force: true });
        search = await create(of);
        searches += 1;
      }
    }
    expect(await outcome(of, search)).toEqual(undisturbed);
    const minutes = Math.round((performance.now() - began) / 6000) / 10;
    if (LONG) console.info({ minutes, searches, ...Object.fromEntries(happened) });
  } finally {
    await closed(of);
  }
});

/** A small disk of its own, where the system lets us have one. */
function mounted(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('a search goes as if nothing had happened when its disk is full, and then read-only, for a while', async ({
  skip,
}) => {
  const disk = await mkdtemp(join(tmpdir(), 'x3d-disk-'));
  if (!mounted(disk)) return skip('this user may not mount a disk');
  const of = await fleet(disk);
  try {
    const search = await create(of);
    await eventually(
      async () => (await readdir(join(of.at.home.folder, 'candidates')).catch(() => [])).length > 1,
    );
    const ballast = join(disk, 'ballast');
    for (const megabyte = Buffer.alloc(2 ** 20); ; )
      try {
        await writeFile(ballast, megabyte, { flag: 'a' });
      } catch {
        break;
      }
    await sleep(4000);
    await rm(ballast);
    await eventually(async () => (await of.at.get('/readyz').catch(() => undefined))?.status === 200, 60_000);
    // Where trainings write: the whole disk can't be made read-only under a Redis that has a file open there.
    const attempts = join(of.at.home.folder, 'attempts');
    await mkdir(attempts, { recursive: true });
    execFileSync('mount', ['--bind', attempts, attempts]);
    execFileSync('mount', ['-o', 'remount,ro,bind', attempts]);
    await sleep(3000);
    execFileSync('umount', ['-l', attempts]);
    expect(await outcome(of, search)).toEqual(undisturbed);
  } finally {
    await closed(of).catch(() => {});
    execFileSync('umount', ['-l', disk]);
    await rm(disk, { recursive: true, force: true });
  }
});
