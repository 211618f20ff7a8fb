/**
 * What an evaluation measures: one table that trainings, searches, charts, tables and the API read. A metric is a mean
 * over videos, so that its standard error follows from the values of the videos.
 */
import Type, { type Static } from 'typebox';

/** One video's averaged scores, and where its true class stands among them. */
export interface Prediction {
  /** Probability of the true class. */
  readonly likelihood: number;
  /** Classes with a higher score than the true one; 0 is right. */
  readonly rank: number;
}

interface Metric {
  /** For people. */
  readonly title: string;
  readonly better: 'higher' | 'lower';
  readonly unit: 'share' | 'nats';
  readonly of: (prediction: Prediction) => number;
}

/** Probabilities below this count as this, so that one hopeless video leaves the mean loss finite. */
const SMALLEST_LIKELIHOOD = 1e-12;

export const METRICS = {
  accuracy: {
    title: 'accuracy',
    better: 'higher',
    unit: 'share',
    of: ({ rank }) => (rank === 0 ? 1 : 0),
  },
  top5: {
    title: 'accuracy, top 5',
    better: 'higher',
    unit: 'share',
    of: ({ rank }) => (rank < 5 ? 1 : 0),
  },
  /** Negative log likelihood of the averaged softmax. */
  loss: {
    title: 'loss',
    better: 'lower',
    unit: 'nats',
    of: ({ likelihood }) => -Math.log(Math.max(likelihood, SMALLEST_LIKELIHOOD)),
  },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof METRICS;
export const METRIC_NAMES = Object.keys(METRICS) as MetricName[];

/** How much one value of a metric is worse than another: above 0 where `value` is worse. */
export const worse = (metric: MetricName, value: number, than: number): number =>
  METRICS[metric].better === 'higher' ? than - value : value - than;

export const metricsSchema = <Schema extends Type.TSchema>(schema: Schema) =>
  Type.Object(Object.fromEntries(METRIC_NAMES.map((name) => [name, schema])) as Record<MetricName, Schema>, {
    additionalProperties: false,
  });

const Measures = metricsSchema(Type.Number());
/** A number for each metric. */
export type Measures = Static<typeof Measures>;

/** Something for each metric. */
export const measures = <Of>(of: (metric: MetricName) => Of): Record<MetricName, Of> =>
  Object.fromEntries(METRIC_NAMES.map((name) => [name, of(name)])) as Record<MetricName, Of>;
