/**
 * Energy that the processors of this machine took, where the kernel lets it be read (RAPL): all of the machine, whatever
 * else ran on it. Counters go round within minutes under load, so they are read every half minute.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const POWERCAP = '/sys/class/powercap';
const READ_EVERY_MS = 30_000;

export interface EnergyMeter {
  /** Joules since the meter was opened; undefined where they can't be read. */
  joules(): number | undefined;
  close(): void;
}

interface Counter {
  readonly file: string;
  /** Microjoules at which it begins again. */
  readonly range: number;
  last: number;
}

const numberIn = (file: string): number => Number(readFileSync(file, 'utf8'));

/** Whole packages: what lies below them is part of them. */
function countersIn(folder: string): Counter[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^intel-rapl:\d+$/.test(name))
      .map((name) => {
        const file = join(folder, name, 'energy_uj');
        return { file, range: numberIn(join(folder, name, 'max_energy_range_uj')), last: numberIn(file) };
      });
  } catch {
    return [];
  }
}

export function openEnergyMeter(folder = POWERCAP): EnergyMeter {
  const counters = countersIn(folder);
  let joules = 0;
  const read = () => {
    for (const counter of counters) {
      const now = numberIn(counter.file);
      const passed = now - counter.last;
      joules += (passed < 0 ? passed + counter.range : passed) / 1e6;
      counter.last = now;
    }
  };
  const timer = counters.length > 0 ? setInterval(read, READ_EVERY_MS).unref() : undefined;
  return {
    joules: () => {
      if (counters.length === 0) return undefined;
      read();
      return joules;
    },
    close: () => clearInterval(timer),
  };
}
