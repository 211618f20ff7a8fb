/**
 * What keeps trainings from going on, for whoever looks: no worker, workers that can't take what waits, faults of the
 * world that are waited for, a home or a Redis that has lost what it held.
 */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import Type, { type Static } from 'typebox';
import { isId, REPORT } from '../home.js';
import type { WatchedHome } from '../home-watch.js';
import { KEY_PREFIX } from '../redis/connection.js';
import { lacksLog } from '../search/log.js';
import { workBytes } from '../training/memory.js';
import { type CandidateJob, candidateJob } from './job.js';
import { faultOf, jobNamed, type Queues, searchesWaiting } from './queues.js';
import { listWorkers, NOBODY_TRAINS, type WorkerRecord } from './registry.js';

export const Trouble = Type.Object(
  {
    kind: Type.Enum(['no-workers', 'other-home', 'no-worker-fits', 'waiting', 'search', 'lost'], {
      description:
        'No worker is there; a worker has another home, or none; none has the memory, or the trainer; a fault is waited for; a search can not be seen to; something is gone.',
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

/** Whether a service has said which home it works on. */
export const isHomeKnown = async (redis: Redis): Promise<boolean> => (await redis.exists(HOME)) === 1;

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

/** Of each training that waits, why none of these workers can take it. */
function unfitting(jobs: readonly Job<CandidateJob>[], workers: readonly WorkerRecord[]): Trouble[] {
  const most = Math.max(0, ...workers.map(({ memoryBytes }) => memoryBytes));
  const found = jobs.flatMap(({ id, data }) => {
    if (!id || !candidateJob.Check(data)) return [];
    const { work } = data;
    const needs = workBytes(work);
    const able = workers.filter(({ trainer }) => trainer === work.trainer);
    if (able.some(({ memoryBytes }) => memoryBytes >= needs)) return [];
    return [{ id, needs, text: able.length > 0 ? 'memory' : (work.trainer ?? '') }];
  });
  if (workers.length === 0) return [];
  return grouped(found).map((group) => {
    const [first] = group;
    const needs = Math.min(...group.map((one) => one.needs));
    const which = group.length === 1 ? 'a training needs' : `${group.length} trainings need`;
    const what =
      first?.text === 'memory'
        ? `${needs} bytes of memory or more, and no worker has more than ${most}: start one with more (x3d-search worker --memory)`
        : first?.text
          ? `the trainer \`${first.text}\`, and no worker has it: start one with --trainer`
          : 'the trainer of this program, and each worker has one of its own: start one without --trainer';
    return {
      kind: 'no-worker-fits',
      message: `${which} ${what}`,
      trainings: group.map(({ id }) => id),
    };
  });
}

/** What was there once: the home itself, and the logs of searches that left a trajectory in it. */
async function lost({ redis }: Queues, watched: WatchedHome): Promise<Trouble[]> {
  const trouble = await watched.trouble();
  if (trouble !== undefined) return [{ kind: 'lost', message: trouble }];
  const { home } = watched;
  const runs = (await readdir(join(home.folder, 'runs')).catch(() => [])).filter(isId);
  // Of searches: a single training has none.
  const begun = runs.filter((run) => existsSync(join(home.run(run), REPORT.trajectory)));
  const without = await lacksLog(redis, begun);
  return without.length === 0
    ? []
    : [
        {
          kind: 'lost',
          message: `Redis has no log of ${without.length} searches that left a folder in ${home.folder}/runs (${without.slice(0, 3).join(', ')}): it was emptied, or is another one; \`x3d-search restore\` brings back a backup`,
        },
      ];
}

export interface Outlook {
  readonly troubles: readonly Trouble[];
  /** Why nothing that waits can be taken by any worker; undefined where something can, or nothing waits. */
  readonly stuck?: string;
}

/** All there is to say, the gravest first; of one search, only what holds it up. */
export async function outlookOn(queues: Queues, watched: WatchedHome, search?: string): Promise<Outlook> {
  const { redis, candidates } = queues;
  const [workers, all, gone] = await Promise.all([
    listWorkers(redis),
    candidates.getRanges(['prioritized', 'waiting', 'delayed'], 0, LOOKED_AT - 1),
    lost(queues, watched),
  ]);
  const open = (await Promise.all(all.map((id) => jobNamed(queues, id)))).flatMap((job) => job ?? []);
  const mine = await Promise.all(
    open.map(
      async ({ id }) => search === undefined || (id && (await searchesWaiting(redis, id)).includes(search)),
    ),
  );
  const jobs = open.filter((_, index) => mine[index]);
  const said = search === undefined ? null : await redis.get(searchKey(search));
  const others = workers.filter((worker) => worker.home !== watched.id);
  const usable = workers.filter((worker) => !others.includes(worker));
  const unfit = unfitting(jobs, usable);
  const unfitJobs = unfit.reduce((sum, { trainings }) => sum + (trainings?.length ?? 0), 0);
  const nobody: Trouble[] =
    usable.length === 0 && (search === undefined || jobs.length > 0)
      ? [{ kind: 'no-workers', message: NOBODY_TRAINS }]
      : [];
  const away = others.map(
    ({ id, host, home }): Trouble => ({
      kind: 'other-home',
      message: `worker ${id} on ${host} has ${home === undefined ? 'no home that is there' : `another home than ${watched.home.folder} of the service`}, and takes nothing: give it the same folder`,
    }),
  );
  const stuck = jobs.length > 0 && (usable.length === 0 || unfitJobs === jobs.length);
  return {
    troubles: [
      ...gone,
      ...nobody,
      ...away,
      ...unfit,
      ...waitingFor(jobs),
      ...(said === null ? [] : [{ kind: 'search' as const, message: said }]),
    ],
    ...(stuck ? { stuck: [...nobody, ...away, ...unfit].map(({ message }) => message).join(' ') } : {}),
  };
}
