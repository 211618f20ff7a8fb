/**
 * What keeps trainings from going on, for whoever looks: no worker, workers that can't take what waits, faults of the
 * world that are waited for, a home or a Redis that has lost what it held.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import Type, { type Static } from 'typebox';
import { type Home, homeId, isId } from '../home.js';
import { KEY_PREFIX } from '../redis/connection.js';
import { lacksLog } from '../search/log.js';
import { workBytes } from '../training/memory.js';
import { type CandidateJob, candidateJob } from './job.js';
import { faultOf, type Queues, searchesWaiting } from './queues.js';
import { listWorkers, NOBODY_TRAINS, type WorkerRecord } from './registry.js';

export const Trouble = Type.Object(
  {
    kind: Type.Enum(['no-workers', 'other-home', 'no-worker-fits', 'waiting', 'search', 'lost'], {
      description:
        'No worker is there; a worker has another home; none has the memory; a fault is waited for; a search can not be seen to; something is gone.',
    }),
    message: Type.String({ description: 'For people.' }),
    trainings: Type.Optional(Type.Array(Type.String(), { description: 'Those that it holds up.' })),
    until: Type.Optional(Type.String({ description: 'When the next of them is tried again.' })),
  },
  { title: 'Trouble' },
);
export type Trouble = Static<typeof Trouble>;

const HOME = `${KEY_PREFIX}:home`;
const searchKey = (search: string) => `${KEY_PREFIX}:trouble:${search}`;
/** Kept for so long after it was last seen. */
const SEEN_MS = 10_000;
/** Jobs looked at; of thousands that wait, these say what is amiss. */
const LOOKED_AT = 200;

/** Workers of another home than this one take nothing. */
export const ownHome = (redis: Redis, id: string): Promise<unknown> => redis.set(HOME, id);

/** Whether the service works on another home than the one of this id. */
export async function isOtherHome(redis: Redis, id: string): Promise<boolean> {
  const own = await redis.get(HOME);
  return own !== null && own !== id;
}

/** A search could not be seen to: said until it can. */
export const noteTrouble = (redis: Redis, search: string, message: string): Promise<unknown> =>
  redis.set(searchKey(search), message.slice(0, 1000), 'PX', SEEN_MS);

/** Trainings with the same text, together. */
function grouped<Of extends { readonly id: string; readonly text: string }>(found: readonly Of[]) {
  const groups = new Map<string, Of[]>();
  for (const one of found) groups.set(one.text, [...(groups.get(one.text) ?? []), one]);
  return [...groups.values()];
}

function waitingFor(jobs: readonly Job<CandidateJob>[]): Trouble[] {
  const found = jobs.flatMap((job) => {
    const fault = faultOf(job);
    return fault && job.id ? [{ id: job.id, text: fault.failure.reason, fault }] : [];
  });
  return grouped(found).map((group) => {
    const [first] = group;
    const tries = Math.max(...group.map(({ fault }) => fault.times));
    const until = group.map(({ fault }) => fault.until).sort()[0] ?? '';
    const what = group.length === 1 ? 'a training waits' : `${group.length} trainings wait`;
    return {
      kind: 'waiting',
      message: `${what} (${first?.fault.failure.kind}, tried ${tries} times): ${first?.text}`,
      trainings: group.map(({ id }) => id),
      until,
    };
  });
}

function unfitting(jobs: readonly Job<CandidateJob>[], workers: readonly WorkerRecord[]): Trouble[] {
  const most = Math.max(0, ...workers.map(({ memoryBytes }) => memoryBytes));
  const out = jobs.flatMap((job) => {
    const needs = candidateJob.Check(job.data) ? workBytes(job.data.work) : 0;
    return job.id && needs > most ? [{ id: job.id, needs }] : [];
  });
  if (out.length === 0 || workers.length === 0) return [];
  const least = Math.min(...out.map(({ needs }) => needs));
  return [
    {
      kind: 'no-worker-fits',
      message: `${out.length === 1 ? 'a training needs' : `${out.length} trainings need`} ${least} bytes of memory or more, and no worker has more than ${most}: start one with more (x3d-search worker --memory)`,
      trainings: out.map(({ id }) => id),
    },
  ];
}

/** What was there once: the home itself, and the logs of searches that left a folder in it. */
async function lost({ redis }: Queues, home: Home, own: string): Promise<Trouble[]> {
  const id = await homeId(home).catch((error: Error) => error);
  if (id !== own) {
    const why = typeof id === 'string' ? 'it is another one now' : id.message;
    return [
      {
        kind: 'lost',
        message: `the home ${home.folder} is not what it was when the service started: ${why}`,
      },
    ];
  }
  const runs = (await readdir(join(home.folder, 'runs')).catch(() => [])).filter(isId);
  const without = await lacksLog(redis, runs);
  return without.length === 0
    ? []
    : [
        {
          kind: 'lost',
          message: `Redis has no log of ${without.length} searches that left a folder in ${home.folder}/runs (${without.slice(0, 3).join(', ')}): it was emptied, or is another one; \`x3d-search restore\` brings back a backup`,
        },
      ];
}

/** All there is to say, the gravest first; of one search, only what holds it up. `own`: the id of the service's home. */
export async function troublesOf(
  queues: Queues,
  home: Home,
  own: string,
  search?: string,
): Promise<Trouble[]> {
  const { redis, candidates } = queues;
  const [workers, all, gone] = await Promise.all([
    listWorkers(redis),
    candidates.getJobs(['prioritized', 'waiting', 'delayed'], 0, LOOKED_AT - 1),
    lost(queues, home, own),
  ]);
  const open = all.filter((job) => job !== undefined);
  const mine = await Promise.all(
    open.map(
      async ({ id }) => search === undefined || (id && (await searchesWaiting(redis, id)).includes(search)),
    ),
  );
  const jobs = open.filter((_, index) => mine[index]);
  const said = search === undefined ? null : await redis.get(searchKey(search));
  const others = workers.filter((worker) => worker.home !== undefined && worker.home !== own);
  const usable = workers.filter((worker) => !others.includes(worker));
  return [
    ...gone,
    ...(usable.length === 0 && (search === undefined || jobs.length > 0)
      ? [{ kind: 'no-workers' as const, message: NOBODY_TRAINS }]
      : []),
    ...others.map(({ id, host }) => ({
      kind: 'other-home' as const,
      message: `worker ${id} on ${host} has another home than ${home.folder} of the service, and takes nothing: give it the same folder`,
    })),
    ...unfitting(jobs, usable),
    ...waitingFor(jobs),
    ...(said === null ? [] : [{ kind: 'search' as const, message: said }]),
  ];
}
