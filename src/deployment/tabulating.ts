/** A table of latencies for `predictLatency`, measured on this machine, and how near it comes to whole networks. */
import {
  type LATENCY_AXES,
  type LatencyCheck,
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
import { anyTensors, type Patience, processor, timeGraph, timeOfCall } from './timing.js';

/** Times the base's value, in both directions that a search goes: the grid's points. */
const FRAMES = [1, 4, 16];
const SIDES = [1, Math.sqrt(3), 3];
const WIDTHS = [1, 2];
const RATIOS = [1, 2];

const clockFor = (threads: number): Patience['clock'] => (threads === 1 ? 'processor' : 'wall');
const perPoint = (threads: number): Patience => ({ clock: clockFor(threads), seconds: 0.03, calls: 5 });
const perNetwork = (threads: number): Patience => ({ clock: clockFor(threads), seconds: 0.25, calls: 8 });

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

export interface TabulateOptions {
  readonly base: BaseNetwork;
  readonly threads: number;
  readonly onProgress?: ((done: number, of: number) => void) | undefined;
}

/** The factor of whole networks is the median over so many. */
const FITTED = 7;
/** Whole networks are measured so often; the fastest counts. */
const ROUNDS = 3;

/** Takes a minute or more. */
export async function measureTable({ base, threads, onProgress }: TabulateOptions): Promise<LatencyTable> {
  const overhead = (await timeOfCall(threads, perNetwork(threads))).low;
  const stages = base.stages.length;
  const { crop, bottleneck } = base.factors;
  const pointsOf = FRAMES.length * SIDES.length * WIDTHS.length;
  const all = pointsOf * (1 + RATIOS.length * (3 * stages + 1));
  let done = 0;

  const measured = async (network: Network, part: 'stem' | 'head' | Block, multiplyAdds: number) => {
    const { graph, input } = partGraph(network, part, anyTensors(network));
    const { low } = await timeGraph(graph, batchOf(1, input), threads, perPoint(threads));
    onProgress?.(++done, all);
    // A part is never measured below a tenth of what was: the rest is the call's.
    const nanoseconds = (1e6 * Math.max(low - overhead, low / 10)) / multiplyAdds;
    // Tables travel in configurations; no clock is better than this.
    return Number(nanoseconds.toPrecision(5));
  };

  const grids: LatencyGrid[] = [];
  const grid = async (
    kind: PartKind,
    stage: number,
    axes: Pick<LatencyGrid, (typeof LATENCY_AXES)[number]>,
    at: (point: Point) => { network: Network; part: 'stem' | 'head' | Block; index: number },
  ) => {
    const perMultiplyAdd: number[] = [];
    for (const frames of axes.frames)
      for (const side of axes.side)
        for (const width of axes.width)
          for (const ratio of axes.ratio) {
            const { network, part, index } = at({ frames, side, width, ratio });
            perMultiplyAdd.push(await measured(network, part, partsOf(network).at(index)?.multiplyAdds ?? 1));
          }
    grids.push({ kind, stage, ...axes, perMultiplyAdd });
  };
  const sidesAt = (halvings: number) => [
    ...new Set(SIDES.map((times) => Math.ceil(Math.round(crop * times) / 2 ** halvings))),
  ];
  const scaled = (width: number) => WIDTHS.map((times) => times * width);
  const bottlenecks = RATIOS.map((times) => times * bottleneck);

  await grid(
    'stem',
    0,
    { frames: FRAMES, side: sidesAt(1), width: scaled(base.stemWidth), ratio: [1] },
    (point) => {
      const widened = { ...base, stemWidth: point.width, widthDivisor: 1 };
      const factors = { ...base.factors, frames: point.frames, crop: 2 * point.side, width: 1 };
      return { network: describeNetwork(widened, factors), part: 'stem', index: 0 };
    },
  );
  for (const [stage, { width }] of base.stages.entries())
    for (const [kind, index] of BLOCKS)
      await grid(
        kind,
        stage,
        { frames: FRAMES, side: sidesAt(stage + 2), width: scaled(width), ratio: bottlenecks },
        (point) => {
          const network = networkAt(base, stage, point);
          // The stem and the block of the stage before come first.
          return { network, part: network.stages[1]?.[index] as Block, index: 2 + index };
        },
      );
  const last = stages - 1;
  await grid(
    'head',
    0,
    {
      frames: FRAMES,
      side: sidesAt(stages + 1),
      width: scaled(base.stages[last]?.width ?? 1),
      ratio: bottlenecks,
    },
    (point) => ({ network: networkAt(base, last, point), part: 'head', index: -1 }),
  );
  const device = `${processor()}, onnxruntime`;
  const parts: LatencyTable = {
    format: 'x3d-search latency table 1',
    device,
    threads,
    base: base.name,
    overhead,
    factor: 1,
    grids,
  };
  const ratios = (await measureWhole(parts, base, { from: 0, count: FITTED, onProgress })).map(
    (whole) => (whole.measured - overhead) / (whole.predicted - overhead),
  );
  ratios.sort((a, b) => a - b);
  return { ...parts, factor: ratios[Math.floor(FITTED / 2)] as number };
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

/** Whole networks, measured as the parts were and predicted from them. */
async function measureWhole(
  table: LatencyTable,
  base: BaseNetwork,
  { from, count, onProgress }: Pick<TabulateOptions, 'onProgress'> & { from: number; count: number },
): Promise<LatencyCheck[]> {
  const patience = perNetwork(table.threads);
  const networks = Array.from({ length: count }, (_, i) => {
    const factors = drawnFactors(base, from + i);
    return { factors, network: describeNetwork(base, factors), measured: Number.POSITIVE_INFINITY };
  });
  // Round by round, so that none has all its calls while the machine is busy with something else.
  for (let round = 0; round < ROUNDS; round++)
    for (const [i, own] of networks.entries()) {
      const graph = networkGraph(own.network, anyTensors(own.network));
      const { low } = await timeGraph(graph, batchOf(1, own.network.input), table.threads, patience);
      own.measured = Math.min(own.measured, low);
      onProgress?.(round * count + i + 1, ROUNDS * count);
    }
  return networks.map(({ factors, network, measured }) => ({
    factors,
    measured,
    predicted: predictLatency(network, table),
  }));
}

/** How near the table comes to networks that it was not fitted to. */
export const checkTable = (
  table: LatencyTable,
  base: BaseNetwork,
  count: number,
  onProgress: (done: number, of: number) => void = () => {},
): Promise<LatencyCheck[]> => measureWhole(table, base, { from: FITTED, count, onProgress });
