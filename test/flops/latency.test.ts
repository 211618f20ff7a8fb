/** Latencies from a table: what must hold whatever was measured. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { networkCost } from '../../src/flops/cost.js';
import {
  LATENCY_AXES,
  type LatencyGrid,
  type LatencyTable,
  parseLatencyTable,
  partsOf,
  predictLatency,
} from '../../src/flops/latency.js';
import { BASES, describeNetwork, type Network } from '../../src/network/index.js';
import { base, factors } from '../network/arbitraries.js';

type Axes = Pick<LatencyGrid, (typeof LATENCY_AXES)[number]>;
const AXES: Axes = { frames: [1, 4, 16], side: [2, 9, 40], width: [4, 32, 300], ratio: [1, 2.5, 7] };

/** A table of a device whose time per multiply-add is `time` of a point. */
function tableOf(network: Network, time: (point: readonly number[]) => number, axes = AXES): LatencyTable {
  const perMultiplyAdd = axes.frames.flatMap((frames) =>
    axes.side.flatMap((side) =>
      axes.width.flatMap((width) => axes.ratio.map((ratio) => time([frames, side, width, ratio]))),
    ),
  );
  const kinds = new Map(partsOf(network).map(({ kind, stage }) => [`${kind} ${stage}`, { kind, stage }]));
  return {
    format: 'x3d-search latency table 1',
    device: 'made',
    threads: 1,
    base: 'x2d',
    overhead: 0.5,
    factor: 1.25,
    grids: [...kinds.values()].map((part) => ({ ...part, ...axes, perMultiplyAdd })),
  };
}

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
    expect(parseLatencyTable(JSON.stringify(table), 't.json')).toEqual(table);
  });
});
