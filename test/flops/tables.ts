/** Tables of latencies that were not measured. */
import { type LATENCY_AXES, type LatencyGrid, type LatencyTable, partsOf } from '../../src/flops/latency.js';
import { BASES, type BaseName, describeNetwork, type Network } from '../../src/network/index.js';

type Axes = Pick<LatencyGrid, (typeof LATENCY_AXES)[number]>;
export const AXES: Axes = { frames: [1, 4, 16], side: [2, 9, 40], width: [4, 32, 300], ratio: [1, 2.5, 7] };

/** A table of a device whose time per multiply-add is `time` of a point. */
export function tableOf(
  network: Network,
  time: (point: readonly number[]) => number,
  axes = AXES,
): LatencyTable {
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

/** Of all expansions of a base, on a device that takes wide layers and many frames faster. */
export function tableOfBase(name: BaseName): LatencyTable {
  const base = BASES[name];
  const network = describeNetwork(base, { ...base.factors, depth: 4 });
  const time = ([frames = 1, , width = 1]: readonly number[]) => 0.5 * frames ** -0.1 * (width / 24) ** -0.2;
  return { ...tableOf(network, time), base: name };
}
