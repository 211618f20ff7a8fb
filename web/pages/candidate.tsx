/** One candidate, or the network found: what it is, how it learned, what came of it. */

import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import type { CandidateDetail, FinalDetail, TrainingDetail } from '../../src/api/routes/candidates.js';
import { amount, bytes, costText, duration, networkText } from '../../src/cli/figures.js';
import { moveOf } from '../../src/search/state.js';
import type { Trajectory } from '../../src/search/views.js';
import { Log } from '../parts/log.js';
import { NetworkDrawing } from '../parts/network.js';
import { Results } from '../parts/results.js';
import { Curves, curvesOf, useDetails } from '../parts/round.js';
import { Table } from '../parts/table.js';
import { Bar, COUNTED, estimate, Fact, Facts, Trouble, useTitle } from '../parts/words.js';
import { to } from '../routes.js';
import { usePolled } from '../service/live.js';

const EVERY_MS = 3000;

const pathOf = (search: string) => `/searches/${encodeURIComponent(search)}`;

export function Candidate({ search, candidate }: { readonly search: string; readonly candidate: string }) {
  const path = `${pathOf(search)}/candidates/${encodeURIComponent(candidate)}`;
  const { answer, trouble } = usePolled<CandidateDetail>(path, EVERY_MS);
  const { answer: trajectory } = usePolled<Trajectory>(`${pathOf(search)}/trajectory`, EVERY_MS);
  // Its last round, as its estimates are.
  const round = trajectory?.rounds.findLast(({ candidates }) =>
    candidates.some(({ id }) => id === candidate),
  );
  const title = answer
    ? round
      ? `Round ${round.round}: ${moveOf(answer)}`
      : `Candidate: ${moveOf(answer)}`
    : 'Candidate';
  const others = (round?.candidates ?? []).filter(({ id }) => id !== candidate);
  return (
    <Detailed
      search={search}
      title={title}
      trajectory={trajectory}
      detail={answer}
      trouble={trouble}
      behind={others.map((other) => ({
        name: moveOf(other),
        path: `${pathOf(search)}/candidates/${encodeURIComponent(other.id)}`,
      }))}
    >
      {answer?.estimates && (
        <>
          <Fact name="Accuracy, on validation">{estimate(answer.estimates.accuracy)}</Fact>
          <Fact name="Loss, on validation">
            {answer.estimates.loss.mean.toFixed(3)} ± {answer.estimates.loss.error.toFixed(3)}
          </Fact>
        </>
      )}
      {answer?.dropped !== undefined && <Fact name="Dropped">{answer.dropped}</Fact>}
      {round?.winner?.candidate === candidate && <Fact name="In its round">it won</Fact>}
    </Detailed>
  );
}

export function Found({ search }: { readonly search: string }) {
  const { answer, trouble } = usePolled<FinalDetail>(`${pathOf(search)}/final`, EVERY_MS);
  const { answer: trajectory } = usePolled<Trajectory>(`${pathOf(search)}/trajectory`, EVERY_MS);
  const evaluations = answer?.outcome?.evaluations;
  const measured = evaluations?.test ?? evaluations?.validation;
  return (
    <Detailed
      search={search}
      title="The network found"
      trajectory={trajectory}
      detail={answer}
      trouble={trouble}
      behind={[]}
    >
      {answer && <Fact name="Why this one">{answer.reason}</Fact>}
      {measured && (
        <Fact name={evaluations?.test ? 'Accuracy, on test videos' : 'Accuracy, on validation videos'}>
          {estimate({ mean: measured.metrics.accuracy, error: measured.errors.accuracy })}
        </Fact>
      )}
      {trajectory?.status === 'ended' && (
        <Fact name="Use it">
          <a href={to.try(search)}>Try it on a video</a>
        </Fact>
      )}
    </Detailed>
  );
}

interface DetailedProps {
  readonly search: string;
  readonly title: string;
  readonly trajectory: Trajectory | undefined;
  readonly detail: CandidateDetail | FinalDetail | undefined;
  readonly trouble: string | undefined;
  /** Whose curves are drawn in grey behind its own. */
  readonly behind: readonly { readonly name: string; readonly path: string }[];
  readonly children: ComponentChildren;
}

function Detailed({ search, title, trajectory, detail, trouble, behind, children }: DetailedProps) {
  useTitle(title);
  const others = useDetails(
    behind.map(({ path }) => path),
    false,
  );
  // Asked for again and again, and mostly the same: it is drawn anew where something changed.
  const known = JSON.stringify(detail?.trainings.map(({ id, curve }) => [id, curve.length]));
  const curves = useMemo(
    () => [
      ...behind.flatMap(({ name, path }) => {
        const other = others.get(path);
        return other ? curvesOf(name, other, true) : [];
      }),
      ...(detail ? curvesOf('this one', detail) : []),
    ],
    [known, others],
  );
  const complexity = trajectory?.complexity ?? 'multiplyAdds';
  return (
    <>
      <p class="path">
        <a href={to.searches}>Searches</a> / <a href={to.search(search)}>{trajectory?.name ?? search}</a>
      </p>
      <h1>{title}</h1>
      <Trouble>{trouble}</Trouble>
      {detail && (
        <>
          <Facts>
            <Fact name="Network">{networkText(detail.factors)}</Fact>
            <Fact name="Cost">
              {costText(detail.cost, complexity)} {COUNTED[complexity]}
            </Fact>
            <Fact name="Parameters">{amount(detail.cost.parameters)}</Fact>
            {children}
          </Facts>
          {detail.trainings.map(
            ({ id, failure }, index) =>
              failure && (
                <p class="trouble" key={id}>
                  Training {index + 1} failed: {failure.reason}
                </p>
              ),
          )}
          <Trainings trainings={detail.trainings} />
          <Curves curves={curves} file={`${search}-candidate-curves`} />
          {trajectory && (
            <NetworkDrawing
              base={trajectory.base}
              factors={detail.factors}
              classes={trajectory.dataset.classes.length}
            />
          )}
          <Results search={search} trainings={detail.trainings} />
          <Log search={search} trainings={detail.trainings} />
        </>
      )}
    </>
  );
}

function Trainings({ trainings }: { readonly trainings: readonly TrainingDetail[] }) {
  return (
    <section>
      <h2>Trainings</h2>
      <Table
        label="Trainings"
        columns={[
          'Training',
          'Steps',
          'Rate',
          'State',
          'Accuracy',
          'Loss',
          'Time',
          'Clips per second',
          'Memory',
        ]}
      >
        {trainings.map(({ id, steps, learningRate, state, running, outcome }, index) => {
          const score = outcome?.evaluations.validation ?? outcome?.evaluations.test;
          return (
            <tr key={id}>
              <th scope="row">
                {index + 1} <small>{id.slice(0, 9)}</small>
              </th>
              <td class="figure">{steps}</td>
              <td class="figure">{learningRate}</td>
              <td>
                {running?.progress ? (
                  <Bar
                    done={running.progress.done}
                    of={running.progress.of}
                    label={`${running.progress.phase} of training ${index + 1}`}
                  />
                ) : (
                  state
                )}
                {running && <small>on {running.worker}</small>}
              </td>
              <td class="figure">
                {score && estimate({ mean: score.metrics.accuracy, error: score.errors.accuracy })}
              </td>
              <td class="figure">{score?.metrics.loss.toFixed(3)}</td>
              <td class="figure">{outcome && duration(outcome.seconds)}</td>
              <td class="figure">{outcome?.clipsPerSecond.toFixed(1)}</td>
              <td class="figure">{outcome && bytes(outcome.peakBytes)}</td>
            </tr>
          );
        })}
      </Table>
    </section>
  );
}
