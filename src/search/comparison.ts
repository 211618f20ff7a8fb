/** Several searches side by side: what each found, how good it is, and what it spent. */
import type { TopLevelSpec } from 'vega-lite';
import type { Factors } from '../network/index.js';
import { costTitle, svgOf } from './chart.js';
import type { CandidateView, Trajectory } from './trajectory.js';

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
  /** As the search's target counts it. */
  readonly cost?: number;
  readonly target: number;
  /** Of the network found as a candidate, on validation videos. */
  readonly validation?: { readonly accuracy: Figure; readonly loss: Figure };
  /** Of its training in full, on videos that took no part; the error is over the videos. */
  readonly test?: { readonly accuracy: Figure; readonly loss: Figure };
  readonly spending: Trajectory['spending'];
}

const foundIn = ({ final, rounds }: Trajectory): CandidateView | undefined =>
  rounds.flatMap(({ candidates }) => candidates).findLast(({ id }) => id === final?.candidate);

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
    target,
    ...(final ? { factors: final.factors, cost: final.cost[complexity] } : {}),
    ...(estimates ? { validation: { accuracy: estimates.accuracy, loss: estimates.loss } } : {}),
    ...(score ? { test: { accuracy: figure('accuracy'), loss: figure('loss') } } : {}),
    spending,
  };
}

const titleOf = ({ search, name, method, seed }: Trajectory) => `${name ?? search} (${method}, seed ${seed})`;

const percent = (share: number) => 100 * share;

/** Every candidate's accuracy against its cost, a colour per search; the networks found stand out. */
export function comparisonSpecification(trajectories: readonly Trajectory[]): TopLevelSpec {
  const points = trajectories.flatMap((trajectory) => {
    const found = foundIn(trajectory)?.id;
    return trajectory.rounds
      .filter(({ step }) => step !== 'recipe')
      .flatMap(({ candidates }) => candidates)
      .flatMap(({ id, cost, estimates }) =>
        estimates
          ? [
              {
                search: titleOf(trajectory),
                cost: cost[trajectory.complexity],
                accuracy: percent(estimates.accuracy.mean),
                low: percent(Math.max(0, estimates.accuracy.mean - estimates.accuracy.error)),
                high: percent(Math.min(1, estimates.accuracy.mean + estimates.accuracy.error)),
                found: id === found,
              },
            ]
          : [],
      );
  });
  const complexity = trajectories[0]?.complexity ?? 'multiplyAdds';
  const x = {
    field: 'cost',
    type: 'quantitative',
    title: costTitle(complexity),
    scale: { type: 'log', nice: false },
    axis: { format: '~s', grid: false },
  } as const;
  const y = {
    field: 'accuracy',
    type: 'quantitative',
    title: 'validation accuracy, %',
    scale: { zero: false },
  } as const;
  const color = { field: 'search', type: 'nominal', legend: { title: 'search' } } as const;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    width: 640,
    height: 380,
    background: 'white',
    padding: 16,
    title: {
      text: `${trajectories.length} searches`,
      subtitle: 'bars are one standard error',
      anchor: 'start',
    },
    layer: [
      {
        data: { values: points },
        mark: { type: 'rule', opacity: 0.4 },
        encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
      },
      {
        data: { values: points.filter(({ found }) => !found) },
        mark: { type: 'point', filled: true, size: 60, opacity: 0.6 },
        encoding: { x, y, color },
      },
      {
        data: { values: points.filter(({ found }) => found) },
        mark: { type: 'point', shape: 'diamond', filled: true, size: 280, stroke: '#222', strokeWidth: 1.5 },
        encoding: { x, y, color },
      },
    ],
  };
}

/** The comparison as SVG. */
export const comparisonChart = (trajectories: readonly Trajectory[]): Promise<string> =>
  svgOf(comparisonSpecification(trajectories));
