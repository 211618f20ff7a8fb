/** One search, as it goes on. */
import { useCallback, useMemo, useState } from 'preact/hooks';
import type { SearchPage } from '../../src/api/routes/searches.js';
import { amount, clip, costText, duration, networkText, quantity, timeLeft } from '../../src/cli/figures.js';
import { candidatePoints, trajectorySpecification } from '../../src/search/chart.js';
import { growthRows, growthSpecification } from '../../src/search/charts/growth.js';
import { spansOf, timelineSpecification } from '../../src/search/charts/timeline.js';
import { comparisonRows, comparisonSpecification } from '../../src/search/comparison.js';
import type { Look } from '../../src/search/picture.js';
import type { Trajectory } from '../../src/search/views.js';
import { Chart } from '../parts/chart.js';
import { Choices } from '../parts/choices.js';
import { Connected } from '../parts/connected.js';
import { Files } from '../parts/files.js';
import { RoundUnderWay } from '../parts/round.js';
import { Steering } from '../parts/steering.js';
import { Troubles } from '../parts/troubles.js';
import {
  Bar,
  COUNTED,
  estimate,
  Fact,
  Facts,
  State,
  Trouble,
  time,
  useTitle,
  Videos,
} from '../parts/words.js';
import { to } from '../routes.js';
import { get } from '../service/ask.js';
import { type LiveSearch, usePolled, useSearch } from '../service/live.js';

export function Search({ id }: { readonly id: string }) {
  const live = useSearch(id);
  const { view, trajectory, trouble } = live;
  const name = trajectory?.name ?? `Search ${id}`;
  useTitle(name);
  return (
    <>
      <p class="path">
        <a href={to.searches}>Searches</a>
      </p>
      <div class="heading">
        <h1>{name}</h1>
        {view && <Steering search={view} onDone={(deleted) => deleted && location.assign(to.searches)} />}
      </div>
      <Connected connection={live.connection} />
      <Trouble>{trouble}</Trouble>
      {!view || !trajectory ? (
        trouble === undefined && <p>Asking the service …</p>
      ) : (
        <>
          <Summary live={live} />
          <Path trajectory={trajectory} />
          <RoundUnderWay live={live} />
          <Choices trajectory={trajectory} />
          <Growth trajectory={trajectory} />
          <Timeline live={live} trajectory={trajectory} />
          <Files search={id} version={view.version} />
          <details>
            <summary>Configuration</summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard */}
            <pre tabIndex={0}>{JSON.stringify(view.configuration, undefined, 2)}</pre>
          </details>
        </>
      )}
    </>
  );
}

/** Of the trainings that run now, until the last of them ends; undefined where none has said it. */
function secondsLeft({ trajectory, progress }: LiveSearch): number | undefined {
  const open = trajectory
    ? [
        ...trajectory.rounds.flatMap(({ candidates }) => candidates),
        ...(trajectory.contraction?.candidate ? [trajectory.contraction.candidate] : []),
        ...(trajectory.final ? [trajectory.final] : []),
      ].flatMap(({ trainings }) => trainings.filter(({ state }) => state === 'started'))
    : [];
  const left = open.flatMap(({ id }) => progress.get(id)?.progress?.secondsLeft ?? []);
  return left.length === 0 ? undefined : Math.max(...left);
}

function Summary({ live }: { readonly live: LiveSearch }) {
  const { view, trajectory } = live;
  const left = secondsLeft(live);
  if (!view || !trajectory) return null;
  const { configuration, best, dataset, trainings, createdAt, endedAt } = view;
  const { final, spending, notes, unreachable, method, base } = trajectory;
  const ended = trainings.finished + trainings.failed;
  const seconds = (Date.parse(endedAt ?? new Date().toISOString()) - Date.parse(createdAt)) / 1000;
  const test = final?.outcome?.evaluations.test;
  const counted = COUNTED[configuration.complexity];
  return (
    <section aria-label="Where it stands">
      <Facts>
        <Fact name="State">
          <State status={view.status} />
        </Fact>
        <Fact name="Target">
          {quantity(configuration.target, configuration.complexity)} {counted}
        </Fact>
        <Fact name="Method">
          {method}, from {base}
        </Fact>
        <Fact name={final ? 'Network found, on validation' : 'Best so far'}>
          {best ? (
            <a href={to.candidate(view.id, best.candidate)}>
              {estimate(best.accuracy)} at {costText(best.cost, configuration.complexity)}
            </a>
          ) : (
            'no result yet'
          )}
        </Fact>
        {test && (
          <Fact name="Network found, on test videos">
            <a href={to.final(view.id)}>
              {estimate({ mean: test.metrics.accuracy, error: test.errors.accuracy })}
            </a>
          </Fact>
        )}
        <Fact name="Trainings">
          <Bar
            done={ended}
            of={ended + trainings.proposed + trainings.started}
            label="trainings that ended, of those proposed so far"
          />
        </Fact>
        <Fact name="Time">
          {duration(seconds)}, since <time dateTime={createdAt}>{time(createdAt)}</time>
        </Fact>
        {view.ending && <Fact name="Time left">{timeLeft(view.ending)}</Fact>}
        {view.status === 'running' && left !== undefined && (
          <Fact name="Left of the trainings that run">{duration(left)}</Fact>
        )}
        <Fact name="Spent">
          {amount(spending.multiplyAdds)} multiply-adds, {duration(3600 * spending.hours)} of worker time
        </Fact>
        <Fact name="Videos">
          <Videos of={dataset} />
        </Fact>
        {final && (
          <Fact name="Network found">
            <a href={to.final(view.id)}>
              {clip(final.factors)}, {final.factors.crop} px
            </a>
            {view.status === 'ended' && (
              <>
                {' '}
                · <a href={to.try(view.id)}>try it on a video</a>
              </>
            )}
          </Fact>
        )}
      </Facts>
      {view.status === 'running' && <Troubles search={view.id} />}
      {view.reason !== undefined && <p class="trouble">It failed: {view.reason}</p>}
      {unreachable !== undefined && <p class="note">The target was not reached: {unreachable}</p>}
      {notes.map((note) => (
        <p class="note" key={note}>
          {note}
        </p>
      ))}
    </section>
  );
}

/** Accuracy against cost, with other searches on the same videos over it where they are asked for. */
function Path({ trajectory }: { readonly trajectory: Trajectory }) {
  const { answer } = usePolled<SearchPage>('/searches?limit=100', 0);
  const [over, setOver] = useState<readonly Trajectory[]>([]);
  const others = (answer?.searches ?? []).filter(
    ({ id, dataset, candidates }) =>
      id !== trajectory.search && dataset.fingerprint === trajectory.dataset.fingerprint && candidates > 0,
  );
  const choose = async (id: string, is: boolean) => {
    if (!is) setOver((before) => before.filter(({ search }) => search !== id));
    else {
      const other = await get<Trajectory>(`/searches/${encodeURIComponent(id)}/trajectory`);
      setOver((before) => [...before, other]);
    }
  };
  const specification = useCallback(
    (look: Look, width?: number) =>
      over.length === 0
        ? trajectorySpecification(trajectory, look, width)
        : comparisonSpecification([trajectory, ...over], look),
    [trajectory, over],
  );
  const rows = useMemo(
    () => (over.length === 0 ? candidatePoints(trajectory) : comparisonRows([trajectory, ...over])),
    [trajectory, over],
  );
  return (
    <>
      <Chart
        title="Accuracy against cost"
        file={`${trajectory.search}-accuracy`}
        specification={specification}
        rows={rows.map((row) => ({ ...row }))}
        nothing="No candidate has a result yet."
      >
        Every candidate; the line is the path taken. Bars are one standard error. A question mark: the
        difference was within the noise.
      </Chart>
      {others.length > 0 && (
        <fieldset class="over">
          <legend>Draw other searches on the same videos over it</legend>
          {others.map(({ id, configuration: { name, method, seed } }) => (
            <label class="tick" key={id}>
              <input
                type="checkbox"
                checked={over.some(({ search }) => search === id)}
                onChange={(event) => choose(id, event.currentTarget.checked)}
              />
              {name ?? id}, {method}, seed {seed}
            </label>
          ))}
        </fieldset>
      )}
    </>
  );
}

function Growth({ trajectory }: { readonly trajectory: Trajectory }) {
  const specification = useCallback((look: Look) => growthSpecification(trajectory, look), [trajectory]);
  const rows = useMemo(() => growthRows(trajectory).map((row) => ({ ...row })), [trajectory]);
  const [begun] = trajectory.rounds;
  return (
    <Chart
      title="Factors as they grew"
      file={`${trajectory.search}-factors`}
      specification={specification}
      rows={rows}
      nothing={
        begun
          ? `Nothing has grown yet: the search begins from ${networkText(begun.factors)}.`
          : 'No round has begun.'
      }
    >
      Each as a multiple of where the search began.
    </Chart>
  );
}

function Timeline({ live, trajectory }: { readonly live: LiveSearch; readonly trajectory: Trajectory }) {
  const { events } = live;
  const spans = useMemo(() => spansOf(events, trajectory, new Date().toISOString()), [events, trajectory]);
  const specification = useCallback((look: Look) => timelineSpecification(spans, look), [spans]);
  return (
    <Chart
      title="Who ran what when"
      file={`${trajectory.search}-workers`}
      specification={specification}
      rows={spans.map((span) => ({ ...span }))}
      nothing="No training has begun."
    >
      A row for each worker, a bar for each training. Trainings that another search had already do not run
      again.
    </Chart>
  );
}
