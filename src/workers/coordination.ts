/** Coordinators at work: a queue of "look at this search", taken by any number of processes, none of them the first. */
import { Worker } from 'bullmq';
import type { Logger } from 'pino';
import { CACHE_LIMIT } from '../data/cache.js';
import { X3dError } from '../errors.js';
import { type Home, identified } from '../home.js';
import { watchHome } from '../home-watch.js';
import { connect, KEY_PREFIX } from '../redis/connection.js';
import { advance, type Trainings } from '../search/coordinator.js';
import { allSearches, readSearch } from '../search/log.js';
import { writeRun } from '../search/report.js';
import { openEnergyMeter } from '../search/reporting/energy.js';
import { isOver, type SearchState } from '../search/state.js';
import type { AdvanceJob } from './job.js';
import {
  COORDINATION,
  candidateStatus,
  LOCK_MS,
  lockOptions,
  openQueues,
  type Queues,
  release,
  request,
  restore,
  startTicking,
  stopTicking,
} from './queues.js';
import { keepCacheBounded } from './storage.js';
import { noteTrouble, ownHome } from './troubles.js';

export interface CoordinatorOptions {
  readonly redisUrl: string;
  readonly home: Home;
  readonly log: Logger;
  /** How long a look stays with a coordinator that fell silent, milliseconds. Default LOCK_MS. */
  readonly lockMs?: number;
  /** Of the cache of decoded frames, bytes. Default CACHE_LIMIT. */
  readonly cacheLimit?: number;
}

const SEARCHES_AT_ONCE = 4;
/** How often searches are looked for whose creator died before they ticked. */
const WATCH_MS = 30_000;

export const trainingsOf = (queues: Queues, home: Home): Trainings => ({
  request: (search, candidate, order) => request(queues, home, search, candidate, order),
  status: async (candidate) => {
    const status = await candidateStatus(queues, candidate);
    return status.kind === 'training' ? { kind: 'training', worker: status.progress.worker } : status;
  },
  restore: (search, candidate, order) => restore(queues, home, search, candidate, order),
  release: (search, candidate) => release(queues, search, candidate),
});

/**
 * Whoever created a search may have died before it ticked. One of another version is left to that version. `settled`
 * keeps those that nothing will happen in here, so that each is read, and spoken of, once.
 */
async function tickRunning(queues: Queues, log: Logger, settled: Set<string>): Promise<void> {
  for await (const search of allSearches(queues.redis)) {
    if (settled.has(search)) continue;
    const state = await readSearch(queues.redis, search).catch((error) => {
      if (!(error instanceof X3dError)) throw error;
      log.warn({ search, error: error.message }, 'left alone');
      return undefined;
    });
    if (!state || isOver(state)) settled.add(search);
    else if (state.status.kind === 'running') await startTicking(queues, search);
  }
}

/** What is known of the home before something is decided is no older than this. */
const HOME_MS = 50;

/** Starts a coordinator; it runs until `stop`. */
export async function startCoordinator(options: CoordinatorOptions): Promise<{ stop(): Promise<void> }> {
  const { redisUrl, home, log, lockMs = LOCK_MS, cacheLimit = CACHE_LIMIT } = options;
  const redis = connect(redisUrl);
  redis.on('error', (error) => log.warn({ error: error.message }, 'Redis'));
  const queues = openQueues(redis);
  const meter = openEnergyMeter();
  const report = (state: SearchState) => writeRun(state, home, meter);
  const warn = (search: string, message: string) => log.warn({ search }, message);
  const coordination = { redis, home, trainings: trainingsOf(queues, home), report, warn };
  const own = watchHome(home, await identified(home));
  await ownHome(redis, own.id);
  const settled = new Set<string>();
  await tickRunning(queues, log, settled);
  const watch = setInterval(
    () =>
      Promise.all([
        // Again: a Redis that was emptied knows of no home.
        ownHome(redis, own.id),
        tickRunning(queues, log, settled),
      ]).catch((error: Error) => log.warn({ error: error.message }, 'watch')),
    WATCH_MS,
  );
  const cache = keepCacheBounded(queues, { home, cacheLimit, log });
  const worker = new Worker<AdvanceJob>(
    COORDINATION,
    async ({ data: { search } }) => {
      // Nothing is decided on what happens to be left of a home, nor written there; whoever looks is told of it.
      if ((await own.trouble(HOME_MS)) !== undefined) return;
      const state = await advance(coordination, search);
      if (state?.status.kind === 'running') return;
      await stopTicking(queues, search);
      // Resumed meanwhile, its ticks may just have been stopped.
      if ((await readSearch(redis, search))?.status.kind === 'running') await startTicking(queues, search);
    },
    {
      connection: redis,
      prefix: KEY_PREFIX,
      concurrency: SEARCHES_AT_ONCE,
      ...lockOptions(lockMs),
    },
  );
  worker.on('error', (error) => log.warn({ error: error.message }, 'queue of coordination'));
  worker.on('failed', (job, error) => {
    log.error({ search: job?.data.search, error }, 'coordination failed');
    if (job) noteTrouble(redis, job.data.search, error.message).catch(() => {});
  });
  return {
    stop: async () => {
      clearInterval(watch);
      cache.stop();
      meter.close();
      await worker.close();
      await queues.close();
      redis.disconnect();
    },
  };
}
