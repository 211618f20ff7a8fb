/**
 * What the pictures of searches share: validation accuracy against cost, with a bar of one standard error. A picture is
 * data, which a browser draws as well as drawing.ts does: nothing that it is made of needs Node.
 */

import type { TopLevelSpec } from 'vega-lite';
import { counted } from './counted.js';
import type { CandidateView, Trajectory } from './views.js';

export type Layers = Extract<TopLevelSpec, { readonly layer: unknown }>['layer'];

/** The colours of what is no data. */
export interface Look {
  readonly ground: string;
  readonly ink: string;
  /** Of words beside the data. */
  readonly soft: string;
  /** Of lines that say less. */
  readonly quiet: string;
  readonly grid: string;
}
export const LIGHT: Look = {
  ground: 'white',
  ink: '#222',
  soft: '#555',
  quiet: '#8a8a8a',
  grid: '#eeeeee',
};
export const DARK: Look = {
  ground: '#14181d',
  ink: '#e8eaed',
  soft: '#b3b9c1',
  quiet: '#8b939c',
  grid: '#2a3038',
};
/** Okabe and Ito's colours, which people who see few colours tell apart. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];

const COST_TITLES = {
  multiplyAdds: 'multiply-adds of one clip',
  parameters: 'parameters',
  activationBytes: 'bytes of activations of one clip',
  latency: 'latency of one clip, ms',
} as const satisfies Record<Trajectory['complexity'], string>;

export interface Point {
  readonly cost: number;
  /** Percent. */
  readonly accuracy: number;
}

/** A candidate as it was measured. */
export interface Measured extends Point {
  /** One standard error on both sides, percent. */
  readonly low: number;
  readonly high: number;
}

export const percent = (share: number): number => 100 * share;

/** None where a candidate was not measured. */
export function measuredOf({ cost, estimates }: CandidateView, { complexity }: Trajectory): Measured[] {
  if (!estimates) return [];
  const { mean, error } = estimates.accuracy;
  return [
    {
      cost: counted(cost, complexity),
      accuracy: percent(mean),
      low: percent(Math.max(0, mean - error)),
      high: percent(Math.min(1, mean + error)),
    },
  ];
}

type Tried = Pick<Trajectory['rounds'][number], 'round' | 'factors' | 'candidates' | 'winner'>;

/** Rounds that chose between networks, and the contraction as one of them. */
export function triedIn({ rounds, contraction }: Trajectory): readonly Tried[] {
  const chosen = rounds.filter(({ step }) => step !== 'recipe');
  if (!contraction?.candidate) return chosen;
  return [...chosen, { round: 0, factors: contraction.to, candidates: [contraction.candidate] }];
}

/** The candidate that the network found is, as it was last judged. */
export const foundIn = (trajectory: Trajectory): CandidateView | undefined =>
  triedIn(trajectory)
    .flatMap(({ candidates }) => candidates)
    .findLast(({ id }) => id === trajectory.final?.candidate);

/** `domain`: as far as the axis goes, where the points do not say it. */
export const costAxis = (complexity: Trajectory['complexity'], domain?: readonly [number, number]) =>
  ({
    field: 'cost',
    type: 'quantitative',
    title: COST_TITLES[complexity],
    scale: { type: 'log', nice: false, ...(domain ? { domain: [...domain] } : { padding: 20 }) },
    // Milliseconds have no thousands.
    axis: { format: complexity === 'latency' ? '~g' : '~s', grid: false, labelSeparation: 8 },
  }) as const;

/** `domain` as above, percent. */
export const accuracyAxis = (domain?: readonly [number, number]) =>
  ({
    field: 'accuracy',
    type: 'quantitative',
    title: 'validation accuracy, %',
    scale: { zero: false, ...(domain ? { domain: [...domain], nice: false } : {}) },
    axis: { domain: false, ticks: false },
  }) as const;

/** The bars of points: one standard error on both sides. */
export const bars = (
  values: readonly Measured[],
  { x, y, color }: { readonly x: object; readonly y: object; readonly color: object },
): Layers[number] => ({
  data: { values: [...values] },
  mark: { type: 'rule', opacity: 0.45 },
  encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
});

export interface Frame {
  /** Pixels. */
  readonly height?: number;
  readonly look?: Look;
}

/** Of a plot, pixels, where a picture is not fitted to a page. */
export const WIDTH = 640;

/** Layers with all that is around them. */
export const framed = (
  text: string,
  subtitle: readonly string[],
  layer: Layers,
  { height = 380, look: { ground, ink, soft, grid } = LIGHT }: Frame = {},
): TopLevelSpec => ({
  $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
  width: WIDTH,
  height,
  background: ground,
  padding: 16,
  title: { text, subtitle: [...subtitle], anchor: 'start', offset: 14 },
  config: {
    font: 'Helvetica, Arial, sans-serif',
    view: { stroke: null },
    range: { category: COLOURS },
    title: { fontSize: 16, color: ink, subtitleColor: soft, subtitleFontSize: 12, subtitlePadding: 6 },
    axis: {
      labelColor: soft,
      titleColor: ink,
      gridColor: grid,
      domainColor: soft,
      tickColor: soft,
      labelFontSize: 11,
      titleFontSize: 12,
      titleFontWeight: 'normal',
      titlePadding: 10,
    },
    legend: {
      labelColor: soft,
      titleColor: ink,
      labelFontSize: 12,
      labelLimit: 220,
      titleFontSize: 12,
      titleFontWeight: 'normal',
      rowPadding: 5,
    },
  },
  layer,
});
