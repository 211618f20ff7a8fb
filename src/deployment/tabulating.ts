/** A table of latencies for `predictLatency`, measured on this machine, and how near it comes to whole networks. */
import {
  type LATENCY_AXES,
  type LatencyGrid,
  type LatencyTable,
  type PartKind,
  partsOf,
  predictLatency,
} from '../flops/latency.js';
import {
  type BaseNetwork,
  type Block,
  describeNetwork,
  type Factors,
  type Network,
} from '../network/index.js';
import { randomOf } from '../random.js';
import { batchOf, networkGraph, partGraph } from './onnx/drawing.js';
import type { Graph } from './onnx/graph.js';
import { anyTensors, type Patience, processor, timeGraph, timeOfCall } from './timing.js';

/** Times the base's value, in both directions that a search goes: the grid's points. */
const FRAMES = [1, 4, 16];
const SIDES = [1, Math.sqrt(3), 3];
const WIDTHS = [1, 2];
const RATIOS = [1, 2];

const patience = (threads: number, seconds: number, calls: number): Patience => ({
  clock: threads === 1 ? 'processor' : 'wall',
  seconds,
  calls,
});

interface Point {
  readonly frames: number;
  /** Of the stage's output. */
  readonly side: number;
  /** Outer channels of the stage. */
  readonly width: number;
  readonly ratio: number;
}

/** A network of the stage before, and of the stage with a block of each kind. */
function networkAt(base: BaseNetwork, stage: number, { frames, side, width, ratio }: Point): Network {
  const own = base.stages[stage]?.width ?? 1;
  const before = stage === 0 ? base.stemWidth : (base.stages[stage - 1]?.width ?? 1);
  const input = Math.max(1, Math.round((width * before) / own));
  const stages = [
    { width: input, depth: 1 },
    { width, depth: 3 },
  ];
  // Stem, the stage before and the stage halve the sides.
  const factors = { ...base.factors, frames, crop: 8 * side, width: 1, bottleneck: ratio, depth: 1 };
  return describeNetwork({ ...base, stemWidth: input, stages, widthDivisor: 1, innerDivisor: 1 }, factors);
}

/** Of a stage with a block of each kind. */
const BLOCKS = [
  ['first', 0],
  ['plain', 1],
  ['squeezed', 2],
] as const satisfies readonly (readonly [PartKind, number])[];

/**
 * Everything is measured so often, in turn, and its fastest counts: a machine that others use too runs half as fast
 * for a minute, and what was measured in that minute alone would not fit the rest.
 */
const ROUNDS = 3;
/** The factor of whole networks is the median over so many. */
const FITTED = 7;

/** Something that is timed. */
interface Timed {
  /** What it computes, and of which shape one clip is to it. */
  readonly model: () => { readonly graph: Graph; readonly shape: readonly number[] };
  readonly patience: Patience;
  /** Milliseconds. */
  low: number;
}

interface GridPoint extends Timed {
  readonly multiplyAdds: number;
}

interface WholeNetwork extends Timed {
  readonly factors: Factors;
  readonly network: Network;
}

interface GridPlan extends Omit<LatencyGrid, 'perMultiplyAdd'> {
  readonly points: readonly GridPoint[];
}

/** The grids of all parts of networks that expand the base. */
function gridsOf(base: BaseNetwork, threads: number): GridPlan[] {
  const stages = base.stages.length;
  const { crop, bottleneck } = base.factors;
  const grid = (
    kind: PartKind,
    stage: number,
    axes: Pick<LatencyGrid, (typeof LATENCY_AXES)[number]>,
    at: (point: Point) => { network: Network; part: 'stem' | 'head' | Block; index: number },
  ): GridPlan => {
    const points = axes.frames.flatMap((frames) =>
      axes.side.flatMap((side) =>
        axes.width.flatMap((width) =>
          axes.ratio.map((ratio) => {
            const { network, part, index } = at({ frames, side, width, ratio });
            return {
              model: () => {
                const { graph, input } = partGraph(network, part, anyTensors(network));
                return { graph, shape: batchOf(1, input) };
              },
              patience: patience(threads, 0.01, 3),
              multiplyAdds: partsOf(network).at(index)?.multiplyAdds ?? 1,
              low: Number.POSITIVE_INFINITY,
            };
          }),
        ),
      ),
    );
    return { kind, stage, ...axes, points };
  };
  const sidesAt = (halvings: number) => [
    ...new Set(SIDES.map((times) => Math.ceil(Math.round(crop * times) / 2 ** halvings))),
  ];
  const scaled = (width: number) => WIDTHS.map((times) => times * width);
  const bottlenecks = RATIOS.map((times) => times * bottleneck);
  const last = stages - 1;
  return [
    grid(
      'stem',
      0,
      { frames: FRAMES, side: sidesAt(1), width: scaled(base.stemWidth), ratio: [1] },
      (point) => {
        const widened = { ...base, stemWidth: point.width, widthDivisor: 1 };
        const factors = { ...base.factors, frames: point.frames, crop: 2 * point.side, width: 1 };
        return { network: describeNetwork(widened, factors), part: 'stem', index: 0 };
      },
    ),
    ...base.stages.flatMap(({ width }, stage) =>
      BLOCKS.map(([kind, index]) =>
        grid(
          kind,
          stage,
          { frames: FRAMES, side: sidesAt(stage + 2), width: scaled(width), ratio: bottlenecks },
          (point) => {
            const network = networkAt(base, stage, point);
            // The stem and the block of the stage before come first.
            return { network, part: network.stages[1]?.[index] as Block, index: 2 + index };
          },
        ),
      ),
    ),
    grid(
      'head',
      0,
      {
        frames: FRAMES,
        side: sidesAt(stages + 1),
        width: scaled(base.stages[last]?.width ?? 1),
        ratio: bottlenecks,
      },
      (point) => ({ network: networkAt(base, last, point), part: 'head', index: -1 }),
    ),
  ];
}

/** Factors that a search from the base may come to, the same for the same number. */
function drawnFactors(base: BaseNetwork, index: number): Factors {
  const random = randomOf('latency check', index);
  const { factors, grid } = base;
  const between = (from: number, to: number, step: number) =>
    Math.round((from + random.uniform() * (to - from)) / step) * step;
  return {
    ...factors,
    frames: 2 ** random.whole(4),
    crop: between(factors.crop, 2 * factors.crop, grid.crop),
    width: Number(between(1, 1.8, grid.width).toFixed(2)),
    bottleneck: between(factors.bottleneck, 2 * factors.bottleneck, grid.bottleneck),
    depth: Number(between(1, 3, grid.depth).toFixed(1)),
  };
}

function wholeNetwork(base: BaseNetwork, index: number, threads: number): WholeNetwork {
  const factors = drawnFactors(base, index);
  const network = describeNetwork(base, factors);
  return {
    factors,
    network,
    model: () => ({ graph: networkGraph(network, anyTensors(network)), shape: batchOf(1, network.input) }),
    patience: patience(threads, 0.25, 8),
    low: Number.POSITIVE_INFINITY,
  };
}

export interface TabulateOptions {
  readonly base: BaseNetwork;
  readonly threads: number;
  /** So many whole networks, to which nothing is fitted, are held against what the table says of them. */
  readonly checked: number;
  readonly onProgress?: ((done: number, of: number) => void) | undefined;
}

/** Takes a minute or more. */
export async function measureTable({
  base,
  threads,
  checked,
  onProgress,
}: TabulateOptions): Promise<LatencyTable & Required<Pick<LatencyTable, 'checks'>>> {
  const grids = gridsOf(base, threads);
  const networks = Array.from({ length: FITTED + checked }, (_, i) => wholeNetwork(base, i, threads));
  const timed: readonly Timed[] = [...grids.flatMap(({ points }) => points), ...networks];
  let overhead = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    overhead = Math.min(overhead, (await timeOfCall(threads, patience(threads, 0.25, 8))).low);
    for (const [i, own] of timed.entries()) {
      const { graph, shape } = own.model();
      const { low } = await timeGraph(graph, shape, threads, own.patience);
      own.low = Math.min(own.low, low);
      onProgress?.(round * timed.length + i + 1, ROUNDS * timed.length);
    }
  }

  const parts: LatencyTable = {
    format: 'x3d-search latency table 1',
    device: `${processor()}, onnxruntime`,
    threads,
    base: base.name,
    overhead,
    factor: 1,
    grids: grids.map(({ points, ...axes }) => ({
      ...axes,
      perMultiplyAdd: points.map(({ low, multiplyAdds }) => {
        // A part is never taken below a tenth of what was measured: the rest is the call's.
        const nanoseconds = (1e6 * Math.max(low - overhead, low / 10)) / multiplyAdds;
        // Tables travel in configurations; no clock is better than this.
        return Number(nanoseconds.toPrecision(5));
      }),
    })),
  };
  const ratios = networks
    .slice(0, FITTED)
    .map(({ network, low }) => (low - overhead) / (predictLatency(network, parts) - overhead))
    .sort((a, b) => a - b);
  const table = { ...parts, factor: ratios[Math.floor(FITTED / 2)] as number };
  const checks = networks.slice(FITTED).map(({ factors, network, low }) => ({
    factors,
    measured: low,
    predicted: predictLatency(network, table),
  }));
  return { ...table, checks };
}
