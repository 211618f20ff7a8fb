/** Who is at work: what each has, what it runs, when it was last heard of. */
import type { Workers as Answer } from '../../src/api/routes/workers.js';
import { bytes, duration } from '../../src/cli/figures.js';
import { Troubles } from '../parts/troubles.js';
import { Bar, Trouble, time, useTitle } from '../parts/words.js';
import { usePolled } from '../service/live.js';

const EVERY_MS = 2000;

export function Workers() {
  useTitle('Workers');
  const { answer, trouble } = usePolled<Answer>('/workers', EVERY_MS);
  return (
    <>
      <h1>Workers</h1>
      <Trouble>{trouble}</Trouble>
      <Troubles />
      {answer?.workers.length === 0 && (
        <p class="nothing">
          There are none; <code>x3d-search worker</code> starts some.
        </p>
      )}
      {answer && answer.workers.length > 0 && (
        <table class="cards">
          <thead>
            <tr>
              <th scope="col">Worker</th>
              <th scope="col">Device</th>
              <th scope="col">Memory per training</th>
              <th scope="col">Trains</th>
              <th scope="col">Load of its machine</th>
              <th scope="col">Last heard of</th>
              <th scope="col">At work since</th>
            </tr>
          </thead>
          <tbody>
            {answer.workers.map(
              ({ id, host, pid, device, threads, memoryBytes, since, seen, load, training }) => (
                <tr key={id}>
                  <th scope="row">
                    {host}
                    <small>process {pid}</small>
                  </th>
                  <td data-label="Device">
                    {device}
                    <small>
                      {threads} {threads === 1 ? 'thread' : 'threads'}
                    </small>
                  </td>
                  <td data-label="Memory per training" class="figure">
                    {bytes(memoryBytes)}
                  </td>
                  <td data-label="Trains">
                    {training ? (
                      <>
                        {training.progress ? (
                          <Bar
                            done={training.progress.done}
                            of={training.progress.of}
                            label={`${training.progress.phase} of training ${training.id}`}
                          />
                        ) : (
                          'beginning'
                        )}
                        <small>
                          {training.id.slice(0, 9)}, {training.progress && `${training.progress.phase}, `}for{' '}
                          {duration((Date.now() - Date.parse(training.since)) / 1000)}
                        </small>
                      </>
                    ) : (
                      <small>nothing</small>
                    )}
                  </td>
                  <td data-label="Load of its machine" class="figure">
                    {load !== undefined && `${Math.round(100 * load)} %`}
                  </td>
                  <td data-label="Last heard of" class="figure">
                    {seen !== undefined &&
                      `${Math.max(0, Math.round((Date.now() - Date.parse(seen)) / 1000))} s ago`}
                  </td>
                  <td data-label="At work since">
                    <time dateTime={since}>{time(since)}</time>
                  </td>
                </tr>
              ),
            )}
          </tbody>
        </table>
      )}
      <p class="hint">
        A worker that has been silent for six seconds counts as gone, and its training continues elsewhere.
      </p>
    </>
  );
}
