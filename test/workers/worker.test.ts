import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Home, homeAt, homeId, identified } from '../../src/home.js';
import { watchHome } from '../../src/home-watch.js';
import { connect } from '../../src/redis/connection.js';
import { type EmbeddedRedis, startRedis } from '../../src/redis/embedded.js';
import { keptResult } from '../../src/training/attempts.js';
import { type CandidateJob, JOB_VERSION } from '../../src/workers/job.js';
import {
  type CandidateStatus,
  candidateStatus,
  failedTries,
  forgetFailures,
  openQueues,
  type Queues,
  release,
  request,
} from '../../src/workers/queues.js';
import { announceWorker, listWorkers, type WorkerRecord } from '../../src/workers/registry.js';
import { outlookOn, ownHome } from '../../src/workers/troubles.js';
import { candidateThatWill, eventually, SCRIPTED_TRAINER } from './candidates.js';

let folder: string;
let home: Home;
let server: EmbeddedRedis;
let redis: Redis;
let queues: Queues;
const processes: ChildProcess[] = [];
let made = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x3d-worker-'));
  home = homeAt(folder);
  server = await startRedis(home);
  redis = connect(server.url);
  redis.on('error', () => {});
  queues = openQueues(redis);
});
afterEach(async () => {
  for (const child of processes.splice(0)) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  await redis.flushall();
});
afterAll(async () => {
  await queues.close();
  redis.disconnect();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const newId = () => `c${++made}`;

function spawnWorker(
  options: { device?: string; silenceMs?: number; memoryBytes?: number; lockMs?: number | undefined } = {},
): ChildProcess {
  const child = spawn(
    process.execPath,
    [
      fileURLToPath(new URL('../../dist/workers/main.js', import.meta.url)),
      JSON.stringify({
        home: folder,
        device: 'cpu',
        threads: 2,
        quiet: true,
        lockMs: 1000,
        trainerProgram: SCRIPTED_TRAINER,
        ...options,
      }),
    ],
    { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, REDIS_URL: server.url } },
  );
  processes.push(child);
  return child;
}

const ended = (id: string) =>
  eventually(async () => {
    const status = await candidateStatus(queues, id);
    return (status.kind === 'finished' || status.kind === 'failed') && status;
  });
const training = (id: string) =>
  eventually(async () => {
    const status: CandidateStatus = await candidateStatus(queues, id);
    return status.kind === 'training' && status.progress.progress ? status.progress : undefined;
  });
const starts = async (id: string) =>
  (await readFile(join(home.folder, 'starts', id), 'utf8')).trim().split('\n');
const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const trainerOf = async (id: string) => Number((await starts(id)).at(-1)?.split(' ')[0]);

test('a worker whose record has another form is not listed, whatever part of it that is', async () => {
  const since = new Date().toISOString();
  const record: WorkerRecord = {
    ...{ id: 'w', host: 'here', pid: 1, device: 'cpu', threads: 1, memoryBytes: 1e9, since },
    training: { id: 'c', since, progress: { phase: 'training', done: 1, of: 8, loss: 0.5 } },
  };
  await announceWorker(redis, record);
  expect(await listWorkers(redis)).toEqual([record]);
  for (const training of [
    'c',
    { id: 'c' },
    { id: 'c'.repeat(400), since },
    { id: 'c', since, progress: { phase: 'sleeping', done: 1, of: 8 } },
    { id: 'c', since, progress: { phase: 'training', done: '1', of: 8 } },
  ]) {
    await announceWorker(redis, { ...record, training } as WorkerRecord);
    expect(await listWorkers(redis)).toEqual([]);
  }
});

describe('a worker', () => {
  test('trains a candidate once, whichever searches ask, with its threads and the data that the search saw', async () => {
    const id = newId();
    await Promise.all(
      ['s1', 's2', 's2'].map((s) => request(queues, home, s, id, candidateThatWill('succeed'))),
    );
    spawnWorker();
    expect(await ended(id)).toMatchObject({ kind: 'finished', result: { steps: 8, classes: ['a', 'b'] } });
    await request(queues, home, 's3', id, candidateThatWill('succeed'));
    expect(await candidateStatus(queues, id)).toMatchObject({ kind: 'finished' });
    expect(await starts(id)).toEqual([expect.stringMatching(/^\d+ 2 f00d$/)]);
  });

  test('tells every waiting search that a candidate has ended', async () => {
    const id = newId();
    for (const search of ['s1', 's2']) await request(queues, home, search, id, candidateThatWill('succeed'));
    spawnWorker();
    await ended(id);
    const hinted = await eventually(async () => {
      const jobs = await queues.coordination.getJobs(['waiting']);
      return jobs.length >= 4 && jobs.map((job) => job.data.search).sort();
    });
    expect(new Set(hinted)).toEqual(new Set(['s1', 's2']));
  });

  test('tries again after a failure that may pass, and keeps count', async () => {
    const id = newId();
    await request(queues, home, 's1', id, candidateThatWill('succeed at the second try'));
    spawnWorker();
    expect(await ended(id)).toMatchObject({ kind: 'finished' });
    expect(await failedTries(queues, id)).toMatchObject([{ failure: { kind: 'internal', reason: 'once' } }]);
  });

  test('does not try again where nothing would change', async () => {
    const id = newId();
    await request(queues, home, 's1', id, candidateThatWill('diverge'));
    spawnWorker();
    expect(await ended(id)).toEqual({
      kind: 'failed',
      failure: { kind: 'not-a-number', retry: 'never', reason: 'the loss is not a number' },
    });
    expect(await starts(id)).toHaveLength(1);
  });

  test('gives a candidate up that fails again and again as nobody foresaw, and begins anew once it is asked to', async () => {
    const id = newId();
    await request(queues, home, 's1', id, candidateThatWill('fail always'));
    const job = await queues.candidates.getJob(id);
    // As after two minutes.
    const before = { failure: { kind: 'internal', retry: 'here', reason: 'try 0' }, place: 'elsewhere/cpu' };
    const time = new Date().toISOString();
    const failures = [{ ...before, at: time, times: 6, until: time }] as CandidateJob['failures'];
    await job?.updateData({ ...(job?.data as CandidateJob), failures });
    spawnWorker();
    const message = 'a training waits (internal, tried 1 times): try 1';
    await eventually(async () => {
      const { troubles } = await outlookOn(queues, watchHome(home, await identified(home)), 's1');
      return troubles.some((trouble) => trouble.kind === 'waiting' && trouble.message === message);
    });
    expect(await ended(id)).toMatchObject({ kind: 'failed', failure: { kind: 'internal', reason: 'try 2' } });
    await forgetFailures(queues, [id]);
    await request(queues, home, 's1', id, candidateThatWill('fail always'));
    await eventually(async () => (await starts(id)).length === 3);
    expect(await candidateStatus(queues, id)).not.toMatchObject({ kind: 'failed' });
  });

  test('goes on after its trainer was killed, and says so', async () => {
    const id = newId();
    await request(queues, home, 's1', id, candidateThatWill('be killed'));
    spawnWorker();
    expect(await ended(id)).toMatchObject({ kind: 'finished' });
    expect(await failedTries(queues, id)).toMatchObject([
      { failure: { kind: 'killed', retry: 'later', reason: 'the trainer was ended by SIGKILL' } },
    ]);
  });

  test('goes on however often its trainer is killed, with pauses that grow, and is taken for waiting meanwhile', async () => {
    const id = newId();
    await request(queues, home, 's1', id, candidateThatWill('be killed again and again'));
    spawnWorker();
    const waiting = await eventually(async () => {
      const status = await candidateStatus(queues, id);
      return status.kind === 'waiting' && (status.fault?.times ?? 0) >= 3 && status.fault;
    });
    expect(waiting).toMatchObject({ failure: { kind: 'killed' } });
    const { at = '', until = '', times = 0 } = waiting || {};
    expect(Date.parse(until) - Date.parse(at)).toBe(1000 * 2 ** (times - 1));
    expect(await failedTries(queues, id)).toHaveLength(1);
  });

  test('goes on with what was begun before it begins something else', async () => {
    const [begun, fresh, other] = [newId(), newId(), newId()];
    await request(queues, home, 's1', begun, candidateThatWill('be killed'));
    spawnWorker();
    const [failed] = await eventually(async () => {
      const tries = await failedTries(queues, begun);
      return tries.length > 0 && tries;
    });
    await request(queues, home, 's1', other, candidateThatWill('hang'));
    await training(other);
    await request(queues, home, 's1', fresh, candidateThatWill('succeed'));
    // Due while the worker was at something else.
    await eventually(async () => Date.now() > Date.parse(failed?.until ?? ''));
    await release(queues, 's1', other);
    await ended(fresh);
    const finishedOn = async (id: string) => (await queues.candidates.getJob(id))?.finishedOn ?? 0;
    expect(await finishedOn(begun)).toBeLessThan(await finishedOn(fresh));
  });

  test('knows a trainer that exhausted its memory', async () => {
    const id = newId();
    await request(queues, home, 's1', id, candidateThatWill('exhaust the heap'));
    spawnWorker();
    const [first] = await eventually(async () => {
      const tries = await failedTries(queues, id);
      return tries.length > 0 && tries;
    });
    expect(first?.failure).toMatchObject({ kind: 'out-of-memory', retry: 'elsewhere' });
  });

  test('kills a trainer that has fallen silent', async () => {
    const id = newId();
    await request(queues, home, 's1', id, candidateThatWill('hang once'));
    spawnWorker({ silenceMs: 3000 });
    expect(await ended(id)).toMatchObject({ kind: 'finished' });
    expect(await failedTries(queues, id)).toMatchObject([
      { failure: { kind: 'time-limit', reason: 'the trainer reported nothing for 3 s and was killed' } },
    ]);
  });

  test('leaves a failure of its place to another place, where there is one', async () => {
    const id = newId();
    spawnWorker();
    spawnWorker({ device: 'cuda:0' });
    await eventually(async () => (await listWorkers(redis)).length === 2);
    await request(queues, home, 's1', id, candidateThatWill('elsewhere'));
    const tries = await eventually(async () => {
      const seen = await failedTries(queues, id);
      return seen.length >= 3 && seen;
    });
    const places = tries.map((attempt) => attempt.place.split('/')[1]);
    expect(places[1]).not.toBe(places[0]);
    expect(places[2]).toBe(places[0]);
  });

  test('ends a training that no search waits for any more, and a later search has it trained again', async () => {
    const id = newId();
    await request(queues, home, 's1', id, candidateThatWill('hang once'));
    spawnWorker();
    await training(id);
    const trainer = await trainerOf(id);
    await release(queues, 's1', id);
    await eventually(async () => (await queues.candidates.getJobState(id)) === 'failed');
    // No outcome of it: whoever asks next has it begun again.
    expect(await candidateStatus(queues, id)).toEqual({ kind: 'waiting' });
    expect(alive(trainer)).toBe(false);
    await request(queues, home, 's2', id, candidateThatWill('hang once'));
    expect(await ended(id)).toMatchObject({ kind: 'finished' });
  });

  test('takes a candidate that nobody waits for out of the queue', async () => {
    const id = newId();
    await request(queues, home, 's1', id, candidateThatWill('succeed'));
    await request(queues, home, 's2', id, candidateThatWill('succeed'));
    await release(queues, 's1', id);
    expect(await candidateStatus(queues, id)).toEqual({ kind: 'waiting' });
    await release(queues, 's2', id);
    expect(await candidateStatus(queues, id)).toEqual({ kind: 'unknown' });
  });

  test('killed by SIGKILL takes its trainer along, and another worker goes on', async () => {
    const id = newId();
    await request(queues, home, 's1', id, candidateThatWill('hang once'));
    const first = spawnWorker();
    await training(id);
    const trainer = await trainerOf(id);
    first.kill('SIGKILL');
    await eventually(async () => !alive(trainer));
    spawnWorker();
    expect(await ended(id)).toMatchObject({ kind: 'finished' });
    expect(await failedTries(queues, id)).toEqual([]);
    expect(await starts(id)).toHaveLength(2);
  });

  test('killed by SIGKILL is missed within seconds, with the locks that it has by default', async () => {
    const id = newId();
    const usual = { lockMs: undefined };
    await request(queues, home, 's1', id, candidateThatWill('hang once'));
    const first = spawnWorker(usual);
    await training(id);
    spawnWorker(usual);
    first.kill('SIGKILL');
    const killed = Date.now();
    expect(await ended(id)).toMatchObject({ kind: 'finished' });
    expect(Date.now() - killed).toBeLessThan(20_000);
  });

  test('that lost its lock ends its training, and whoever holds the candidate then goes on', async () => {
    const id = newId();
    await request(queues, home, 's1', id, candidateThatWill('hang once'));
    spawnWorker();
    await training(id);
    const trainer = await trainerOf(id);
    await redis.del(`x3d:candidates:${id}:lock`);
    await eventually(async () => !alive(trainer));
    expect(await ended(id)).toMatchObject({ kind: 'finished' });
    expect(await failedTries(queues, id)).toEqual([]);
  });

  test('frozen with its trainer, and woken when another has ended the training, changes nothing of it', async () => {
    const id = newId();
    await request(queues, home, 's1', id, candidateThatWill('sign what it makes'));
    const first = spawnWorker();
    await training(id);
    const trainer = await trainerOf(id);
    first.kill('SIGSTOP');
    process.kill(trainer, 'SIGSTOP');
    spawnWorker();
    await ended(id);
    const weights = () => readFile(join(home.candidate(id), 'weights.safetensors'), 'utf8');
    const second = await trainerOf(id);
    expect(second).not.toBe(trainer);
    expect(await weights()).toBe(`of ${second}`);
    // The trainer first, so that it comes to its end before its worker can hear of anything.
    process.kill(trainer, 'SIGCONT');
    await sleep(3000);
    first.kill('SIGCONT');
    await eventually(async () => !alive(trainer));
    await sleep(1000);
    expect(await weights()).toBe(`of ${second}`);
    expect(await keptResult(home.candidate(id))).toBeDefined();
  });

  test('trains again what was damaged, once a search asks for it', async () => {
    const id = newId();
    await request(queues, home, 's1', id, candidateThatWill('sign what it makes'));
    spawnWorker();
    await ended(id);
    await truncate(join(home.candidate(id), 'weights.safetensors'), 2);
    await request(queues, home, 's2', id, candidateThatWill('sign what it makes'));
    await eventually(async () => (await starts(id)).length === 2);
    expect(await ended(id)).toMatchObject({ kind: 'finished' });
    expect(await keptResult(home.candidate(id))).toBeDefined();
  });

  test('of another home than the service takes nothing, and is named', async () => {
    const id = newId();
    await ownHome(redis, 'another');
    await request(queues, home, 's1', id, candidateThatWill('succeed'));
    spawnWorker();
    const seen = await eventually(async () => {
      const { troubles } = await outlookOn(queues, watchHome(home, 'another'), 's1');
      return troubles.find(({ kind }) => kind === 'other-home');
    });
    expect(seen.message).toMatch(/^worker .* has another home than .* of the service, and takes nothing/);
    expect(await candidateStatus(queues, id)).toEqual({ kind: 'waiting' });
    await ownHome(redis, await homeId(home));
    expect(await ended(id)).toMatchObject({ kind: 'finished' });
  });

  test('with too little memory for a training leaves it to others, and that is said', async () => {
    const id = newId();
    spawnWorker({ memoryBytes: 1000 });
    await eventually(async () => (await listWorkers(redis)).length === 1);
    await request(queues, home, 's1', id, candidateThatWill('succeed'));
    const seen = await eventually(async () => {
      const found = await outlookOn(queues, watchHome(home, await identified(home)), 's1');
      return found.troubles.length > 0 && found;
    });
    expect(seen.stuck).toMatch(/^a training needs \d+ bytes/);
    expect(seen.troubles).toMatchObject([
      {
        kind: 'no-worker-fits',
        message: expect.stringMatching(/^a training needs \d+ bytes/),
        trainings: [id],
      },
    ]);
    spawnWorker();
    expect(await ended(id)).toMatchObject({ kind: 'finished' });
  });

  test('without the trainer that a training asks for leaves it to others, and that is said', async () => {
    const id = newId();
    spawnWorker();
    await eventually(async () => (await listWorkers(redis)).length === 1);
    const { work, videos } = candidateThatWill('succeed');
    await request(queues, home, 's1', id, { work: { ...work, trainer: 'python3 train.py' }, videos });
    const seen = await eventually(async () => {
      const found = await outlookOn(queues, watchHome(home, await identified(home)), 's1');
      return found.troubles.length > 0 && found;
    });
    expect(seen.troubles).toMatchObject([{ kind: 'no-worker-fits', trainings: [id] }]);
    expect(seen.stuck).toMatch(/^a training needs the trainer `python3 train.py`, and no worker has it/);
  });

  test('whose training ended as nobody wanted it begins again for a search that asked in that moment', async () => {
    const id = newId();
    await request(queues, home, 's1', id, candidateThatWill('hang once'));
    spawnWorker();
    await training(id);
    await release(queues, 's1', id);
    // As if this search had asked between the worker's last look and the end of the training.
    await eventually(async () => (await queues.candidates.getJobState(id)) === 'failed');
    await redis.sadd(`x3d:waiting:${id}`, 's2');
    expect(await candidateStatus(queues, id)).toEqual({ kind: 'waiting' });
    await request(queues, home, 's2', id, candidateThatWill('hang once'));
    expect(await ended(id)).toMatchObject({ kind: 'finished' });
  });

  test('trains again what was trained for a home whose files are gone, once a search asks', async () => {
    const id = newId();
    await request(queues, home, 's1', id, candidateThatWill('succeed'));
    spawnWorker();
    await ended(id);
    await rm(home.candidate(id), { recursive: true });
    await request(queues, home, 's1', id, candidateThatWill('succeed'));
    expect(existsSync(home.candidate(id))).toBe(false);
    await request(queues, home, 's2', id, candidateThatWill('succeed'));
    await eventually(async () => existsSync(join(home.candidate(id), 'result.json')));
    expect(await ended(id)).toMatchObject({ kind: 'finished' });
  });

  test('asked to stop gives its candidate back at once and leaves the registry', async () => {
    const id = newId();
    await request(queues, home, 's1', id, candidateThatWill('hang'));
    const worker = spawnWorker();
    await training(id);
    expect(await eventually(async () => (await listWorkers(redis))[0]?.training)).toMatchObject({ id });
    worker.kill('SIGTERM');
    const [code] = await once(worker, 'exit');
    expect(code).toBe(0);
    expect(await candidateStatus(queues, id)).toEqual({ kind: 'waiting' });
    expect(await listWorkers(redis)).toEqual([]);
    expect(alive(await trainerOf(id))).toBe(false);
  });

  test('gives back a job of a form that it does not know, and leaves it to a worker that knows it', async () => {
    const id = newId();
    await request(queues, home, 's1', id, candidateThatWill('succeed'));
    const job = await queues.candidates.getJob(id);
    const data = job?.data as CandidateJob;
    await job?.updateData({ ...data, version: (JOB_VERSION + 1) as typeof JOB_VERSION });
    spawnWorker();
    await eventually(async () => (await queues.candidates.getJobState(id)) === 'delayed');
    expect(await candidateStatus(queues, id)).toEqual({ kind: 'waiting' });
    expect(existsSync(home.candidate(id))).toBe(false);
    // The worker goes on with what it knows meanwhile.
    const known = newId();
    await request(queues, home, 's1', known, candidateThatWill('succeed'));
    expect(await ended(known)).toMatchObject({ kind: 'finished' });
    expect(await failedTries(queues, id)).toEqual([]);
    // As a worker of the other version would see it.
    await (await queues.candidates.getJob(id))?.updateData(data);
    expect(await ended(id)).toMatchObject({ kind: 'finished' });
    expect(await starts(id)).toHaveLength(1);
  });

  test('trains what an earlier version left in the queue, once its search asks for it', async () => {
    const id = newId();
    const { work, videos } = candidateThatWill('succeed');
    // As the version before jobs carried one had it.
    const left = { work: { ...work, purpose: 'candidate' }, fingerprint: 'f00d', failures: [] };
    await redis.sadd(`x3d:waiting:${id}`, 's1');
    await queues.candidates.add('training', left as unknown as CandidateJob, { jobId: id });
    await request(queues, home, 's1', id, { work, videos });
    spawnWorker();
    expect(await ended(id)).toMatchObject({ kind: 'finished' });
    expect(await starts(id)).toHaveLength(1);
  });
});
