/**
 * Data sets and weights that requests ask for, and plans on them, made in processes apart. Reading a large set for the
 * first time takes longer than a request should: it goes on when whoever asked was told to ask again, and whoever asks
 * again waits for the same reading. It ends once nobody wants it any more.
 */
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { EndedApart } from '../apart/ended.js';
import { openPool } from '../apart/pool.js';
import type { Bounds } from '../bounds.js';
import type { DataConfiguration, Dataset } from '../data/index.js';
import { X3dError } from '../errors.js';
import { type Home, isId } from '../home.js';
import type { SearchConfiguration } from '../search/configuration.js';
import type { Plan, WorkerAtHand } from '../search/planning/plan.js';
import { rootsAt } from './roots.js';

export type ReadingOrder =
  | {
      readonly kind: 'dataset';
      readonly configuration: DataConfiguration;
      readonly cacheFolder: string;
      readonly roots: readonly string[];
      readonly bounds: Bounds;
    }
  /** Weights to start from, to be kept in the home. */
  | { readonly kind: 'start'; readonly named: string; readonly home: string }
  | ({ readonly kind: 'plan' } & Planned);

/** What is to be foretold, as `planOf` takes it. */
export interface Planned {
  readonly configuration: SearchConfiguration;
  readonly opened: Dataset;
  readonly workers: readonly WorkerAtHand[];
}

export type ReadingAnswer =
  | { readonly kind: 'read'; readonly dataset: Dataset }
  | { readonly kind: 'started'; readonly weights: string }
  | { readonly kind: 'planned'; readonly plan: Plan };

export interface ReadingProgress {
  readonly done: number;
  readonly of: number;
}

export interface Readings {
  /**
   * Throws what `openDataset` throws, X3dError forbidden where videos lie outside of the roots, not-ready where that takes
   * longer than a request waits, data where it takes more than it may, and the signal's reason when aborted.
   */
  readonly dataset: (configuration: DataConfiguration, signal: AbortSignal) => Promise<Dataset>;
  /**
   * Keeps the weights of a run of this home, or of what lies under the roots, and gives back what they are kept as. Throws
   * what `startNamed` throws, X3dError forbidden, and as `dataset` does.
   */
  readonly start: (named: string, signal: AbortSignal) => Promise<string>;
  /** What the search would take. Throws as `dataset` does. */
  readonly plan: (planned: Planned, signal: AbortSignal) => Promise<Plan>;
  /** Ends them; what was learned by then is kept. */
  close(): Promise<void>;
}

export interface ReadingsOptions {
  readonly home: Home;
  /** Folders that videos may lie in. */
  readonly roots: readonly string[];
  /** How long a request waits, milliseconds. */
  readonly patienceMs: number;
  /** How long a reading goes on for whoever was told to ask again, milliseconds. */
  readonly lingerMs: number;
  readonly bounds: Bounds;
}

const READER = new URL('../../dist/api/reader.js', import.meta.url);
const AT_ONCE = 4;
const MOST_WAITING = 64;
/** Requests often come in a row. */
const IDLE_MS = 60_000;
/** To write down what was learned of the videos. */
const GRACE_MS = 2000;

interface Reading {
  readonly dataset: Promise<Dataset>;
  readonly unwanted: AbortController;
  over: boolean;
  progress: ReadingProgress;
  /** Requests that wait for it. */
  waiting: number;
  /**
   * Somebody was told to ask again: until when that is waited for, by `performance.now()`. What it came to is kept for
   * them, once: the folder may be another one later.
   */
  until: number;
}

export function openReadings({
  home,
  roots: folders,
  patienceMs,
  lingerMs,
  bounds,
}: ReadingsOptions): Readings {
  const roots = rootsAt(folders);
  const readings = new Map<string, Reading>();
  const readers = openPool<ReadingOrder, ReadingAnswer, ReadingProgress>(READER, {
    subject: 'data sets',
    seconds: bounds.readingSeconds,
    bytes: bounds.readingBytes,
    atOnce: AT_ONCE,
    mostWaiting: MOST_WAITING,
    idleMs: IDLE_MS,
    graceMs: GRACE_MS,
  });
  const read = async <Kind extends ReadingAnswer['kind']>(
    subject: string,
    order: ReadingOrder,
    signal: AbortSignal,
    onProgress?: (progress: ReadingProgress) => void,
  ): Promise<ReadingAnswer & { readonly kind: Kind }> => {
    try {
      const answer = await readers.run(order, { signal, ...(onProgress ? { onProgress } : {}) });
      return answer as ReadingAnswer & { readonly kind: Kind };
    } catch (cause) {
      if (!(cause instanceof EndedApart)) throw cause;
      throw new X3dError(
        'data',
        {
          subject,
          expected: 'what can be looked at for a request',
          got: `what ${cause.message}`,
          remedy: 'Nothing was changed. Look at it with the command line, or give less of it.',
        },
        { cause },
      );
    }
  };
  const begin = (name: string, configuration: DataConfiguration): Reading => {
    const unwanted = new AbortController();
    const order = {
      kind: 'dataset',
      configuration,
      cacheFolder: home.cache,
      roots: folders,
      bounds,
    } as const;
    const reading: Reading = {
      dataset: read<'read'>(configuration.path, order, unwanted.signal, (progress) =>
        Object.assign(reading, { progress }),
      )
        .then(({ dataset }) => dataset)
        .finally(() => {
          reading.over = true;
        }),
      unwanted,
      over: false,
      progress: { done: 0, of: 0 },
      waiting: 0,
      until: 0,
    };
    // Nobody may be waiting when it fails.
    reading.dataset.catch(() => {});
    readings.set(name, reading);
    return reading;
  };
  const endUnwanted = (name: string, reading: Reading) => {
    if (reading.waiting > 0 || performance.now() < reading.until || readings.get(name) !== reading) return;
    // Whoever asks from now on begins another.
    readings.delete(name);
    reading.unwanted.abort();
  };
  const linger = (name: string, reading: Reading) => {
    reading.until = performance.now() + lingerMs;
    setTimeout(() => endUnwanted(name, reading), lingerMs + 1).unref();
  };
  return {
    dataset: async (configuration, signal) => {
      await roots.admit('data.path', configuration.path);
      if (configuration.root !== undefined) await roots.admit('data.root', configuration.root);
      const name = JSON.stringify(configuration);
      const reading = readings.get(name) ?? begin(name, configuration);
      reading.waiting += 1;
      const answered = new AbortController();
      const patience = pause(patienceMs, undefined, {
        signal: AbortSignal.any([signal, answered.signal]),
      }).then(
        () => {
          linger(name, reading);
          const { done, of } = reading.progress;
          throw new X3dError('not-ready', {
            subject: configuration.path,
            expected: 'videos that were looked at before, or few enough for a request to wait for',
            got: `${done} of ${of} so far`,
            remedy: 'Ask again: the reading goes on meanwhile, and nothing is read twice.',
          });
        },
        () => {
          throw signal.reason;
        },
      );
      try {
        return await Promise.race([reading.dataset, patience]);
      } finally {
        answered.abort();
        reading.waiting -= 1;
        if (reading.over) reading.until = 0;
        endUnwanted(name, reading);
      }
    },
    start: async (named, signal) => {
      const isRun = isId(named) && existsSync(home.run(named));
      if (!isRun) await roots.admit('from', named);
      return (await read<'started'>('from', { kind: 'start', named, home: home.folder }, signal)).weights;
    },
    plan: async (planned, signal) => {
      const { path } = planned.configuration.data;
      return (await read<'planned'>(path, { kind: 'plan', ...planned }, signal)).plan;
    },
    close: () => readers.close(),
  };
}
