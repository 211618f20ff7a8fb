/**
 * How fast the workers at hand train. What is not known of this machine is measured while requests go on, once; of other
 * machines, what was measured there for the same home.
 */
import type { Logger } from 'pino';
import type { Home } from '../home.js';
import { AXES, type BaseName } from '../network/index.js';
import type { WorkerAtHand } from '../search/planning/plan.js';
import type { Speed } from '../training/speed.js';
import type { Device } from '../training/training.js';
import type { WorkerRecord } from '../workers/registry.js';
import { isHere, knownSpeed, measureSpeed, type Place, placeOf } from '../workers/speeds.js';

export interface Speeds {
  readonly of: (workers: readonly WorkerRecord[], base: BaseName) => Promise<WorkerAtHand[]>;
  /** As it was measured at some time, of each worker; nothing is measured for it. */
  readonly known: (workers: readonly WorkerRecord[], base: BaseName) => Promise<(Speed | undefined)[]>;
  close(): Promise<void>;
}

export function openSpeeds(home: Home, log: Logger): Speeds {
  const closing = new AbortController();
  const measurements = new Map<string, Promise<unknown>>();
  /** Those that failed are not tried again by this process. */
  const failed = new Set<string>();
  const measuring = (place: Place): boolean => {
    const key = JSON.stringify(place);
    if (!isHere(place) || !/^(cpu|cuda:\d+)$/.test(place.device) || failed.has(key)) return false;
    if (!measurements.has(key)) {
      const measurement = measureSpeed(home, place, { signal: closing.signal })
        .catch((error: Error) => {
          failed.add(key);
          if (!closing.signal.aborted) log.warn({ ...place, error: error.message }, 'speed not measured');
        })
        .finally(() => measurements.delete(key));
      measurements.set(key, measurement);
    }
    return true;
  };
  const placesOf = (workers: readonly WorkerRecord[], base: BaseName) => {
    // Devices are looked at before they are used.
    const all = workers.map((worker) => ({ ...worker, device: worker.device as Device }));
    return all.map((worker) => placeOf(worker, all, base, AXES.length));
  };
  return {
    known: (workers, base) => Promise.all(placesOf(workers, base).map((place) => knownSpeed(home, place))),
    of: (workers, base) => {
      return Promise.all(
        placesOf(workers, base).map(async (place): Promise<WorkerAtHand> => {
          const speed = await knownSpeed(home, place);
          const { device, threads } = place;
          return speed ? { device, threads, speed } : { device, threads, measuring: measuring(place) };
        }),
      );
    },
    close: async () => {
      closing.abort();
      await Promise.all(measurements.values());
    },
  };
}
