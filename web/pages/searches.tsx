/** All searches, to look for one, to set some beside each other, to begin another. */
import { useMemo, useState } from 'preact/hooks';
import type { SearchPage } from '../../src/api/routes/searches.js';
import type { SearchView } from '../../src/api/search-view.js';
import { costText, duration, quantity, timeLeft } from '../../src/cli/figures.js';
import { Steering } from '../parts/steering.js';
import { Bar, COUNTED, estimate, State, Trouble, time, useTitle } from '../parts/words.js';
import { to } from '../routes.js';
import { usePolled } from '../service/live.js';

const EVERY_MS = 3000;
const MOST = 100;

const tookSeconds = ({ createdAt, endedAt }: SearchView) =>
  (Date.parse(endedAt ?? new Date().toISOString()) - Date.parse(createdAt)) / 1000;
const ended = ({ trainings }: SearchView) => trainings.finished + trainings.failed;
const all = ({ trainings }: SearchView) =>
  ended({ trainings } as SearchView) + trainings.proposed + trainings.started;

interface Column {
  readonly title: string;
  /** What it is sorted by. */
  readonly of: (search: SearchView) => string | number;
  /** Whether the largest come first when it is first sorted by. */
  readonly falling?: boolean;
}

const COLUMNS = {
  name: { title: 'Search', of: ({ configuration, id }) => (configuration.name ?? id).toLowerCase() },
  status: { title: 'State', of: ({ status }) => status },
  method: { title: 'Method', of: ({ configuration }) => configuration.method },
  target: { title: 'Target', of: ({ configuration }) => configuration.target, falling: true },
  progress: { title: 'Trainings', of: (search) => ended(search) / Math.max(1, all(search)), falling: true },
  best: { title: 'Best so far', of: ({ best }) => best?.accuracy.mean ?? -1, falling: true },
  time: { title: 'Time', of: tookSeconds, falling: true },
  created: { title: 'Begun', of: ({ createdAt }) => createdAt, falling: true },
} as const satisfies Record<string, Column>;
type ColumnName = keyof typeof COLUMNS;

function compare(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b));
}

export function Searches() {
  useTitle('Searches');
  const { answer, trouble, again } = usePolled<SearchPage>(`/searches?limit=${MOST}`, EVERY_MS);
  const [text, setText] = useState('');
  const [status, setStatus] = useState('');
  const [sort, setSort] = useState<{ readonly by: ColumnName; readonly falling: boolean }>({
    by: 'created',
    falling: true,
  });
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const shown = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    const of: Column['of'] = COLUMNS[sort.by].of;
    return (answer?.searches ?? [])
      .filter((search) => status === '' || search.status === status)
      .filter(({ id, configuration: { name = '', data, method } }) =>
        [id, name, data.path, method].some((field) => field.toLowerCase().includes(wanted)),
      )
      .sort((a, b) => (sort.falling ? -1 : 1) * compare(of(a), of(b)));
  }, [answer, text, status, sort]);

  if (!answer)
    return (
      <>
        <h1>Searches</h1>
        {trouble === undefined ? <p>Asking the service …</p> : <Trouble>{trouble}</Trouble>}
      </>
    );
  return (
    <>
      <div class="heading">
        <h1>Searches</h1>
        <a class="button main" href={to.new}>
          New search
        </a>
      </div>
      <Trouble>{trouble}</Trouble>
      {answer.total === 0 ? (
        <p class="nothing">
          There are none yet. <a href={to.new}>Start the first one</a>: it needs a folder of videos and how
          large the network may be.
        </p>
      ) : (
        <>
          <search class="filters">
            <label>
              Find
              <input
                type="search"
                value={text}
                placeholder="name, videos, method"
                onInput={(event) => setText(event.currentTarget.value)}
              />
            </label>
            <label>
              State
              <select value={status} onChange={(event) => setStatus(event.currentTarget.value)}>
                <option value="">all</option>
                <option value="running">running</option>
                <option value="paused">paused</option>
                <option value="ended">finished</option>
                <option value="failed">failed</option>
                <option value="cancelled">cancelled</option>
              </select>
            </label>
            <label class="phone">
              Sort by
              <select
                value={sort.by}
                onChange={(event) => {
                  const by = event.currentTarget.value as ColumnName;
                  setSort({ by, falling: 'falling' in COLUMNS[by] });
                }}
              >
                {Object.entries(COLUMNS).map(([name, { title }]) => (
                  <option key={name} value={name}>
                    {title}
                  </option>
                ))}
              </select>
            </label>
            {chosen.length > 1 ? (
              <a class="button" href={to.compare(chosen)}>
                Compare {chosen.length} searches
              </a>
            ) : (
              <p class="hint">Tick two or more to compare them.</p>
            )}
          </search>
          <p class="unseen" role="status">
            {shown.length} of {answer.total} searches shown
          </p>
          <table class="cards">
            <thead>
              <tr>
                <th scope="col">
                  <span class="unseen">Compare</span>
                </th>
                {(Object.keys(COLUMNS) as ColumnName[]).map((name) => {
                  const column: Column = COLUMNS[name];
                  const own = sort.by === name;
                  return (
                    <th
                      scope="col"
                      key={name}
                      aria-sort={own ? (sort.falling ? 'descending' : 'ascending') : 'none'}
                    >
                      <button
                        type="button"
                        class="sort"
                        onClick={() =>
                          setSort({ by: name, falling: own ? !sort.falling : (column.falling ?? false) })
                        }
                      >
                        {column.title}
                        <span aria-hidden="true">{own ? (sort.falling ? ' ▾' : ' ▴') : ''}</span>
                      </button>
                    </th>
                  );
                })}
                <th scope="col">
                  <span class="unseen">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((search) => (
                <One
                  key={search.id}
                  search={search}
                  chosen={chosen.includes(search.id)}
                  choose={(is) =>
                    setChosen(is ? [...chosen, search.id] : chosen.filter((id) => id !== search.id))
                  }
                  again={again}
                />
              ))}
            </tbody>
          </table>
          {shown.length === 0 && <p class="nothing">None of the searches is like that.</p>}
          {answer.total > MOST && (
            <p class="hint">
              The newest {MOST} of {answer.total}.
            </p>
          )}
        </>
      )}
    </>
  );
}

interface OneProps {
  readonly search: SearchView;
  readonly chosen: boolean;
  readonly choose: (is: boolean) => void;
  readonly again: () => void;
}

function One({ search, chosen, choose, again }: OneProps) {
  const { id, status, configuration, best, round, createdAt, reason, waiting, ending } = search;
  const { name, target, complexity, method, data } = configuration;
  return (
    <tr>
      <td>
        <input
          type="checkbox"
          checked={chosen}
          aria-label={`Compare ${name ?? id}`}
          onChange={(event) => choose(event.currentTarget.checked)}
        />
        <span class="phone" aria-hidden="true">
          {' '}
          compare
        </span>
      </td>
      <th scope="row">
        <a href={to.search(id)}>{name ?? id}</a>
        <small title={data.path}>{data.path.split('/').filter(Boolean).at(-1)}</small>
      </th>
      <td data-label="State">
        <State status={status} />
        {reason !== undefined && <small>{reason}</small>}
        {waiting !== undefined && <small>{waiting}</small>}
      </td>
      <td data-label="Method">{method}</td>
      <td data-label="Target" class="figure">
        {quantity(target, complexity)} <small>{COUNTED[complexity]}</small>
      </td>
      <td data-label="Trainings">
        <Bar done={ended(search)} of={all(search)} label={`trainings of ${name ?? id} that ended`} />
        <small>{round === 0 ? 'beginning' : `round ${round}`}</small>
      </td>
      <td data-label="Best so far" class="figure">
        {best ? (
          <>
            {estimate(best.accuracy)} <small>at {costText(best.cost, complexity)}</small>
          </>
        ) : (
          <small>no result yet</small>
        )}
      </td>
      <td data-label="Time" class="figure">
        {duration(tookSeconds(search))}
        {ending && <small class="line">left: {timeLeft(ending)}</small>}
      </td>
      <td data-label="Begun">
        <time dateTime={createdAt}>{time(createdAt)}</time>
      </td>
      <td>
        <Steering search={search} onDone={again} />
      </td>
    </tr>
  );
}
