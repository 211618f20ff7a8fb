/** A search as a picture: validation accuracy against cost, every candidate, the path taken and where it ended. */
import type { TopLevelSpec } from 'vega-lite';
import { networkCost } from '../flops/cost.js';
import { type Axis, BASES, describeNetwork, MODELS, type ModelName, sameNetwork } from '../network/index.js';
import { LABEL_SIZE, type Placed, placed, SIDES } from './charts/labels.js';
import { counted, quantity } from './counted.js';
import {
  accuracyAxis,
  bars,
  costAxis,
  foundIn,
  framed,
  type Layers,
  LIGHT,
  type Look,
  type Measured,
  measuredOf,
  type Point,
  percent,
  triedIn,
  WIDTH,
} from './picture.js';
import { moveOf } from './state.js';
import type { Trajectory } from './views.js';

/** Okabe and Ito's colours, which people who see few colours tell apart. */
const AXIS_COLOURS: Readonly<Record<Axis, { readonly name: string; readonly colour: string }>> = {
  tau: { name: 'tau: frame rate', colour: '#0072b2' },
  t: { name: 't: duration', colour: '#56b4e9' },
  s: { name: 's: crop', colour: '#009e73' },
  d: { name: 'd: depth', colour: '#e69f00' },
  w: { name: 'w: width', colour: '#cc79a7' },
  b: { name: 'b: bottleneck', colour: '#d55e00' },
};
/** What no single axis makes: exchanges, and networks of other methods. */
const OTHER = { name: 'several', colour: '#555555' };

export interface CandidatePoint extends Measured {
  readonly round: number;
  readonly axis: string;
  readonly won: boolean;
  /** Of winners: what the round changed, and in brief which round it was. */
  readonly label: string;
  readonly brief: string;
}

const shown = (value: number) => value.toFixed(1);

/** Every candidate that was measured. */
export const candidatePoints = (trajectory: Trajectory): CandidatePoint[] =>
  triedIn(trajectory).flatMap(({ round, factors, candidates, winner }) =>
    candidates.flatMap((candidate) =>
      measuredOf(candidate, trajectory).map((point): CandidatePoint => {
        const won = candidate.id === winner?.candidate;
        const [axis] = candidate.axes;
        // An exchange may leave the network as it is.
        const moved = won && !sameNetwork(factors, candidate.factors);
        return {
          ...point,
          round,
          axis: (axis ? AXIS_COLOURS[axis] : OTHER).name,
          won,
          label: moved ? `${round}: ${moveOf(candidate)}${winner.choice.undecided ? ' ?' : ''}` : '',
          brief: moved ? `${round}${winner.choice.undecided ? '?' : ''}` : '',
        };
      }),
    ),
  );

/** The network found, at what was measured of it. */
function foundPoint(trajectory: Trajectory): Point[] {
  const { final, complexity } = trajectory;
  if (!final?.outcome) return [];
  const { validation, test } = final.outcome.evaluations;
  const candidate = foundIn(trajectory)?.estimates?.accuracy.mean;
  const accuracy = validation?.metrics.accuracy ?? candidate ?? test?.metrics.accuracy;
  return accuracy === undefined
    ? []
    : [{ cost: counted(final.cost, complexity), accuracy: percent(accuracy) }];
}

/** Top-1 on Kinetics-400 with ten centre views (the paper, tables 2 and 4). */
const PUBLISHED_ACCURACIES: Readonly<Record<ModelName, number>> = {
  X2D: 47.75,
  XS: 68.6,
  S: 72.9,
  M: 74.6,
  L: 76.8,
  XL: 78.4,
};

/** The published networks up to about the target, where the search starts from where they did. */
function publishedPoints({ base, target, complexity }: Trajectory): Worded[] {
  // Latencies would take the device's table, which a trajectory has not.
  if (base !== 'x2d' || complexity === 'latency') return [];
  return Object.entries(MODELS)
    .map(([name, factors]) => ({
      label: name === 'X2D' ? name : `X3D-${name}`,
      brief: name,
      cost: networkCost(describeNetwork(BASES.x2d, factors))[complexity],
      accuracy: PUBLISHED_ACCURACIES[name as ModelName],
    }))
    .filter(({ cost }) => cost <= 1.5 * target);
}

/** Room around the points, in the units of each axis. */
function domains(points: readonly (Point & Partial<Measured>)[], target: number) {
  const costs = [...points.map(({ cost }) => cost), target];
  const accuracies = points.flatMap(({ accuracy, low = accuracy, high = accuracy }) => [low, high]);
  return {
    x: [0.85 * Math.min(...costs), 1.2 * Math.max(...costs)],
    y: [Math.max(0, Math.min(...accuracies) - 8), Math.min(104, Math.max(...accuracies) + 9)],
  } as const;
}

const HEIGHT = 380;

interface Worded extends Point {
  readonly label: string;
  readonly brief: string;
}

/** Points with the words that have room beside them. */
function labelled<Own extends Worded>(
  points: readonly Own[],
  { x, y }: ReturnType<typeof domains>,
  width: number,
): (Own & Placed)[] {
  const share = (value: number, [from, to]: readonly [number, number]) => (value - from) / (to - from);
  const log = ([from, to]: readonly [number, number]) => [Math.log(from), Math.log(to)] as const;
  const own = points.filter(({ label }) => label !== '');
  const words = placed(
    own.map(({ cost, accuracy, label, brief }) => ({
      x: width * share(Math.log(cost), log(x)),
      y: HEIGHT * (1 - share(accuracy, y)),
      label,
      brief,
    })),
    width,
  );
  return own.flatMap((point, index) => {
    const at = words[index];
    return at ? [{ ...point, ...at }] : [];
  });
}

/** The chart's specification, or undefined where no candidate has a result yet. `width`: of the plot, pixels. */
export function trajectorySpecification(
  trajectory: Trajectory,
  look: Look = LIGHT,
  width = WIDTH,
): TopLevelSpec | undefined {
  const { search, name, method, base, target, complexity, rounds, final } = trajectory;
  const candidates = candidatePoints(trajectory);
  if (candidates.length === 0) return undefined;
  const winners = candidates.filter(({ won }) => won);
  const found = foundPoint(trajectory);
  const published = publishedPoints(trajectory);
  const domain = domains([...candidates, ...found, ...published], target);
  const ending = found.map((point) => ({
    ...point,
    label: 'trained in full',
    brief: 'in full',
    round: undefined,
  }));
  // In the order of their importance: who comes first has the first choice of room.
  const words = [
    ...[...ending, ...winners].map((point) => ({ ...point, ink: look.ink })),
    ...published.map((point) => ({ ...point, ink: look.soft })),
  ];
  const labels = labelled(words, domain, width);
  const sides = Object.entries(SIDES);
  const x = costAxis(complexity, domain.x);
  const y = accuracyAxis(domain.y);
  const test = final?.outcome?.evaluations.test?.metrics.accuracy;
  const colours = [...Object.values(AXIS_COLOURS), OTHER];
  const color = {
    field: 'axis',
    type: 'nominal',
    scale: {
      domain: colours.map((axis) => axis.name),
      range: colours.map((axis) => axis.colour),
    },
    legend: { title: 'what was changed', symbolType: 'circle', symbolSize: 90, symbolOpacity: 1 },
  } as const;
  return framed(
    name ?? `Search ${search}`,
    [
      `${method}, from ${base} to ${quantity(target, complexity)}: ${candidates.length} candidates in ${rounds.length} rounds; bars are one standard error`,
      ...found.map(
        (point) =>
          `network found: ${quantity(point.cost, complexity)}, ${shown(point.accuracy)} % on validation` +
          (test !== undefined ? `, ${shown(percent(test))} % on test videos` : ''),
      ),
      ...(published.length > 0 ? ['dotted: the published networks, their accuracy on Kinetics-400'] : []),
    ],
    [
      {
        data: { values: [{ cost: target }] },
        mark: { type: 'rule', color: look.quiet, strokeDash: [5, 4] },
        encoding: { x },
      },
      {
        data: { values: [{ cost: target, text: `target ${quantity(target, complexity)}` }] },
        mark: { type: 'text', y: 0, dx: -6, dy: 6, align: 'right', color: look.soft, fontSize: 11 },
        encoding: { x, text: { field: 'text' } },
      },
      {
        data: { values: published },
        mark: {
          type: 'line',
          color: look.quiet,
          strokeWidth: 1.5,
          strokeDash: [1, 3],
          point: { color: look.quiet },
        },
        encoding: { x, y },
      },
      {
        data: { values: winners },
        mark: { type: 'line', color: look.ink, strokeWidth: 2, opacity: 0.75 },
        encoding: { x, y, order: { field: 'cost', type: 'quantitative' } },
      },
      {
        data: { values: [...winners.slice(-1), ...found] },
        mark: { type: 'line', color: look.ink, strokeWidth: 1.5, strokeDash: [3, 3], opacity: 0.75 },
        encoding: { x, y, order: { field: 'cost', type: 'quantitative' } },
      },
      bars(candidates, { x, y, color }),
      {
        data: { values: candidates.filter(({ won }) => !won) },
        mark: { type: 'point', filled: true, size: 70, opacity: 0.65, tooltip: { content: 'data' } },
        encoding: { x, y, color },
      },
      {
        data: { values: winners },
        mark: {
          type: 'point',
          filled: true,
          size: 150,
          opacity: 1,
          stroke: look.ink,
          strokeWidth: 1.5,
          tooltip: { content: 'data' },
        },
        encoding: { x, y, color },
      },
      {
        data: { values: found },
        mark: {
          type: 'point',
          shape: 'diamond',
          filled: true,
          size: 260,
          opacity: 1,
          color: look.ground,
          stroke: look.ink,
          strokeWidth: 2,
        },
        encoding: { x, y },
      },
      ...sides.map(([side, dy]): Layers[number] => ({
        data: { values: labels.filter((label) => label.side === side) },
        mark: { type: 'text', dy, fontSize: LABEL_SIZE },
        encoding: { x, y, text: { field: 'text' }, color: { field: 'ink', type: 'nominal', scale: null } },
      })),
    ],
    { height: HEIGHT, look },
  );
}
