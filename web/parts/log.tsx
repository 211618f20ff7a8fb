/** What happened to some trainings, as the search's log and their tries say. */
import { useEffect, useState } from 'preact/hooks';
import type { TrainingDetail } from '../../src/api/routes/candidates.js';
import { duration } from '../../src/cli/figures.js';
import type { SearchEvent } from '../../src/search/events.js';
import { follow } from '../service/stream.js';
import { moment } from './words.js';

interface Line {
  readonly at: string;
  readonly text: string;
}

function lineOf(event: SearchEvent): string | undefined {
  switch (event.kind) {
    case 'training-proposed':
      return `to be trained for ${event.work.recipe.steps} steps at rate ${event.work.recipe.learningRate}, mixup ${event.work.recipe.mixup}`;
    case 'training-started':
      return `training on ${event.worker}`;
    case 'training-finished':
      return `finished after ${duration(event.outcome.seconds)}: ${Object.entries(event.outcome.evaluations)
        .map(
          ([name, { metrics }]) =>
            `${name} ${(100 * metrics.accuracy).toFixed(1)} %, loss ${metrics.loss.toFixed(3)}`,
        )
        .join('; ')}`;
    case 'training-failed':
      return `failed (${event.failure.kind}): ${event.failure.reason}`;
    default:
      return undefined;
  }
}

interface LogProps {
  readonly search: string;
  readonly trainings: readonly TrainingDetail[];
}

export function Log({ search, trainings }: LogProps) {
  const [events, setEvents] = useState<readonly SearchEvent[]>([]);
  const ids = trainings.map(({ id }) => id).join(' ');
  useEffect(() => {
    const gone = new AbortController();
    const own = new Set(ids.split(' '));
    setEvents([]);
    void follow(
      search,
      {
        onEvent: (event) => {
          if ('training' in event && own.has(event.training)) setEvents((before) => [...before, event]);
        },
        onProgress: () => {},
        onConnection: () => {},
        onRefused: () => {},
      },
      gone.signal,
    );
    return () => gone.abort();
  }, [search, ids]);
  const numbers = new Map(trainings.map(({ id }, index) => [id, index + 1]));
  const lines: Line[] = [
    ...events.flatMap((event) => {
      const text = lineOf(event);
      const number = 'training' in event ? numbers.get(event.training) : undefined;
      return text === undefined ? [] : [{ at: event.at, text: `training ${number}: ${text}` }];
    }),
    ...trainings.flatMap(({ tries }, index) =>
      tries.map(({ at, place, failure }) => ({
        at,
        text: `training ${index + 1}: a try on ${place} failed (${failure.kind}): ${failure.reason}`,
      })),
    ),
  ].sort((a, b) => (a.at < b.at ? -1 : 1));
  return (
    <section>
      <h2>Log</h2>
      <ol class="log">
        {lines.map(({ at, text }) => (
          <li key={`${at} ${text}`}>
            <time dateTime={at}>{moment(at)}</time> {text}
          </li>
        ))}
      </ol>
    </section>
  );
}
