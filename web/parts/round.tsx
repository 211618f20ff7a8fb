/** The round under way: how far each candidate is, what is known of it, and how it learns. */
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { CandidateDetail, FinalDetail } from '../../src/api/routes/candidates.js';
import { clip, costText, duration, percent } from '../../src/cli/figures.js';
import { CURVE_METRICS, type Curve, curveRows, curvesSpecification } from '../../src/search/charts/curves.js';
import type { Look } from '../../src/search/picture.js';
import { moveOf } from '../../src/search/state.js';
import type { CandidateView, FinalView, Trajectory } from '../../src/search/views.js';
import type { TrainingProgress } from '../../src/training/training.js';
import { to } from '../routes.js';
import { get } from '../service/ask.js';
import type { LiveSearch } from '../service/live.js';
import { Chart } from './chart.js';
import { Bar, COUNTED, changed, estimate } from './words.js';

/** One thing that is trained now: a candidate, or the network found. */
interface Runner {
  readonly name: string;
  readonly link: string;
  /** Where its curves are asked for. */
  readonly path: string;
  readonly changed: string;
  readonly won: boolean;
  readonly of: CandidateView | FinalView;
}

export interface UnderWay {
  readonly title: string;
  readonly runners: readonly Runner[];
}

export function underWay(trajectory: Trajectory): UnderWay | undefined {
  const { search, rounds, contraction, final } = trajectory;
  const path = `/searches/${encodeURIComponent(search)}`;
  if (final)
    return {
      title: 'The network found, trained in full',
      runners: [
        {
          name: 'the network found',
          link: to.final(search),
          path: `${path}/final`,
          changed: `${clip(final.factors)}, ${final.factors.crop} px`,
          won: false,
          of: final,
        },
      ],
    };
  const round = rounds.at(-1);
  if (!round) return undefined;
  const taken = contraction?.candidate;
  return {
    title: taken
      ? 'The last step, taken back to the target'
      : round.step === 'recipe'
        ? 'Recipes are tried'
        : `Round ${round.round}${round.step === 'expansion' ? '' : `, ${round.step}`}`,
    runners: (taken ? [taken] : round.candidates).map((candidate) => ({
      name: moveOf(candidate),
      link: to.candidate(search, candidate.id),
      path: `${path}/candidates/${encodeURIComponent(candidate.id)}`,
      changed: changed(round.factors, candidate.factors),
      won: candidate.id === round.winner?.candidate,
      of: candidate,
    })),
  };
}

const CURVES_MS = 4000;

type Detail = CandidateDetail | FinalDetail;

/** What is asked for at these paths, every few seconds while `running`. */
export function useDetails(paths: readonly string[], running: boolean): ReadonlyMap<string, Detail> {
  const [details, setDetails] = useState<ReadonlyMap<string, Detail>>(new Map());
  const asked = paths.join(' ');
  useEffect(() => {
    const gone = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      if (!document.hidden) {
        const answers = await Promise.all(
          asked
            .split(' ')
            .filter(Boolean)
            .map(
              async (path) => [path, await get<Detail>(path, gone.signal).catch(() => undefined)] as const,
            ),
        );
        if (gone.signal.aborted) return;
        setDetails(new Map(answers.flatMap(([path, detail]) => (detail ? [[path, detail] as const] : []))));
      }
      if (running) timer = setTimeout(ask, CURVES_MS);
    };
    void ask();
    return () => {
      gone.abort();
      clearTimeout(timer);
    };
  }, [asked, running]);
  return details;
}

/** Each training of a candidate as a curve. */
export const curvesOf = (name: string, { trainings }: Detail, behind = false): Curve[] =>
  trainings.map(({ curve }, index) => ({
    name: index === 0 ? name : `${name}, training ${index + 1}`,
    points: curve,
    behind,
  }));

export function Curves({ curves, file }: { readonly curves: readonly Curve[]; readonly file: string }) {
  const specifications = useMemo(
    () => CURVE_METRICS.map((metric) => (look: Look) => curvesSpecification(curves, metric, look)),
    [curves],
  );
  return (
    <div class="side-by-side">
      {CURVE_METRICS.map((metric, index) => (
        <Chart
          key={metric}
          title={metric === 'loss' ? 'Loss as it fell' : 'Accuracy as it rose'}
          file={`${file}-${metric}`}
          specification={specifications[index] as (look: Look) => ReturnType<typeof curvesSpecification>}
          rows={curveRows(curves, metric).map((row) => ({ ...row }))}
          nothing="No training has come to its first point yet."
        />
      ))}
    </div>
  );
}

export function RoundUnderWay({ live: { trajectory, progress, view } }: { readonly live: LiveSearch }) {
  const now = useMemo(() => trajectory && underWay(trajectory), [trajectory]);
  const running = view?.status === 'running';
  const paths = (now?.runners ?? []).map(({ path }) => path);
  const details = useDetails(paths, running);
  const curves = useMemo(
    () =>
      (now?.runners ?? []).flatMap(({ name, path }) => {
        const detail = details.get(path);
        return detail ? curvesOf(name, detail) : [];
      }),
    [now, details],
  );
  const stand = useCallback(
    ({ of }: Runner) => {
      const started = of.trainings.filter(({ state }) => state === 'started');
      return started.flatMap(({ id }) => progress.get(id)?.progress ?? []).at(0);
    },
    [progress],
  );
  if (!trajectory || !now) return null;
  return (
    <section>
      <h2>{running ? `Under way: ${now.title}` : now.title}</h2>
      <table class="cards">
        <thead>
          <tr>
            <th scope="col">Candidate</th>
            <th scope="col">Changes</th>
            <th scope="col" class="counted">
              {COUNTED[trajectory.complexity]}
            </th>
            <th scope="col">Training</th>
            <th scope="col">Accuracy</th>
            <th scope="col">Loss</th>
          </tr>
        </thead>
        <tbody>
          {now.runners.map((runner) => (
            <RunnerRow
              key={runner.link}
              runner={runner}
              now={stand(runner)}
              complexity={trajectory.complexity}
            />
          ))}
        </tbody>
      </table>
      <Curves curves={curves} file={`${trajectory.search}-curves`} />
    </section>
  );
}

interface RunnerRowProps {
  readonly runner: Runner;
  readonly now: TrainingProgress | undefined;
  readonly complexity: Trajectory['complexity'];
}

function RunnerRow({ runner, now, complexity }: RunnerRowProps) {
  const { name, link, changed: what, won, of } = runner;
  const finished = of.trainings.filter(({ state }) => state === 'finished').length;
  const estimates = 'estimates' in of ? of.estimates : undefined;
  const outcome = 'outcome' in of ? of.outcome?.evaluations : undefined;
  const test = outcome?.test ?? outcome?.validation;
  return (
    <tr>
      <th scope="row">
        <a href={link}>{name}</a>
        {won && <small> won</small>}
      </th>
      <td data-label="Changes">{what}</td>
      <td data-label="Cost" class="figure">
        {costText(of.cost, complexity)}
      </td>
      <td data-label="Training">
        {now ? (
          <>
            <Bar done={now.done} of={now.of} label={`${now.phase} of ${name}`} />
            <small>
              {now.phase}
              {now.secondsLeft !== undefined && `, ${duration(now.secondsLeft)} left`}
            </small>
          </>
        ) : (
          <small>
            {of.state === 'proposed' ? 'waits' : of.state}
            {finished > 1 && `, ${finished} times`}
            {'dropped' in of && of.dropped !== undefined && `; dropped: ${of.dropped}`}
          </small>
        )}
      </td>
      <td data-label="Accuracy" class="figure">
        {estimates
          ? estimate(estimates.accuracy)
          : test
            ? estimate({ mean: test.metrics.accuracy, error: test.errors.accuracy })
            : now?.accuracy !== undefined && <small>{percent(now.accuracy)} on training clips</small>}
      </td>
      <td data-label="Loss" class="figure">
        {estimates
          ? `${estimates.loss.mean.toFixed(3)} ± ${estimates.loss.error.toFixed(3)}`
          : test
            ? test.metrics.loss.toFixed(3)
            : now?.loss !== undefined && <small>{now.loss.toFixed(3)} on training clips</small>}
      </td>
    </tr>
  );
}
