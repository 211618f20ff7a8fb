/** What a home takes on disk, and what of it nothing needs any more. */
import { readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { boundCache, filesBelow, type Removed } from '../data/cache.js';
import { X3dError } from '../errors.js';
import { type Home, isId } from '../home.js';
import { allSearches, readSearch } from '../search/log.js';
import { trainingsOf } from '../search/state.js';
import { pretrainedId } from '../training/pretrained.js';
import { readSingleRun, type SingleRun } from '../training/single.js';
import { type Queues, searchesWaiting } from './queues.js';
import { listWorkers } from './registry.js';

/** A run that `train` began; undefined for that of a search. Throws X3dError data where its file is damaged. */
const singleRun = (home: Home, run: string): Promise<SingleRun | undefined> =>
  readSingleRun(home, run).catch((error: unknown) => {
    if (error instanceof X3dError && error.kind === 'not-found') return undefined;
    throw error;
  });

interface Wanted {
  readonly trainings: ReadonlySet<string>;
  /** Weights that trainings start from. */
  readonly weights: ReadonlySet<string>;
}

/**
 * What every search of the log, and every run of one network, has trained or wants trained, and from what. Throws
 * X3dError: conflict for a log of another version, data for a run that can't be read.
 */
async function wantedOf({ redis }: Queues, home: Home): Promise<Wanted> {
  const trainings = new Set<string>();
  const weights = new Set<string>();
  for await (const search of allSearches(redis)) {
    const state = await readSearch(redis, search);
    for (const { id } of state ? trainingsOf(state) : []) trainings.add(id);
    if (state?.configuration.from) weights.add(state.configuration.from.weights);
  }
  for (const name of await namesIn(runsFolder(home))) {
    const run = await singleRun(home, name);
    if (run) trainings.add(run.training);
    if (run?.work.ancestor) weights.add(run.work.ancestor.weights);
  }
  return { trainings, weights };
}

const runsFolder = (home: Home) => dirname(home.run('any'));

async function sizeOf(folder: string): Promise<Removed> {
  const files = await filesBelow(folder);
  return { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** What a training has in a home: its result, and the tries that have not come to one. */
const foldersOf = (home: Home, training: string) => [home.candidate(training), home.attempts(training)];

const namesIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder).catch(() => [])).filter(isId);

interface Unused {
  /** Trainings that no search and no run names. */
  readonly trainings: readonly string[];
  /** Files of weights that none starts from. */
  readonly weights: readonly string[];
}

async function unusedIn(queues: Queues, home: Home): Promise<Unused> {
  const found = await Promise.all(foldersOf(home, 'any').map((folder) => namesIn(dirname(folder))));
  const files = await readdir(home.pretrained).catch(() => []);
  const wanted = await wantedOf(queues, home);
  return {
    trainings: [...new Set(found.flat())].filter((id) => !wanted.trainings.has(id)),
    weights: files.flatMap((name) => {
      const id = pretrainedId(name);
      return id === undefined || wanted.weights.has(id) ? [] : [join(home.pretrained, name)];
    }),
  };
}

export interface Usage extends Removed {
  /** Runs, trainings, or none where it is not divided so. */
  readonly entries?: number;
}

/** By part of the home. */
export interface Storage {
  readonly runs: Usage;
  readonly candidates: Usage;
  /** Of the candidates. */
  readonly unused: Usage;
  /** Weights that trainings start from. */
  readonly pretrained: Usage;
  /** Of them. */
  readonly unusedPretrained: Usage;
  readonly cache: Usage;
  readonly redis: Usage;
  readonly other: Usage;
}

export async function storageOf(queues: Queues, home: Home): Promise<Storage> {
  const trained = foldersOf(home, 'any').map((folder) => dirname(folder));
  const files = await filesBelow(home.folder);
  const within = (...folders: string[]) => {
    const own = files.filter(({ path }) => folders.some((folder) => path.startsWith(`${folder}/`)));
    return { files: own.length, bytes: own.reduce((sum, { bytes }) => sum + bytes, 0) };
  };
  const unused = await unusedIn(queues, home);
  const weights = files.filter(({ path }) => unused.weights.includes(path));
  const runs = runsFolder(home);
  const known = within(runs, ...trained, home.pretrained, home.cache, home.redis);
  const all = within(home.folder);
  const trainings = new Set((await Promise.all(trained.map(namesIn))).flat());
  return {
    runs: { ...within(runs), entries: (await namesIn(runs)).length },
    candidates: { ...within(...trained), entries: trainings.size },
    unused: {
      ...within(...unused.trainings.flatMap((id) => foldersOf(home, id))),
      entries: unused.trainings.length,
    },
    pretrained: within(home.pretrained),
    unusedPretrained: {
      files: weights.length,
      bytes: weights.reduce((sum, { bytes }) => sum + bytes, 0),
    },
    cache: within(home.cache),
    redis: within(home.redis),
    other: { files: all.files - known.files, bytes: all.bytes - known.bytes },
  };
}

/** Removes those of some trainings that no search names or waits for. */
async function removeUnused(
  { redis }: Queues,
  home: Home,
  trainings: readonly string[],
): Promise<Removed & { trainings: number }> {
  const removed = { trainings: 0, files: 0, bytes: 0 };
  for (const id of trainings) {
    // A search that begins now may have asked for it since the logs were read.
    if ((await searchesWaiting(redis, id)).length > 0) continue;
    removed.trainings += 1;
    for (const folder of foldersOf(home, id)) {
      const { files, bytes } = await sizeOf(folder);
      await rm(folder, { recursive: true, force: true });
      removed.files += files;
      removed.bytes += bytes;
    }
  }
  return removed;
}

/** The folder of a search's run, and those of its trainings that no other search has. */
export async function removeRun(
  queues: Queues,
  home: Home,
  search: string,
  trainings: readonly string[],
): Promise<Removed & { trainings: number }> {
  const folder = home.run(search);
  const run = await sizeOf(folder);
  // A report may just be written into it.
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  const wanted = await wantedOf(queues, home);
  const own = await removeUnused(
    queues,
    home,
    trainings.filter((id) => !wanted.trainings.has(id)),
  );
  return { trainings: own.trainings, files: run.files + own.files, bytes: run.bytes + own.bytes };
}

/** When the longest of the trainings under way began, milliseconds; now where there is none. */
async function inUseSince({ redis }: Queues): Promise<number> {
  const begun = (await listWorkers(redis)).flatMap(({ training }) =>
    training ? [Date.parse(training.since)] : [],
  );
  return Math.min(Date.now(), ...begun);
}

/** Bounds the cache; what a training under way reads stays. */
export const boundCacheOf = async (queues: Queues, home: Home, limit: number): Promise<Removed> =>
  boundCache(home.cache, limit, await inUseSince(queues));

/** What was kept in this time may be for a search whose videos are still looked at. */
const BEGINNING_MS = 3_600_000;

async function removeWeights(files: readonly string[]): Promise<Removed> {
  const removed = { files: 0, bytes: 0 };
  for (const file of files) {
    const known = await stat(file).catch(() => undefined);
    if (known === undefined || known.mtimeMs > Date.now() - BEGINNING_MS) continue;
    await rm(file, { force: true });
    removed.files += 1;
    removed.bytes += known.size;
  }
  return removed;
}

export interface Collected {
  readonly cache: Removed;
  readonly pretrained: Removed;
  readonly candidates: Removed & { readonly trainings: number };
}

export async function collect(queues: Queues, home: Home, cacheLimit: number): Promise<Collected> {
  const unused = await unusedIn(queues, home);
  return {
    candidates: await removeUnused(queues, home, unused.trainings),
    pretrained: await removeWeights(unused.weights),
    cache: await boundCacheOf(queues, home, cacheLimit),
  };
}

const WATCH_MS = 10 * 60_000;

/** Keeps the cache within its limit, now and from time to time, until it is stopped. */
export function keepCacheBounded(
  queues: Queues,
  { home, cacheLimit, log }: { readonly home: Home; readonly cacheLimit: number; readonly log: Logger },
): { stop(): void } {
  const look = () =>
    boundCacheOf(queues, home, cacheLimit).then(
      ({ files, bytes }) => {
        if (files > 0) log.info({ files, bytes, cacheLimit }, 'removed from the cache');
      },
      (error: Error) => log.warn({ error: error.message }, 'the cache was not looked at'),
    );
  void look();
  const timer = setInterval(look, WATCH_MS);
  return { stop: () => clearInterval(timer) };
}
