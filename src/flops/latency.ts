/**
 * How long a network takes on a device, from a table of its parts measured there.
 *
 * A network is its stem, its blocks and its head. For each kind of part at each stage the table has a grid over frames,
 * side, channels and the ratio of inner to outer channels, with the time per multiply-add that was measured at each
 * point. The rule: between points the logarithm of the time per multiply-add is linear in the logarithms of the four;
 * beyond the ends it stays what it is there; times the part's own multiply-adds it is the part's time. The network's is
 * what any call costs, and the sum of its parts' times a factor: parts that follow each other find less in the caches.
 */
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { X3dError } from '../errors.js';
import type { Block, Layer, Network } from '../network/index.js';
import { FactorsSchema } from '../network/schema.js';
import { mismatches, shown } from '../validation.js';
import { layerCost } from './cost.js';

/** first: halves the sides, has a squeeze-excite and a shortcut of its own. */
export const PART_KINDS = ['stem', 'first', 'squeezed', 'plain', 'head'] as const;
export type PartKind = (typeof PART_KINDS)[number];

export const LATENCY_AXES = ['frames', 'side', 'width', 'ratio'] as const;
export type LatencyAxis = (typeof LATENCY_AXES)[number];

/** Where on its grid a part stands. */
export interface Part extends Readonly<Record<LatencyAxis, number>> {
  readonly kind: PartKind;
  /** From 0; of stem and head 0. */
  readonly stage: number;
  readonly multiplyAdds: number;
}

const exact = { additionalProperties: false };
const MOST = 1e12;
const Positive = Type.Number({ exclusiveMinimum: 0, maximum: MOST });
const Values = Type.Array(Positive, { minItems: 1, maxItems: 10_000 });

export const LatencyGrid = Type.Object(
  {
    kind: Type.Enum([...PART_KINDS]),
    stage: Type.Integer({ minimum: 0, maximum: 100 }),
    frames: Values,
    /** Of the output (of the head: the input), pixels. */
    side: Values,
    /** Outer channels (of the head: the input's). */
    width: Values,
    /** Inner channels over outer ones. */
    ratio: Values,
    /** Nanoseconds, [frames, side, width, ratio]. */
    perMultiplyAdd: Values,
  },
  exact,
);
export type LatencyGrid = Static<typeof LatencyGrid>;

/** A whole network that a table was held to. */
export const LatencyCheck = Type.Object(
  {
    factors: FactorsSchema,
    measured: Type.Number({ minimum: 0, maximum: MOST, description: 'Milliseconds.' }),
    predicted: Type.Number({ minimum: 0, maximum: MOST, description: 'Milliseconds.' }),
  },
  exact,
);
export type LatencyCheck = Static<typeof LatencyCheck>;

export const LatencyTable = Type.Object(
  {
    format: Type.Literal('x3d-search latency table 1'),
    /** For people: processor and program. */
    device: Type.String({ maxLength: 200 }),
    threads: Type.Integer({ minimum: 1, maximum: 10_000 }),
    /** The networks that it is of: expansions of this base. */
    base: Type.String({ maxLength: 100 }),
    /** Of a call whatever the network, milliseconds. */
    overhead: Type.Number({ minimum: 0, maximum: MOST }),
    /** Of the time of whole networks over that of their parts. */
    factor: Positive,
    grids: Type.Array(LatencyGrid, { minItems: 1, maxItems: 1000 }),
    /** How near it came to whole networks when it was measured. */
    checks: Type.Optional(Type.Array(LatencyCheck, { maxItems: 1000 })),
  },
  {
    ...exact,
    title: 'LatencyTable',
    description: "A device's latencies, as `x3d-search benchmark --table FILE` measures them.",
  },
);
export type LatencyTable = Static<typeof LatencyTable>;

const tableSchema = Compile(LatencyTable);

const refuse = (subject: string, expected: string, got: string) =>
  new X3dError('data', {
    subject,
    expected,
    got,
    remedy: 'Measure one on the device with `x3d-search benchmark --table FILE`.',
  });

/**
 * What its schema can't say of a table: that its grids are whole, and that their points go up. Without its checks,
 * which decide nothing. Throws X3dError data that names `name`.
 */
export function checkedTable({ checks: _, ...table }: LatencyTable, name: string): LatencyTable {
  for (const { perMultiplyAdd, ...grid } of table.grids) {
    const of = `${name}: ${grid.kind} ${grid.stage}`;
    const points = LATENCY_AXES.reduce((all, axis) => all * grid[axis].length, 1);
    if (perMultiplyAdd.length !== points)
      throw refuse(of, `${points} points`, `${perMultiplyAdd.length}: the file is not whole`);
    for (const axis of LATENCY_AXES)
      if (grid[axis].some((value, i) => i > 0 && value <= (grid[axis][i - 1] ?? 0)))
        throw refuse(`${of}: ${axis}`, 'values that go up', shown(grid[axis]));
  }
  return table;
}

/** Throws X3dError data where the text is not a table. */
export function parseLatencyTable(text: string, file: string): LatencyTable {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(file, 'a table of latencies', (error as Error).message);
  }
  const [first] = mismatches(tableSchema, value);
  if (first) throw refuse(`${file}${first.field ? `: ${first.field}` : ''}`, first.expected, first.got);
  return checkedTable(value as LatencyTable, file);
}

const sum = (layers: readonly Layer[]) =>
  layers.reduce((all, layer) => all + layerCost(layer).multiplyAdds, 0);

function blockPart(block: Block, stage: number): Part {
  const { expand, channelwise, squeezeExcite, project, shortcut } = block;
  const [frames, side, , width] = project.output;
  const inner = expand.output[3];
  return {
    kind: channelwise.stride === 2 ? 'first' : squeezeExcite ? 'squeezed' : 'plain',
    stage,
    frames,
    side,
    width,
    ratio: inner / width,
    multiplyAdds: sum([
      expand,
      channelwise,
      project,
      ...(squeezeExcite ? [squeezeExcite.reduce, squeezeExcite.expand] : []),
      ...(shortcut ? [shortcut.convolution] : []),
    ]),
  };
}

/** The parts of a network in order: its stem, its blocks, its head. */
export function partsOf({ stem, stages, head }: Network): Part[] {
  const [frames, stemSide, , stemWidth] = stem.temporal.output;
  const [, headSide, , headWidth] = head.expand.input;
  return [
    {
      kind: 'stem',
      stage: 0,
      frames,
      side: stemSide,
      width: stemWidth,
      ratio: 1,
      multiplyAdds: sum([stem.spatial, stem.temporal]),
    },
    ...stages.flatMap((blocks, stage) => blocks.map((block) => blockPart(block, stage))),
    {
      kind: 'head',
      stage: 0,
      frames,
      side: headSide,
      width: headWidth,
      ratio: head.expand.output[3] / headWidth,
      multiplyAdds: sum([head.expand, head.hidden, head.classifier]),
    },
  ];
}

/** The points of an axis around a value, and the share of the upper one; at the ends the last point alone. */
function around(points: readonly number[], value: number): { lower: number; upper: number; share: number } {
  const above = points.findIndex((point) => point > value);
  if (above === 0) return { lower: 0, upper: 0, share: 0 };
  if (above < 0) return { lower: points.length - 1, upper: points.length - 1, share: 0 };
  const [from, to] = [points[above - 1] as number, points[above] as number];
  return { lower: above - 1, upper: above, share: Math.log(value / from) / Math.log(to / from) };
}

/** Nanoseconds per multiply-add of a part. */
function perMultiplyAdd(grid: LatencyGrid, part: Part): number {
  const places = LATENCY_AXES.map((axis) => ({ size: grid[axis].length, ...around(grid[axis], part[axis]) }));
  const at = (axis: number, index: number): number => {
    const place = places[axis];
    if (!place) return Math.log(grid.perMultiplyAdd[index] as number);
    const { size, lower, upper, share } = place;
    const low = at(axis + 1, index * size + lower);
    return share === 0 ? low : (1 - share) * low + share * at(axis + 1, index * size + upper);
  };
  return Math.exp(at(0, 0));
}

/**
 * Milliseconds for one clip. Throws X3dError invalid-input where the table is of another base's stages.
 */
export function predictLatency(network: Network, table: LatencyTable): number {
  const nanoseconds = partsOf(network).map((part) => {
    const grid = table.grids.find(({ kind, stage }) => kind === part.kind && stage === part.stage);
    if (!grid)
      throw new X3dError('invalid-input', {
        subject: 'table of latencies',
        expected: `one with the parts of the network: ${part.kind} ${part.stage}`,
        got: `one of ${table.base} without it`,
      });
    return perMultiplyAdd(grid, part) * part.multiplyAdds;
  });
  return table.overhead + (table.factor * nanoseconds.reduce((a, b) => a + b, 0)) / 1e6;
}
