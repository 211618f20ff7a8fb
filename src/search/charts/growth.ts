/** How the six factors grew from round to round, each as a multiple of where it began. */
import type { TopLevelSpec } from 'vega-lite';
import type { Factors } from '../../network/index.js';
import { framed, LIGHT, type Look } from '../picture.js';
import type { Trajectory } from '../views.js';

const GROWING: Readonly<Record<string, (factors: Factors) => number>> = {
  'frames of a clip': ({ frames }) => frames,
  'length of a clip': ({ frames, stride }) => frames * stride,
  crop: ({ crop }) => crop,
  depth: ({ depth }) => depth,
  width: ({ width }) => width,
  bottleneck: ({ bottleneck }) => bottleneck,
};

export interface GrowthRow {
  /** 0 is what the search began from; the last may be the network found. */
  readonly step: number;
  readonly network: string;
  readonly factor: string;
  readonly value: number;
  readonly times: number;
}

export function growthRows({ rounds, final }: Trajectory): GrowthRow[] {
  const choosing = rounds.filter(({ step }) => step !== 'recipe');
  const last = choosing.at(-1);
  const won = last?.candidates.find(({ id }) => id === last.winner?.candidate);
  const networks = [
    ...choosing.map(({ round, factors }, index) => ({
      network: index === 0 ? 'the base' : `before round ${round}`,
      factors,
    })),
    ...(won ? [{ network: `after round ${last?.round}`, factors: won.factors }] : []),
    ...(final ? [{ network: 'the network found', factors: final.factors }] : []),
  ];
  const [first] = networks;
  if (!first) return [];
  return networks.flatMap(({ network, factors }, step) =>
    Object.entries(GROWING).map(([factor, of]) => ({
      step,
      network,
      factor,
      value: of(factors),
      times: of(factors) / of(first.factors),
    })),
  );
}

/** Undefined where no round has chosen yet. */
export function growthSpecification(trajectory: Trajectory, look: Look = LIGHT): TopLevelSpec | undefined {
  const rows = growthRows(trajectory);
  if (!rows.some(({ step }) => step > 0)) return undefined;
  const encoding = {
    x: {
      field: 'network',
      type: 'ordinal',
      sort: { field: 'step' },
      title: null,
      axis: { grid: false, labelAngle: -30 },
    },
    y: {
      field: 'times',
      type: 'quantitative',
      title: 'times what it began with',
      scale: { type: 'log', base: 2, nice: false },
      axis: { format: '~r', domain: false, ticks: false },
    },
    color: { field: 'factor', type: 'nominal', sort: Object.keys(GROWING), legend: { title: 'factor' } },
  } as const;
  const data = { values: rows };
  return framed(
    'Factors as they grew',
    [],
    [
      { data, mark: { type: 'line', strokeWidth: 2, opacity: 0.8 }, encoding },
      { data, mark: { type: 'point', filled: true, size: 60, tooltip: { content: 'data' } }, encoding },
    ],
    { height: 260, look },
  );
}
