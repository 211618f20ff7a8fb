/**
 * Data sets that requests ask for. Reading a large one for the first time takes longer than a request should: it goes
 * on when whoever asked no longer waits, and whoever asks again waits for the same reading.
 */
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type DataConfiguration, type Dataset, openDataset } from '../data/index.js';
import { startNamed } from '../deployment/starting.js';
import { X3dError } from '../errors.js';
import { type Home, isId } from '../home.js';
import type { Roots } from './roots.js';

export interface Readings {
  /**
   * Throws what `openDataset` throws, X3dError forbidden where videos lie outside of the roots, and not-ready where that
   * takes longer than a request waits.
   */
  readonly dataset: (configuration: DataConfiguration) => Promise<Dataset>;
  /**
   * Keeps the weights of a run of this home, or of what lies under the roots, and gives back what they are kept as. Throws
   * what `startNamed` throws, and X3dError forbidden.
   */
  readonly start: (named: string) => Promise<string>;
  /** Ends them; what was learned by then is kept. */
  close(): Promise<void>;
}

interface Reading {
  readonly dataset: Promise<Dataset>;
  done: number;
  of: number;
}

/** Links in a folder, and lists, may name files elsewhere. */
const FILES_AT_ONCE = 64;
async function admitFiles(roots: Roots, { videos }: Dataset): Promise<void> {
  for (let first = 0; first < videos.length; first += FILES_AT_ONCE)
    await Promise.all(
      videos.slice(first, first + FILES_AT_ONCE).map(({ path }) => roots.admit('data.path', path)),
    );
}

export function openReadings(home: Home, roots: Roots, patienceMs: number): Readings {
  const readings = new Map<string, Reading>();
  const closing = new AbortController();
  const start = (name: string, configuration: DataConfiguration): Reading => {
    const reading: Reading = {
      dataset: openDataset(configuration, {
        cacheFolder: home.cache,
        onProgress: (done, of) => Object.assign(reading, { done, of }),
        signal: closing.signal,
      })
        .then(async (dataset) => {
          await admitFiles(roots, dataset);
          return dataset;
        })
        .finally(() => readings.delete(name)),
      done: 0,
      of: 0,
    };
    // Nobody may be waiting when it fails.
    reading.dataset.catch(() => {});
    readings.set(name, reading);
    return reading;
  };
  return {
    dataset: async (configuration) => {
      await roots.admit('data.path', configuration.path);
      if (configuration.root !== undefined) await roots.admit('data.root', configuration.root);
      const name = JSON.stringify(configuration);
      const reading = readings.get(name) ?? start(name, configuration);
      const answered = new AbortController();
      const patience = pause(patienceMs, undefined, { signal: answered.signal }).then(() => {
        throw new X3dError('not-ready', {
          subject: configuration.path,
          expected: 'videos that were looked at before, or few enough for a request to wait for',
          got: `${reading.done} of ${reading.of} so far`,
          remedy: 'Ask again: the reading goes on meanwhile, and nothing is read twice.',
        });
      });
      try {
        return await Promise.race([reading.dataset, patience]);
      } finally {
        answered.abort();
      }
    },
    start: async (named) => {
      const isRun = isId(named) && existsSync(home.run(named));
      if (!isRun) await roots.admit('from', named);
      return (await startNamed(named, home)).pretrained.id;
    },
    close: async () => {
      closing.abort();
      await Promise.allSettled([...readings.values()].map(({ dataset }) => dataset));
    },
  };
}
