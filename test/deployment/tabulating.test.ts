/** A table measured here, of a base that is small enough for it to take seconds. */
import { expect, it } from 'vitest';
import { measureTable } from '../../src/deployment/tabulating.js';
import { parseLatencyTable, predictLatency } from '../../src/flops/latency.js';
import { BASES, type BaseNetwork, describeNetwork } from '../../src/network/index.js';

const base: BaseNetwork = {
  ...BASES['x2d-micro'],
  name: 'tiny',
  stemWidth: 4,
  stages: [{ width: 4, depth: 1 }],
  headWidth: 16,
  factors: { ...BASES['x2d-micro'].factors, crop: 16 },
};

it('predicts whole networks, the larger ones to be slower', { timeout: 300_000 }, async () => {
  const seen: number[] = [];
  const { checks, ...table } = await measureTable({
    base,
    threads: 1,
    checked: 2,
    onProgress: (done, of) => seen.push(done / of),
  });
  expect(seen.at(-1)).toBe(1);
  expect(parseLatencyTable(JSON.stringify(table), 'table')).toEqual(table);
  const at = (frames: number, crop: number, depth: number) =>
    predictLatency(describeNetwork(base, { ...base.factors, frames, crop, depth }), table);
  expect(at(16, 48, 3)).toBeGreaterThan(at(1, 16, 1));
  expect(at(16, 48, 3)).toBeGreaterThan(at(16, 48, 1));
  for (const { measured, predicted } of checks) {
    // A machine that does other things as well: how near it comes is said where it is quiet.
    expect(predicted / measured).toBeGreaterThan(0.1);
    expect(predicted / measured).toBeLessThan(10);
  }
});
