/** A search as a picture: validation accuracy against cost, every candidate, the path taken and where it ended. */
import { isDeepStrictEqual } from 'node:util';
import type { TopLevelSpec } from 'vega-lite';
import type { Axis } from '../network/index.js';
import type { CandidateView, Trajectory } from './trajectory.js';

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
const COST_TITLES = {
  multiplyAdds: 'multiply-adds of one clip',
  parameters: 'parameters',
  activationBytes: 'bytes of activations of one clip',
} as const satisfies Record<Trajectory['complexity'], string>;
export const costTitle = (complexity: Trajectory['complexity']): string => COST_TITLES[complexity];
const INK = '#222';
const QUIET = '#8a8a8a';

interface Point {
  readonly cost: number;
  /** Percent. */
  readonly accuracy: number;
}

interface CandidatePoint extends Point {
  readonly axis: string;
  readonly won: boolean;
  /** Of winners: what the round changed. */
  readonly label: string;
  /** One standard error on both sides, percent. */
  readonly low: number;
  readonly high: number;
}

const percent = (share: number) => 100 * share;
const shown = (value: number) => value.toFixed(1);
const brief = (value: number) =>
  value < 1e6
    ? `${Math.round(value / 1e3)}K`
    : value < 1e9
      ? `${Number((value / 1e6).toPrecision(3))}M`
      : `${Number((value / 1e9).toPrecision(3))}G`;

/** Rounds that chose between networks, and the contraction as one of them. */
function candidatePoints({ rounds, contraction, complexity }: Trajectory): CandidatePoint[] {
  const compared = contraction?.candidate ? [contraction.candidate] : [];
  const tried = [
    ...rounds.filter(({ step }) => step !== 'recipe'),
    { round: 0, factors: contraction?.to, candidates: compared, winner: undefined },
  ];
  return tried.flatMap(({ round, factors, candidates, winner }) =>
    candidates.flatMap((candidate): CandidatePoint[] => {
      const { accuracy } = candidate.estimates ?? {};
      if (!accuracy) return [];
      const won = candidate.id === winner?.candidate;
      const [axis] = candidate.axes;
      const { name } = axis ? AXIS_COLOURS[axis] : OTHER;
      const { mean, error } = accuracy;
      return [
        {
          cost: candidate.cost[complexity],
          accuracy: percent(mean),
          low: percent(Math.max(0, mean - error)),
          high: percent(Math.min(1, mean + error)),
          axis: name,
          won,
          label:
            // An exchange may leave the network as it is.
            won && !isDeepStrictEqual(factors, candidate.factors)
              ? `${round}: ${titleOf(candidate)}${winner.choice.undecided ? ' ?' : ''}`
              : '',
        },
      ];
    }),
  );
}

const titleOf = ({ axes, change }: CandidateView) => change ?? axes.join(' = ');

/** The network found, at what was measured of it. */
function foundPoint({ final, rounds, complexity }: Trajectory): Point[] {
  if (!final?.outcome) return [];
  const { validation, test } = final.outcome.evaluations;
  const candidate = rounds
    .flatMap(({ candidates }) => candidates)
    .findLast(({ id }) => id === final.candidate)?.estimates?.accuracy.mean;
  const accuracy = validation?.metrics.accuracy ?? candidate ?? test?.metrics.accuracy;
  return accuracy === undefined ? [] : [{ cost: final.cost[complexity], accuracy: percent(accuracy) }];
}

/** Room around the points, in the units of each axis. */
function domains(points: readonly (Point & Partial<CandidatePoint>)[], target: number) {
  const costs = [...points.map(({ cost }) => cost), target];
  const accuracies = points.flatMap(({ accuracy, low = accuracy, high = accuracy }) => [low, high]);
  return {
    cost: [0.85 * Math.min(...costs), 1.2 * Math.max(...costs)],
    accuracy: [Math.max(0, Math.min(...accuracies) - 8), Math.min(104, Math.max(...accuracies) + 9)],
  };
}

/** The chart's specification, or undefined where no candidate has a result yet. */
export function trajectorySpecification(trajectory: Trajectory): TopLevelSpec | undefined {
  const { search, name, method, base, target, complexity, rounds, final } = trajectory;
  const candidates = candidatePoints(trajectory);
  if (candidates.length === 0) return undefined;
  const winners = candidates.filter(({ won }) => won);
  const found = foundPoint(trajectory);
  const { cost, accuracy } = domains([...candidates, ...found], target);
  const test = final?.outcome?.evaluations.test?.metrics.accuracy;
  const colours = [...Object.values(AXIS_COLOURS), OTHER];
  const x = {
    field: 'cost',
    type: 'quantitative',
    title: COST_TITLES[complexity],
    scale: { type: 'log', domain: cost, nice: false },
    axis: { format: '~s', grid: false },
  } as const;
  const y = {
    field: 'accuracy',
    type: 'quantitative',
    title: 'validation accuracy, %',
    scale: { domain: accuracy, nice: false, zero: false },
    axis: { gridColor: '#eeeeee', domain: false, ticks: false },
  } as const;
  const colour = {
    field: 'axis',
    type: 'nominal',
    scale: {
      domain: colours.map((axis) => axis.name),
      range: colours.map((axis) => axis.colour),
    },
    legend: { title: 'what was changed', symbolType: 'circle', symbolSize: 90, symbolOpacity: 1 },
  } as const;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    width: 640,
    height: 380,
    background: 'white',
    padding: 16,
    title: {
      text: name ?? `Search ${search}`,
      subtitle: [
        `${method}, from ${base} to ${brief(target)}: ${candidates.length} candidates in ${rounds.length} rounds; bars are one standard error`,
        ...found.map(
          (point) =>
            `network found: ${brief(point.cost)}, ${shown(point.accuracy)} % on validation` +
            (test !== undefined ? `, ${shown(percent(test))} % on test videos` : ''),
        ),
      ],
      anchor: 'start',
      offset: 14,
    },
    config: {
      font: 'Helvetica, Arial, sans-serif',
      view: { stroke: null },
      title: { fontSize: 16, color: INK, subtitleColor: '#555', subtitleFontSize: 12, subtitlePadding: 6 },
      axis: {
        labelColor: '#555',
        titleColor: INK,
        labelFontSize: 11,
        titleFontSize: 12,
        titleFontWeight: 'normal',
        titlePadding: 10,
      },
      legend: { labelFontSize: 12, titleFontSize: 12, titleFontWeight: 'normal', rowPadding: 5 },
    },
    layer: [
      {
        data: { values: [{ cost: target }] },
        mark: { type: 'rule', color: QUIET, strokeDash: [5, 4] },
        encoding: { x },
      },
      {
        data: { values: [{ cost: target, text: `target ${brief(target)}` }] },
        mark: { type: 'text', y: 0, dx: -6, dy: 6, align: 'right', color: '#666', fontSize: 11 },
        encoding: { x, text: { field: 'text' } },
      },
      {
        data: { values: winners },
        mark: { type: 'line', color: INK, strokeWidth: 2, opacity: 0.75 },
        encoding: { x, y, order: { field: 'cost', type: 'quantitative' } },
      },
      {
        data: { values: [...winners.slice(-1), ...found] },
        mark: { type: 'line', color: INK, strokeWidth: 1.5, strokeDash: [3, 3], opacity: 0.75 },
        encoding: { x, y, order: { field: 'cost', type: 'quantitative' } },
      },
      {
        data: { values: candidates },
        mark: { type: 'rule', opacity: 0.45 },
        encoding: {
          x,
          y: { ...y, field: 'low' },
          y2: { field: 'high' },
          color: colour,
        },
      },
      {
        data: { values: candidates.filter(({ won }) => !won) },
        mark: { type: 'point', filled: true, size: 70, opacity: 0.65 },
        encoding: { x, y, color: colour },
      },
      {
        data: { values: winners },
        mark: { type: 'point', filled: true, size: 150, opacity: 1, stroke: INK, strokeWidth: 1.5 },
        encoding: { x, y, color: colour },
      },
      {
        data: { values: winners },
        mark: { type: 'text', dy: -15, fontSize: 11, color: INK },
        encoding: { x, y, text: { field: 'label' } },
      },
      {
        data: { values: found },
        mark: {
          type: 'point',
          shape: 'diamond',
          filled: true,
          size: 260,
          opacity: 1,
          color: 'white',
          stroke: INK,
          strokeWidth: 2,
        },
        encoding: { x, y },
      },
      {
        data: {
          values: found.map((point) => ({
            ...point,
            label: 'trained in full',
          })),
        },
        mark: { type: 'text', dx: -14, align: 'right', fontSize: 11, fontWeight: 'bold', color: INK },
        encoding: { x, y, text: { field: 'label' } },
      },
    ],
  };
}

/** A specification drawn as SVG, without a browser. */
export async function svgOf(specification: TopLevelSpec): Promise<string> {
  // Large, and needed at a search's end only.
  const [{ compile }, { parse, View }] = await Promise.all([import('vega-lite'), import('vega')]);
  const view = new View(parse(compile(specification).spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** The picture as SVG, or undefined where there is nothing to show yet. */
export async function trajectoryChart(trajectory: Trajectory): Promise<string | undefined> {
  const specification = trajectorySpecification(trajectory);
  return specification && svgOf(specification);
}
