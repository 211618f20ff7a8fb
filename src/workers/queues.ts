/**
 * The two queues: `candidates` (trainings, by workers) and `coordination` ("look at this search", by coordinators).
 *
 * A candidate's job has the candidate's id, so that it is trained once whichever search asks; beside it a set names
 * the searches that wait for it. A search is in that set from before the job exists until it has recorded the
 * outcome: a failure that came before a search asked is so told from one that came because it asked, and a training
 * that nobody waits for any more ends.
 */
import { type Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Home } from '../home.js';
import { KEY_PREFIX } from '../redis/connection.js';
import { keptResult } from '../training/attempts.js';
import { type TrainingFailure, type TrainingResult, trainingResult } from '../training/training.js';
import {
  type AdvanceJob,
  type Attempt,
  type CandidateJob,
  candidateJob,
  JOB_VERSION,
  type JobProgress,
} from './job.js';

export const CANDIDATES = 'candidates';
export const COORDINATION = 'coordination';

/** Workers may be lost as often as they are: that is no fault of what they train. */
const MAX_STALLED = 2 ** 31;
/** What was begun goes before what was not; BullMQ takes the lower number first. */
const FRESH = 2;
export const BEGUN = 1;
/** How long a job stays with a process that fell silent, milliseconds, unless a test says otherwise. */
export const LOCK_MS = 6000;
/** How often every running search is looked at even if no hint came. */
const TICK_MS = 2000;

/**
 * What workers of both queues have in common. A lock is renewed twice in its time, and looked at three times: a job
 * whose process was killed is taken up within about one and a half times `lockMs`.
 */
export const lockOptions = (lockMs: number) => ({
  lockDuration: lockMs,
  stalledInterval: Math.ceil(lockMs / 3),
  maxStalledCount: MAX_STALLED,
});

export interface Queues {
  readonly redis: Redis;
  readonly candidates: Queue<CandidateJob, TrainingResult>;
  readonly coordination: Queue<AdvanceJob>;
  close(): Promise<void>;
}

export function openQueues(redis: Redis): Queues {
  const options = { connection: redis, prefix: KEY_PREFIX };
  const candidates = new Queue<CandidateJob, TrainingResult>(CANDIDATES, options);
  const coordination = new Queue<AdvanceJob>(COORDINATION, options);
  // Lost connections come back by themselves; a queue without a listener would end the process instead.
  for (const queue of [candidates, coordination]) queue.on('error', () => {});
  return {
    redis,
    candidates,
    coordination,
    close: async () => {
      await Promise.all([candidates.close(), coordination.close()]);
    },
  };
}

const leaseKey = (candidate: string) => `${KEY_PREFIX}:lease:${candidate}`;

/** Numbers whoever takes a training: the last one holds it. */
export const beginLease = (redis: Redis, candidate: string): Promise<number> =>
  redis.incr(leaseKey(candidate));

/** Whether the job is still `token`'s, and nobody took it since. */
export async function holdsLease(
  redis: Redis,
  candidate: string,
  number: number,
  token: string | undefined,
): Promise<boolean> {
  const lock = `${KEY_PREFIX}:${CANDIDATES}:${candidate}:lock`;
  const [held, last] = await redis.mget(lock, leaseKey(candidate));
  return token !== undefined && held === token && last === String(number);
}

const waitingKey = (candidate: string) => `${KEY_PREFIX}:waiting:${candidate}`;

/** The searches that wait for a candidate. */
export const searchesWaiting = (redis: Redis, candidate: string): Promise<string[]> =>
  redis.smembers(waitingKey(candidate));

/** Says that there may be something to do in a search. Losing it loses no more than a tick's time. */
export async function hint({ coordination }: Queues, search: string): Promise<void> {
  await coordination.add('advance', { search }, { removeOnComplete: true, removeOnFail: 100 });
}

/** Looks at a search every few seconds until `stopTicking`. */
export async function startTicking({ coordination }: Queues, search: string): Promise<void> {
  await coordination.upsertJobScheduler(
    search,
    { every: TICK_MS },
    { name: 'advance', data: { search }, opts: { removeOnComplete: true, removeOnFail: 100 } },
  );
}

export async function stopTicking({ coordination }: Queues, search: string): Promise<void> {
  await coordination.removeJobScheduler(search);
}

/** What another try of the same candidate could not change, since all in it is decided by its seed. */
const settled = (failure: TrainingFailure) => failure.kind === 'not-a-number';

/** Why a training that was wanted no more has failed; a search that asked at that very moment has it begun again. */
export const UNWANTED = 'nobody waits for it any more';

/** Whether a job is of an earlier version, from before this one was installed: no worker of today takes it. */
const isOutdated = ({ data }: Job<CandidateJob>): boolean =>
  ((data as { readonly version?: number }).version ?? 1) < JOB_VERSION;

/** A job; undefined where there is none, or its text in Redis is not a job's: whoever asks for it next has it made anew. */
export const jobNamed = (
  { candidates }: Pick<Queues, 'candidates'>,
  id: string,
): Promise<Job<CandidateJob> | undefined> =>
  candidates.getJob(id).catch((error: unknown) => {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  });

/** Whether a job's outcome is of no use to a search that asks for it only now. */
async function isStale(job: Job<CandidateJob>, state: string, folder: string): Promise<boolean> {
  if (isOutdated(job)) return true;
  if (state === 'failed') return !settled(failureOf(job));
  // Redis may have outlived the home that the result was written in, and a disk what was on it.
  return (
    state === 'completed' &&
    !(trainingResult.Check(job.returnvalue) && (await keptResult(folder)) !== undefined)
  );
}

/**
 * Sees to it that a candidate is in the queue and that `search` waits for it. Safe to repeat, and to be cut off
 * anywhere. A candidate that failed before this search asked for it is tried again, and so is one whose result is not
 * in `home`, or whose job an earlier version left.
 */
export async function request(
  queues: Queues,
  home: Home,
  search: string,
  candidate: string,
  data: Pick<CandidateJob, 'work' | 'videos'>,
): Promise<void> {
  const { redis, candidates } = queues;
  const asked = await redis.sismember(waitingKey(candidate), search);
  const state = await candidates.getJobState(candidate);
  const job = await jobNamed({ candidates }, candidate);
  if (asked && job && !isOutdated(job)) {
    if (
      state === 'completed'
        ? trainingResult.Check(job.returnvalue)
        : state !== 'unknown' && state !== 'failed'
    )
      return;
    if (state === 'failed' && job.failedReason !== UNWANTED) return;
  }
  if (!job && state !== 'unknown') await candidates.remove(candidate).catch(() => {});
  // Another coordinator may be at the same: a job that is gone or taken is what we want too.
  if (job && (await isStale(job, state, home.candidate(candidate)))) await job.remove().catch(() => {});
  await redis.sadd(waitingKey(candidate), search);
  await candidates.add(
    'training',
    { version: JOB_VERSION, ...data, failures: [] },
    { jobId: candidate, priority: FRESH },
  );
}

/**
 * As `request`, for a training that has ended: trains it again where what it left is gone or damaged. Whether all of it
 * is there.
 */
export async function restore(
  queues: Queues,
  home: Home,
  search: string,
  candidate: string,
  data: Pick<CandidateJob, 'work' | 'videos'>,
): Promise<boolean> {
  if (await keptResult(home.candidate(candidate))) return true;
  if ((await queues.candidates.getJobState(candidate)) === 'completed')
    await queues.candidates.remove(candidate).catch(() => {});
  await request(queues, home, search, candidate, data);
  return false;
}

/** The search has recorded the outcome, or no longer wants it. A training that nobody waits for ends. */
export async function release(
  { redis, candidates }: Queues,
  search: string,
  candidate: string,
): Promise<void> {
  const [, left] =
    (await redis.multi().srem(waitingKey(candidate), search).scard(waitingKey(candidate)).exec()) ?? [];
  if (left?.[1] !== 0) return;
  const state = await candidates.getJobState(candidate);
  // One that is active ends when its worker sees that nobody waits.
  if (state === 'waiting' || state === 'prioritized' || state === 'delayed')
    await candidates.remove(candidate);
}

/** Forgets how trainings failed, so that whoever asks next has them begun anew. */
export async function forgetFailures({ candidates }: Queues, trainings: readonly string[]): Promise<void> {
  for (const training of trainings)
    if ((await candidates.getJobState(training)) === 'failed') await candidates.remove(training);
}

export type CandidateStatus =
  | { readonly kind: 'unknown' }
  /** `fault`: after which it waits to be tried again. */
  | { readonly kind: 'waiting'; readonly fault?: Attempt }
  | { readonly kind: 'training'; readonly progress: JobProgress }
  | { readonly kind: 'finished'; readonly result: TrainingResult }
  | { readonly kind: 'failed'; readonly failure: TrainingFailure };

function failureOf(job: Job<CandidateJob>): TrainingFailure {
  const recorded = faultOf(job)?.failure;
  if (recorded && recorded.reason === job.failedReason) return recorded;
  return { kind: 'killed', retry: 'never', reason: job.failedReason || 'the job failed without a reason' };
}

/** What went wrong in the last try of a job that waits to be tried again. */
export const faultOf = ({ data }: Job<CandidateJob>): Attempt | undefined =>
  candidateJob.Check(data) ? data.failures.at(-1) : undefined;

const isProgress = (progress: unknown): progress is JobProgress =>
  typeof progress === 'object' && progress !== null && 'worker' in progress;

/** Where a candidate stands. The queue's state is what counts; events of the queue are hints only. */
export async function candidateStatus({ candidates }: Queues, candidate: string): Promise<CandidateStatus> {
  // The state first: a job read after it was seen to be finished has its result.
  const state = await candidates.getJobState(candidate);
  const job = await jobNamed({ candidates }, candidate);
  if (!job) return { kind: 'unknown' };
  if (state === 'completed' && trainingResult.Check(job.returnvalue))
    return { kind: 'finished', result: job.returnvalue };
  if (state === 'completed')
    return {
      kind: 'failed',
      failure: { kind: 'internal', retry: 'never', reason: 'the worker gave back no valid result' },
    };
  // Begun again by whoever asks for it next.
  if (state === 'failed' && job.failedReason === UNWANTED) return { kind: 'waiting' };
  if (state === 'failed') return { kind: 'failed', failure: failureOf(job) };
  if (state === 'active' && isProgress(job.progress)) return { kind: 'training', progress: job.progress };
  const fault = faultOf(job);
  return { kind: 'waiting', ...(fault ? { fault } : {}) };
}

/** The failures of a candidate's earlier tries, oldest first. */
export async function failedTries(
  { candidates }: Queues,
  candidate: string,
): Promise<CandidateJob['failures']> {
  const job = await jobNamed({ candidates }, candidate);
  return job && candidateJob.Check(job.data) ? job.data.failures : [];
}
