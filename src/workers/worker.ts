/**
 * A worker: takes candidates from the queue, one at a time, and has a trainer of its own train each. It holds the
 * job's lock and so has to stay awake, which is why the training is in another process.
 *
 * What happens when something fails:
 * - the trainer dies or reports a failure: the failure is noted in the job (`tries.ts`), and its kind decides whether
 *   it is tried again, here or elsewhere, and how often; a fault of the world waits for its end;
 * - the worker dies: its trainer ends, the job's lock runs out, another worker goes on from the last checkpoint;
 * - the worker, or only its trainer, lives on although its lock has run out: what it made goes nowhere (`training/attempts.ts`);
 * - the worker is asked to stop: the trainer is killed and the job goes back to the queue at once;
 * - Redis goes away: the training goes on; if the lock was lost meanwhile, the trainer is killed;
 * - nobody waits for the candidate any more (its search was cancelled or paused): the trainer is killed.
 */
import { availableParallelism, hostname, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { DelayedError, type Job, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import type { Logger } from 'pino';
import { type Home, homeId, identified } from '../home.js';
import { machineMemory } from '../machine.js';
import { connect, KEY_PREFIX } from '../redis/connection.js';
import { beginTry, keptResult, putInPlace } from '../training/attempts.js';
import { TrainingError } from '../training/failure.js';
import { workBytes } from '../training/memory.js';
import type { Device, TrainingFailure, TrainingResult } from '../training/training.js';
import { runTrainer, SILENCE_MS, TRAINER } from './child.js';
import { failureFrom } from './faults.js';
import { type CandidateJob, candidateJob, type JobProgress } from './job.js';
import {
  BEGUN,
  beginLease,
  CANDIDATES,
  hint,
  holdsLease,
  LOCK_MS,
  lockOptions,
  openQueues,
  searchesWaiting,
  UNWANTED,
} from './queues.js';
import { announceWorker, dismissWorker, HEARTBEAT_MS, listWorkers, type WorkerRecord } from './registry.js';
import { isFinal, noted } from './tries.js';
import { isHomeKnown, isOtherHome } from './troubles.js';

export interface WorkerOptions {
  readonly redisUrl: string;
  readonly home: Home;
  readonly device: Device;
  /** Threads of its trainer. */
  readonly threads: number;
  /** That a training may take, as `trainingBytes` estimates it. Default: the machine's. */
  readonly memoryBytes?: number;
  readonly log: Logger;
  /** How long a job stays with a worker that fell silent, milliseconds. Default LOCK_MS. */
  readonly lockMs?: number;
  /** How long a trainer may report nothing, milliseconds. Default SILENCE_MS. */
  readonly silenceMs?: number;
  /** The command that trains, where it is the user's own: only trainings that it is asked for are taken. */
  readonly trainer?: string;
  /** The trainer's program, for tests of how trainers end. */
  readonly trainerProgram?: string;
}

export interface RunningWorker {
  readonly id: string;
  /** Gives back what it trains and ends, within a few seconds. */
  stop(): Promise<void>;
}

const PROGRESS_MS = 500;
const ELSEWHERE_DELAY_MS = 500;
/** How long a job that this worker can't take is left to others before it is looked at again. */
const UNKNOWN_DELAY_MS = 5000;

/** A training that was stopped from outside. */
class StoppedTraining extends Error {
  constructor(readonly why: 'stopping' | 'unwanted' | 'lock lost') {
    super(why);
  }
}

const place = (host: string, device: string) => `${host}/${device}`;

/** Leaves a job to others for a while. Gives back what to throw. */
async function givenBack(
  job: Job<CandidateJob>,
  token: string | undefined,
  delayMs: number,
): Promise<DelayedError> {
  await job.moveToDelayed(Date.now() + delayMs, token);
  return new DelayedError();
}

/** Starts a worker; it runs until `stop`. */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { home, device, threads, log, lockMs = LOCK_MS, silenceMs = SILENCE_MS, trainer } = options;
  const { memoryBytes = machineMemory().totalBytes } = options;
  const redis = connect(options.redisUrl);
  redis.on('error', (error) => log.warn({ error: error.message }, 'Redis'));
  const queues = openQueues(redis);
  const host = hostname();
  const here = place(host, device);
  const id = `${host}-${process.pid}`;
  const since = new Date().toISOString();
  const record = {
    id,
    host,
    pid: process.pid,
    device,
    threads,
    memoryBytes,
    since,
    ...(trainer === undefined ? {} : { trainer }),
  };
  let known: string | undefined;
  /** A home that was there once, or that a service works on, is not made anew where it is gone. Undefined then. */
  const idOfHome = async (): Promise<string | undefined> => {
    const mayMake = known === undefined && !(await isHomeKnown(redis));
    const own = await (mayMake ? identified(home) : homeId(home)).catch(() => undefined);
    known ??= own;
    return own;
  };
  let current: WorkerRecord['training'];
  let training: AbortController | undefined;
  let stopping = false;

  const tell = async () => {
    const own = await idOfHome();
    const [minute = 0] = loadavg();
    await announceWorker(redis, {
      ...record,
      seen: new Date().toISOString(),
      load: minute / availableParallelism(),
      ...(own === undefined ? {} : { home: own }),
      ...(current ? { training: current } : {}),
    }).catch(() => {});
  };
  let announcing: Promise<void> | undefined;
  /** While Redis is away one announcement waits for it, not one for each beat. */
  const announce = (): Promise<void> => {
    announcing ??= tell().finally(() => {
      announcing = undefined;
    });
    return announcing;
  };

  const hintAll = async (candidate: string) => {
    for (const search of await searchesWaiting(redis, candidate)) await hint(queues, search);
  };

  /** Whether a failure said to try elsewhere, or its reason may not hold there, and there is another place that could. */
  const shouldGoElsewhere = async ({ failures }: CandidateJob) => {
    const last = failures.at(-1);
    if (last?.place !== here) return false;
    const { retry, kind } = last.failure;
    if (retry !== 'elsewhere' && kind !== 'unreachable-data') return false;
    const others = (await listWorkers(redis)).filter((other) => place(other.host, other.device) !== here);
    return others.some(({ training }) => retry === 'elsewhere' || training === undefined);
  };

  /** What to throw after a try that failed. */
  const failed = async (
    job: Job<CandidateJob>,
    token: string | undefined,
    failure: TrainingFailure,
    began: Date,
  ): Promise<Error> => {
    const failures = noted(job.data.failures, failure, { place: here, began, now: new Date() });
    await job.updateData({ ...job.data, failures: [...failures] });
    log.warn({ candidate: job.id, ...failure }, 'training failed');
    if (isFinal(failures)) return new UnrecoverableError(failure.reason);
    await job.changePriority({ priority: BEGUN });
    await job.moveToDelayed(Date.parse(failures.at(-1)?.until ?? ''), token);
    if (job.id) await hintAll(job.id);
    return new DelayedError();
  };

  const takeJob = async (job: Job<CandidateJob>, token?: string): Promise<TrainingResult> => {
    const began = new Date();
    try {
      return await trainJob(job, token);
    } catch (error) {
      if (error instanceof TrainingError) throw await failed(job, token, error.failure, began);
      const settled = [DelayedError, WaitingError, UnrecoverableError].some((kind) => error instanceof kind);
      throw settled ? error : await failed(job, token, failureFrom(error), began);
    }
  };

  /** Why a job is left to another worker; undefined where it is taken. */
  const whyLeft = async (data: CandidateJob): Promise<string | undefined> => {
    if (!candidateJob.Check(data)) return 'the job has a form that this version does not know';
    if (data.work.trainer !== trainer) return `it is for another trainer (${data.work.trainer ?? 'ours'})`;
    const own = await idOfHome();
    if (own === undefined) return 'the home is away';
    if (await isOtherHome(redis, own)) return 'the service has another home';
    return workBytes(data.work) > memoryBytes ? 'it takes more memory' : undefined;
  };

  const trainJob = async (job: Job<CandidateJob>, token?: string): Promise<TrainingResult> => {
    const candidate = job.id ?? '';
    const refusal = await whyLeft(job.data);
    if (refusal !== undefined) {
      log.warn({ candidate }, `given back: ${refusal}`);
      throw await givenBack(job, token, UNKNOWN_DELAY_MS);
    }
    if (await shouldGoElsewhere(job.data)) {
      const back = await givenBack(job, token, ELSEWHERE_DELAY_MS);
      // Takes nothing until the job is due again, else it might be the first to take it each time.
      await sleep(2 * ELSEWHERE_DELAY_MS);
      throw back;
    }
    const existing = await keptResult(home.candidate(candidate));
    if (existing) return existing;
    if ((await searchesWaiting(redis, candidate)).length === 0) throw new UnrecoverableError(UNWANTED);

    const number = await beginLease(redis, candidate);
    const holds = () => holdsLease(redis, candidate, number, token);
    const folder = await beginTry(home, candidate, number);
    const since = new Date().toISOString();
    const own = new AbortController();
    training = own;
    if (stopping) own.abort(new StoppedTraining('stopping'));
    current = { id: candidate, since };
    const report: JobProgress = { worker: id, since };
    await job.updateProgress(report);
    await Promise.all([announce(), hintAll(candidate)]);
    log.info({ candidate, factors: job.data.work.factors }, 'training');

    const watch = setInterval(async () => {
      const waiting = await searchesWaiting(redis, candidate).catch(() => undefined);
      if (waiting?.length === 0) own.abort(new StoppedTraining('unwanted'));
    }, HEARTBEAT_MS);
    let reported = 0;
    try {
      const result = await runTrainer(
        {
          request: {
            ...job.data.work,
            folder,
            cacheFolder: home.cache,
            pretrainedFolder: home.pretrained,
            device,
            threads,
          },
          videos: job.data.videos,
        },
        {
          program: options.trainerProgram ?? TRAINER,
          signal: own.signal,
          silenceMs,
          onProgress: (progress) => {
            current = { id: candidate, since, progress };
            if (Date.now() - reported < PROGRESS_MS) return;
            reported = Date.now();
            job.updateProgress({ ...report, progress }).catch(() => {});
          },
        },
      );
      if (!(await putInPlace(home, candidate, folder, holds))) throw new StoppedTraining('lock lost');
      return (await keptResult(home.candidate(candidate))) ?? result;
    } catch (error) {
      if (!(error instanceof StoppedTraining)) throw error;
      log.info({ candidate, why: error.why }, 'training stopped');
      if (error.why === 'unwanted') throw new UnrecoverableError(UNWANTED);
      if (error.why === 'stopping') {
        await job.changePriority({ priority: BEGUN });
        await job.moveToWait(token);
      }
      throw new WaitingError();
    } finally {
      clearInterval(watch);
      training = undefined;
      current = undefined;
      void announce();
    }
  };

  const worker = new Worker<CandidateJob, TrainingResult>(CANDIDATES, takeJob, {
    connection: redis,
    prefix: KEY_PREFIX,
    name: id,
    ...lockOptions(lockMs),
    drainDelay: 1,
  });
  worker.on('error', (error) => log.warn({ error: error.message }, 'queue of candidates'));
  const ended = (job: Job<CandidateJob> | undefined) => {
    if (job?.id) hintAll(job.id).catch(() => {});
  };
  // BullMQ says so here only: it does not abort the processor of a job that it has lost.
  worker.on('lockRenewalFailed', (jobs) => {
    if (current && jobs.includes(current.id)) training?.abort(new StoppedTraining('lock lost'));
  });
  worker.on('completed', ended);
  worker.on('failed', ended);
  const heartbeat = setInterval(announce, HEARTBEAT_MS);
  await announce();

  return {
    id,
    stop: async () => {
      stopping = true;
      clearInterval(heartbeat);
      training?.abort(new StoppedTraining('stopping'));
      await worker.close();
      // One that is under way would have it thought to live.
      await announcing;
      await dismissWorker(redis, id).catch(() => {});
      await queues.close();
      redis.disconnect();
    },
  };
}
