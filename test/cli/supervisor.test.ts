/** The process tree of `run` and `serve`. */
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startSupervisor } from '../../src/cli/supervisor.js';
import { homeAt } from '../../src/home.js';
import { startRedis } from '../../src/redis/embedded.js';
import { listWorkers } from '../../src/workers/registry.js';
import { eventually, SCRIPTED_TRAINER } from '../workers/candidates.js';
import { alive } from './searches.js';
import { temporaryFolder } from './spawning.js';

const workersBelow = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter(
      (child) => child !== '' && readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('workers/main.js'),
    )
    .map(Number);

test('a service goes on although its worker crashes again and again, and has it back once it lives', async () => {
  const home = homeAt(temporaryFolder());
  const embedded = await startRedis(home);
  onTestFinished(() => embedded.stop());
  const replaced: string[] = [];
  const supervisor = await startSupervisor({
    home,
    redisUrl: embedded.url,
    service: { host: '127.0.0.1', port: 0 },
    fleet: { workers: 1, threads: 1, devices: ['cpu'], perDevice: 1, trainerProgram: SCRIPTED_TRAINER },
    verbose: false,
    onReplaced: (name, why) => replaced.push(`${name}: ${why}`),
    pace: { beatMs: 5000, pauseMs: 1 },
  });
  onTestFinished(() => supervisor.stop());
  let givenUp = false;
  void supervisor.givenUp.then(() => {
    givenUp = true;
  });
  const redis = new Redis(embedded.url);
  onTestFinished(() => redis.disconnect());
  const crashed = new Set<number>();
  while (crashed.size < 13) {
    const pid = await eventually(async () => workersBelow(process.pid).find((pid) => !crashed.has(pid)));
    crashed.add(pid);
    process.kill(pid, 'SIGSYS');
  }
  await eventually(async () => (await listWorkers(redis)).some(({ pid }) => !crashed.has(pid) && alive(pid)));
  expect((await fetch(`${supervisor.url}/readyz`)).status).toBe(200);
  expect(givenUp).toBe(false);
  expect(replaced).toEqual([
    'worker 1: SIGSYS',
    ...[2, 4, 8].map((times) => `worker 1: SIGSYS; ${times} times`),
  ]);
}, 120_000);
