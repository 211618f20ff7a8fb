/** What of a network's cost a search counts, and how such figures are written. */
import type { Complexity } from './configuration.js';
import type { CandidateCost } from './events.js';

export function counted(cost: CandidateCost, complexity: Complexity): number {
  const value = cost[complexity];
  if (value === undefined) throw new Error(`a cost without ${complexity}, which its search counts`);
  return value;
}

const UNITS = ['', 'K', 'M', 'G', 'T', 'P', 'E'] as const;

/** 605256512 as "605M", 1962892112 as "1.96G", 2000000 as "2M", 12.3456 as "12.3". */
export function amount(value: number): string {
  const power = value < 1000 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), UNITS.length - 1);
  return `${Number((value / 1000 ** power).toPrecision(3))}${UNITS[power]}`;
}

/** What a complexity comes to: "605M", or "12.3 ms". */
export const quantity = (value: number, complexity: Complexity): string =>
  complexity === 'latency' ? `${Number(value.toPrecision(3))} ms` : amount(value);
