/** Trainings as they went: a metric against the step, on the training clips and on validation videos. */
import type { TopLevelSpec } from 'vega-lite';
import { METRICS } from '../../training/metrics.js';
import type { CurvePoint } from '../../training/training.js';
import { framed, LIGHT, type Look, percent } from '../picture.js';

export const CURVE_METRICS = ['loss', 'accuracy'] as const;
export type CurveMetric = (typeof CURVE_METRICS)[number];

export interface Curve {
  /** Whose it is, for people. */
  readonly name: string;
  readonly points: readonly CurvePoint[];
  /** Drawn in grey, to compare with. */
  readonly behind?: boolean;
}

export interface CurveRow {
  readonly training: string;
  readonly on: 'training clips' | 'validation videos';
  readonly step: number;
  /** Percent where the metric is a share. */
  readonly value: number;
  readonly behind: boolean;
}

export function curveRows(curves: readonly Curve[], metric: CurveMetric): CurveRow[] {
  const scaled = METRICS[metric].unit === 'share' ? percent : (value: number) => value;
  return curves.flatMap(({ name: training, points, behind = false }) => [
    ...points.map((point) => ({
      training,
      on: 'training clips' as const,
      step: point.step,
      value: scaled(point[metric]),
      behind,
    })),
    ...points.flatMap(({ step, validation }) =>
      validation
        ? [{ training, on: 'validation videos' as const, step, value: scaled(validation[metric]), behind }]
        : [],
    ),
  ]);
}

export const curveTitle = (metric: CurveMetric): string =>
  METRICS[metric].unit === 'share' ? `${METRICS[metric].title}, %` : METRICS[metric].title;

/** Undefined where no curve has a point. */
export function curvesSpecification(
  curves: readonly Curve[],
  metric: CurveMetric,
  look: Look = LIGHT,
): TopLevelSpec | undefined {
  const rows = curveRows(curves, metric);
  if (rows.length === 0) return undefined;
  const front = rows.filter(({ behind }) => !behind);
  const names = curves.filter(({ behind }) => !behind).map(({ name }) => name);
  const x = { field: 'step', type: 'quantitative', title: 'step', axis: { grid: false } } as const;
  const y = {
    field: 'value',
    type: 'quantitative',
    title: curveTitle(metric),
    scale: { zero: metric === 'accuracy' },
    axis: { domain: false, ticks: false },
  } as const;
  const strokeDash = {
    field: 'on',
    type: 'nominal',
    scale: { domain: ['training clips', 'validation videos'], range: [[], [5, 3]] },
    legend: { title: 'on', symbolStrokeColor: look.soft, symbolStrokeWidth: 2, symbolSize: 300 },
  } as const;
  const color = { field: 'training', type: 'nominal', sort: names, legend: { title: 'training' } } as const;
  return framed(
    metric,
    ['means since the point before; validation on one clip a video'],
    [
      {
        data: { values: rows.filter(({ behind }) => behind) },
        mark: { type: 'line', color: look.quiet, opacity: 0.35, strokeWidth: 1 },
        encoding: { x, y, strokeDash, detail: { field: 'training' } },
      },
      {
        data: { values: front },
        mark: { type: 'line', strokeWidth: 1.75 },
        encoding: { x, y, strokeDash, color },
      },
      {
        data: { values: front.filter(({ on }) => on === 'validation videos') },
        mark: { type: 'point', filled: true, size: 28, tooltip: { content: 'data' } },
        encoding: { x, y, color },
      },
    ],
    { height: 260, look },
  );
}
