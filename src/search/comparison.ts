/** Several searches side by side: what each found, how good it is, and what it spent. */
import type { TopLevelSpec } from 'vega-lite';
import type { Factors } from '../network/index.js';
import { counted } from './counted.js';
import {
  accuracyAxis,
  bars,
  costAxis,
  foundIn,
  framed,
  LIGHT,
  type Look,
  measuredOf,
  triedIn,
} from './picture.js';
import type { Trajectory } from './views.js';

export interface Figure {
  readonly mean: number;
  readonly error: number;
}

/** One search in a comparison. */
export interface Compared {
  readonly search: string;
  readonly name?: string;
  readonly method: Trajectory['method'];
  readonly seed: number;
  readonly status: Trajectory['status'];
  readonly factors?: Factors;
  readonly complexity: Trajectory['complexity'];
  /** As the search's target counts it. */
  readonly cost?: number;
  readonly target: number;
  /** Of the network found as a candidate, on validation videos. */
  readonly validation?: { readonly accuracy: Figure; readonly loss: Figure };
  /** Of its training in full, on videos that took no part; the error is over the videos. */
  readonly test?: { readonly accuracy: Figure; readonly loss: Figure };
  readonly spending: Trajectory['spending'];
}

export function comparedOf(trajectory: Trajectory): Compared {
  const { search, name, method, seed, status, target, complexity, spending, final } = trajectory;
  const estimates = foundIn(trajectory)?.estimates;
  const score = final?.outcome?.evaluations.test;
  const figure = (metric: 'accuracy' | 'loss'): Figure => ({
    mean: score?.metrics[metric] ?? Number.NaN,
    error: score?.errors[metric] ?? Number.NaN,
  });
  return {
    search,
    ...(name === undefined ? {} : { name }),
    method,
    seed,
    status,
    complexity,
    target,
    ...(final ? { factors: final.factors, cost: counted(final.cost, complexity) } : {}),
    ...(estimates ? { validation: { accuracy: estimates.accuracy, loss: estimates.loss } } : {}),
    ...(score ? { test: { accuracy: figure('accuracy'), loss: figure('loss') } } : {}),
    spending,
  };
}

const titleOf = ({ search, name, method, seed }: Trajectory) => `${name ?? search} (${method}, seed ${seed})`;

/** Every candidate that was measured, with what search it is of. */
export const comparisonRows = (trajectories: readonly Trajectory[]) =>
  trajectories.flatMap((trajectory) => {
    const found = foundIn(trajectory);
    return triedIn(trajectory)
      .flatMap(({ candidates }) => candidates)
      .flatMap((candidate) =>
        measuredOf(candidate, trajectory).map((point) => ({
          ...point,
          search: titleOf(trajectory),
          found: candidate === found,
        })),
      );
  });

/** Every candidate's accuracy against its cost, a colour per search; the networks found stand out. */
export function comparisonSpecification(
  trajectories: readonly Trajectory[],
  look: Look = LIGHT,
): TopLevelSpec {
  const points = comparisonRows(trajectories);
  const x = costAxis(trajectories[0]?.complexity ?? 'multiplyAdds');
  const y = accuracyAxis();
  const color = { field: 'search', type: 'nominal', legend: { title: 'search' } } as const;
  return framed(
    `${trajectories.length} searches`,
    ['bars are one standard error'],
    [
      bars(points, { x, y, color }),
      {
        data: { values: points.filter(({ found }) => !found) },
        mark: { type: 'point', filled: true, size: 60, opacity: 0.6 },
        encoding: { x, y, color },
      },
      {
        data: { values: points.filter(({ found }) => found) },
        mark: {
          type: 'point',
          shape: 'diamond',
          filled: true,
          size: 280,
          stroke: look.ink,
          strokeWidth: 1.5,
        },
        encoding: { x, y, color },
      },
    ],
    { look },
  );
}
