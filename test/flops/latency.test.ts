/** Latencies from a table: what must hold whatever was measured. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { networkCost } from '../../src/flops/cost.js';
import { LATENCY_AXES, parseLatencyTable, partsOf, predictLatency } from '../../src/flops/latency.js';
import { BASES, describeNetwork } from '../../src/network/index.js';
import { base, factors } from '../network/arbitraries.js';
import { AXES, tableOf } from './tables.js';

const networks = fc.tuple(base, factors).map(([own, at]) => describeNetwork(own, at));

describe('the latency that a table predicts', () => {
  it('is of parts that have all multiply-adds of the network between them', () => {
    fc.assert(
      fc.property(networks, (network) => {
        const parts = partsOf(network).reduce((all, { multiplyAdds }) => all + multiplyAdds, 0);
        expect(parts).toBe(networkCost(network).multiplyAdds);
      }),
    );
  });

  it('is the multiply-adds at a constant speed, and what a call costs', () => {
    fc.assert(
      fc.property(networks, fc.double({ min: 0.01, max: 100, noNaN: true }), (network, nanoseconds) => {
        const expected = 0.5 + (1.25 * nanoseconds * networkCost(network).multiplyAdds) / 1e6;
        const predicted = predictLatency(
          network,
          tableOf(network, () => nanoseconds),
        );
        expect(predicted / expected).toBeCloseTo(1, 9);
      }),
    );
  });

  it('follows any product of powers between the points, and stays what it is beyond them', () => {
    const powers = fc.tuple(...LATENCY_AXES.map(() => fc.double({ min: -1, max: 1, noNaN: true })));
    fc.assert(
      fc.property(networks, powers, (network, exponents) => {
        const time = (point: readonly number[]) =>
          point.reduce((all, value, i) => all * value ** (exponents[i] as number), 3);
        const within = (axis: (typeof LATENCY_AXES)[number], value: number) =>
          Math.min(Math.max(value, AXES[axis][0] as number), AXES[axis].at(-1) as number);
        const expected = partsOf(network).reduce(
          (all, part) =>
            all +
            (1.25 * part.multiplyAdds * time(LATENCY_AXES.map((axis) => within(axis, part[axis])))) / 1e6,
          0.5,
        );
        expect(predictLatency(network, tableOf(network, time)) / expected).toBeCloseTo(1, 9);
      }),
    );
  });

  it('is refused where the table is of another base, or not whole', () => {
    const network = describeNetwork(BASES.x2d, BASES.x2d.factors);
    const table = tableOf(network, () => 1);
    const { grids } = table;
    expect(() => predictLatency(network, { ...table, grids: grids.slice(0, 2) })).toThrow(
      /expected one with the parts of the network: first 1/,
    );
    const cut = grids.map((grid) => ({ ...grid, perMultiplyAdd: grid.perMultiplyAdd.slice(1) }));
    expect(() => parseLatencyTable(JSON.stringify({ ...table, grids: cut }), 't.json')).toThrow(
      /^t\.json: stem 0: expected 81 points, got 80: the file is not whole/,
    );
    expect(() => parseLatencyTable('{"format": 1}', 't.json')).toThrow(/benchmark --table FILE/);
    const back = grids.map((grid) => ({ ...grid, side: [9, 2, 40] }));
    expect(() => parseLatencyTable(JSON.stringify({ ...table, grids: back }), 't.json')).toThrow(
      /^t\.json: stem 0: side: expected values that go up, got \[9,2,40\]/,
    );
    expect(parseLatencyTable(JSON.stringify(table), 't.json')).toEqual(table);
  });
});
