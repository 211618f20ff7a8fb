/** What keeps trainings from going on. */
import type { Troubles as Answer } from '../../src/api/routes/troubles.js';
import { usePolled } from '../service/live.js';
import { time } from './words.js';

const EVERY_MS = 5000;

/** `search`: that which is held up; without it, whatever there is. */
export function Troubles({ search }: { readonly search?: string }) {
  const path = search === undefined ? '/troubles' : `/troubles?search=${encodeURIComponent(search)}`;
  const { answer } = usePolled<Answer>(path, EVERY_MS);
  return (
    <div role="status">
      {answer?.troubles.map(({ kind, message, until }) => (
        <p class="trouble" key={`${kind} ${message}`}>
          {message}
          {until !== undefined && ` It is tried again at ${time(until)}.`}
        </p>
      ))}
    </div>
  );
}
