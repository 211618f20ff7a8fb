import Type from 'typebox';
import { X3dError } from '../../errors.js';
import type { SearchEvent } from '../../search/events.js';
import { followLog, searchNamed } from '../../search/log.js';
import { isOpen, isOver, trainingsOf } from '../../search/state.js';
import { problems } from '../problems.js';
import { type App, SearchId, type Service } from '../service.js';

/** Proxies close what is silent for long, often after a minute. */
const HEARTBEAT_MS = 15_000;

export const EVENTS_ROUTE = '/searches/:id/events';

const LAST = new Set<SearchEvent['kind']>(['search-ended', 'search-failed', 'search-cancelled']);

function versionFrom(header: string | undefined): number {
  if (header === undefined || header === '') return 0;
  if (/^\d+$/.test(header)) return Number(header);
  throw new X3dError('invalid-input', {
    subject: 'Last-Event-ID',
    expected: 'the id of an event of this stream, a whole number',
    got: header,
  });
}

/** Keeps a set of the trainings that are neither finished nor failed. */
function track(open: Set<string>, event: SearchEvent): void {
  if (!('training' in event)) return;
  if (event.kind === 'training-finished' || event.kind === 'training-failed') open.delete(event.training);
  else open.add(event.training);
}

export function eventRoutes(app: App, { redis, candidateEvents }: Service): void {
  const streams = new Set<AbortController>();
  // One for each stream.
  candidateEvents.setMaxListeners(0);
  app.addHook('preClose', async () => {
    for (const stream of streams) stream.abort();
  });

  app.get(
    EVENTS_ROUTE,
    {
      // It would wait for the end of the search.
      exposeHeadRoute: false,
      schema: {
        summary: 'What happens in a search, as it happens (server-sent events)',
        description:
          'Each event of the log, its version as id; between them `progress` events without an id, which are not ' +
          'kept. Ends after search-ended, search-failed or search-cancelled. With Last-Event-ID it goes on after ' +
          'that event; 204 where nothing will follow.',
        tags: ['searches'],
        params: SearchId,
        headers: Type.Object({
          'last-event-id': Type.Optional(
            Type.String({ description: 'The id of the last event seen. Default: none, from the first on.' }),
          ),
        }),
        response: {
          200: { description: 'Events.', content: { 'text/event-stream': { schema: Type.String() } } },
          204: Type.Null({ description: 'The search is over and all its events have been seen.' }),
          ...problems,
        },
      },
    },
    async (request, reply) => {
      const after = versionFrom(request.headers['last-event-id']);
      const state = await searchNamed(redis, request.params.id);
      if (after > state.version)
        throw new X3dError('invalid-input', {
          subject: 'Last-Event-ID',
          expected: `at most ${state.version}, the last event of search ${state.id}`,
          got: String(after),
        });
      if (isOver(state) && after === state.version) return reply.status(204).send(null);

      const stream = new AbortController();
      streams.add(stream);
      const open = new Set(
        trainingsOf(state)
          .filter(isOpen)
          .map(({ id }) => id),
      );
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
        // Nginx would hold events back.
        'x-accel-buffering': 'no',
      });
      raw.flushHeaders();
      const write = (event: string, data: string, id?: number) =>
        raw.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`);
      const onProgress = ({ jobId, data }: { jobId: string; data: unknown }) => {
        // Progress is made again and again: a reader that falls behind does without.
        if (open.has(jobId) && !raw.writableNeedDrain)
          write('progress', JSON.stringify({ training: jobId, ...(data as object) }));
      };
      candidateEvents.on('progress', onProgress);
      const heartbeat = setInterval(() => raw.write(': still here\n\n'), HEARTBEAT_MS);
      raw.on('close', () => stream.abort());
      // Gone already, while the search was read.
      if (raw.destroyed) stream.abort();
      try {
        for await (const { version, events } of followLog(redis, state.id, after, stream.signal)) {
          for (const [index, event] of events.entries()) {
            track(open, event);
            // Whoever comes back after half of an entry gets all of it.
            write(event.kind, JSON.stringify(event), index === events.length - 1 ? version : undefined);
          }
          if (events.some(({ kind }) => LAST.has(kind))) break;
        }
      } catch (error) {
        // The client comes back with Last-Event-ID.
        request.log.warn(error, 'a stream of events broke');
      } finally {
        clearInterval(heartbeat);
        candidateEvents.off('progress', onProgress);
        streams.delete(stream);
        raw.end();
      }
    },
  );
}
