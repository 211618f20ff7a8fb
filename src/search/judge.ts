/**
 * Who is best among networks whose measured figures are noisy, and how sure that is.
 *
 * The model: a figure is the network's own, plus the replicate's (its fold's videos are easy or hard, for all alike),
 * plus noise of one size for all. Networks need not have all replicates: a least-squares fit of both effects compares
 * them all the same. The noise is estimated from what the fit leaves, over all rounds of a search, together with a
 * prior from the videos' own spread, so that one replicate is enough to begin with: over seeds and folds, loss and
 * accuracy of networks on 20 videos had standard deviations of 0.7 to 1.2 and of 0.6 to 0.7 standard errors over the
 * videos (five replicates of 19 networks on the Weizmann clips), and both shrink as sets grow.
 */
import { METRICS, type MetricName, worse } from '../training/metrics.js';
import type { Score } from '../training/training.js';

/** One training's figures. */
export interface Measurement {
  readonly candidate: string;
  readonly replicate: number;
  readonly score: Score;
}

/** Standard deviation over seeds and folds, in standard errors over the validation videos. */
const SPREAD = 0.8;
/** What the prior counts for, in degrees of freedom. */
const PRIOR_WEIGHT = 6;
/** Where all videos come to the same, their spread says nothing: no figure is surer than one video in two. */
const LEAST_VIDEOS = 2;

interface Fit {
  /** By candidate. */
  readonly means: ReadonlyMap<string, number>;
  readonly counts: ReadonlyMap<string, number>;
  /** Sum of squares that the fit leaves, and its degrees of freedom. */
  readonly squares: number;
  readonly freedom: number;
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const meanOf = (values: readonly number[]) => sum(values) / Math.max(1, values.length);

/** What belongs together, each in the order in which it came. */
export function grouped<One, Key>(
  all: readonly One[],
  by: (one: One) => Key,
): ReadonlyMap<Key, readonly One[]> {
  const groups = new Map<Key, One[]>();
  for (const one of all) groups.set(by(one), [...(groups.get(by(one)) ?? []), one]);
  return groups;
}

/** Sweeps of the least-squares fit; tables are small and sweeps converge fast. */
const SWEEPS = 200;

/** Least squares of candidate + replicate, by sweeping the residuals in turn. Candidate means are at the mean replicate. */
function fitted(measured: readonly Measurement[], metric: MetricName): Fit {
  const value = ({ score }: Measurement) => score.metrics[metric];
  const byCandidate = grouped(measured, ({ candidate }) => candidate);
  const byReplicate = grouped(measured, ({ replicate }) => replicate);
  /** The mean of each group, less what is `known` of each of its values. */
  const effects = <Key>(
    groups: ReadonlyMap<Key, readonly Measurement[]>,
    known: (one: Measurement) => number | undefined,
  ): ReadonlyMap<Key, number> =>
    new Map(
      [...groups].map(([key, ones]) => [key, meanOf(ones.map((one) => value(one) - (known(one) ?? 0)))]),
    );
  let own: ReadonlyMap<string, number> = new Map();
  let shared: ReadonlyMap<number, number> = new Map();
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    own = effects(byCandidate, ({ replicate }) => shared.get(replicate));
    const next = effects(byReplicate, ({ candidate }) => own.get(candidate));
    const stays = [...next].every(([replicate, effect]) => effect === shared.get(replicate));
    shared = next;
    // Each sweep after it would be the same.
    if (stays) break;
  }
  const level = meanOf([...shared.values()]);
  const residuals = measured.map(
    (one) => value(one) - (own.get(one.candidate) ?? 0) - (shared.get(one.replicate) ?? 0),
  );
  return {
    means: new Map([...own].map(([id, mean]) => [id, mean + level])),
    counts: new Map([...byCandidate].map(([id, ones]) => [id, ones.length])),
    squares: sum(residuals.map((residual) => residual ** 2)),
    freedom: Math.max(0, measured.length - byCandidate.size - byReplicate.size + 1),
  };
}

/** Variance of one training's figure: the prior and what all rounds' fits leave. */
function variance(metric: MetricName, fits: readonly Fit[], measured: readonly Measurement[]): number {
  const spreads = measured.map(({ score }) => {
    const { videos, errors } = score;
    const floor = metric === 'loss' ? 0 : 0.5 / Math.max(LEAST_VIDEOS, videos);
    return Math.max(errors[metric], floor) ** 2;
  });
  const prior = SPREAD ** 2 * meanOf(spreads);
  const squares = sum(fits.map((one) => one.squares));
  const freedom = sum(fits.map((one) => one.freedom));
  return (PRIOR_WEIGHT * prior + squares) / (PRIOR_WEIGHT + freedom);
}

const density = (z: number) => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);

/** Of the standard normal, by Abramowitz and Stegun 7.1.26: good to 1.5e-7. */
export function normalBelow(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const polynomial =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const below = 1 - 0.5 * polynomial * Math.exp(-x * x);
  return z >= 0 ? below : 1 - below;
}

export interface Estimate {
  readonly candidate: string;
  readonly mean: number;
  /** Standard error of the mean, of one candidate alone. */
  readonly error: number;
  readonly replicates: number;
  /** That no other is better. */
  readonly probability: number;
}

export interface Judgement {
  readonly metric: MetricName;
  /** The best first. */
  readonly estimates: readonly Estimate[];
  /** What is lost on average if the first is taken and another is better, in the metric's unit. */
  readonly regret: number;
}

const STEPS = 400;
const WIDTH = 8;

/** Each one's probability to be the best of independent normals, `badness` being better where lower. */
function probabilities(badness: readonly number[], errors: readonly number[]): number[] {
  const certain = errors.every((error) => error === 0);
  if (certain) {
    const best = Math.min(...badness);
    const winners = badness.filter((value) => value === best).length;
    return badness.map((value) => (value === best ? 1 / winners : 0));
  }
  return badness.map((mean, i) => {
    const own = Math.max(errors[i] ?? 0, 1e-12);
    let total = 0;
    for (let step = 0; step < STEPS; step++) {
      const z = -WIDTH + (2 * WIDTH * (step + 0.5)) / STEPS;
      const at = mean + own * z;
      let product = density(z) * ((2 * WIDTH) / STEPS);
      badness.forEach((other, j) => {
        if (j !== i) product *= 1 - normalBelow((at - other) / Math.max(errors[j] ?? 0, 1e-12));
      });
      total += product;
    }
    return Math.min(1, total);
  });
}

/** How much worse than the first it would be on average to have missed another: E[max(0, first - other)]. */
function expectedGain(difference: number, error: number): number {
  if (error === 0) return Math.max(0, -difference);
  const z = difference / error;
  return error * (density(z) - z * (1 - normalBelow(z)));
}

/**
 * Judges candidates by one metric. `earlier`: measurements of other rounds, a table each, for the size of the noise.
 * Undefined where nothing was measured.
 */
export function judge(
  metric: MetricName,
  measured: readonly Measurement[],
  earlier: readonly (readonly Measurement[])[] = [],
): Judgement | undefined {
  if (measured.length === 0) return undefined;
  const own = fitted(measured, metric);
  const fits = [own, ...earlier.filter((table) => table.length > 0).map((table) => fitted(table, metric))];
  const noise = variance(metric, fits, measured);
  const ids = [...own.means.keys()];
  const means = ids.map((id) => own.means.get(id) ?? 0);
  const errors = ids.map((id) => Math.sqrt(noise / (own.counts.get(id) ?? 1)));
  const sign = METRICS[metric].better === 'lower' ? 1 : -1;
  const chances = probabilities(
    means.map((mean) => sign * mean),
    errors,
  );
  const estimates = ids
    .map((candidate, i) => ({
      candidate,
      mean: means[i] ?? 0,
      error: errors[i] ?? 0,
      replicates: own.counts.get(candidate) ?? 0,
      probability: chances[i] ?? 0,
    }))
    .sort(
      (a, b) =>
        worse(metric, a.mean, b.mean) || (a.candidate < b.candidate ? -1 : a.candidate > b.candidate ? 1 : 0),
    );
  const [first, ...others] = estimates;
  const gains = others.map(({ mean, error }) =>
    expectedGain(worse(metric, mean, first?.mean ?? mean), Math.hypot(error, first?.error ?? 0)),
  );
  return { metric, estimates, regret: Math.max(0, ...gains) };
}

/** The difference of two candidates, `a` less `b`, with its standard error and the probability that `a` is better. */
export function compare(judgement: Judgement, a: string, b: string) {
  const find = (id: string) => judgement.estimates.find(({ candidate }) => candidate === id);
  const [one, other] = [find(a), find(b)];
  if (!one || !other) return undefined;
  const error = Math.hypot(one.error, other.error);
  const value = one.mean - other.mean;
  const better = worse(judgement.metric, other.mean, one.mean);
  const probability = better === 0 ? 0.5 : normalBelow(error === 0 ? better * Infinity : better / error);
  return { metric: judgement.metric, value, error, probability };
}
