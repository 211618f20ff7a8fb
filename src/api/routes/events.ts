import { once } from 'node:events';
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

/** Of all clients, and of one address or account. */
const STREAMS = 500;
const STREAMS_OF_ONE = 50;
/** A reader that takes nothing for so long is let go; it comes back with Last-Event-ID. */
const STUCK_MS = 60_000;

const LAST = new Set<SearchEvent['kind']>(['search-ended', 'search-failed', 'search-cancelled']);

function versionFrom(header: string | undefined): number {
  if (header === undefined || header === '') return 0;
  if (/^\d{1,15}$/.test(header)) return Number(header);
  throw new X3dError('invalid-input', {
    subject: 'Last-Event-ID',
    expected: 'the id of an event of this stream, a whole number',
    got: header.slice(0, 80),
  });
}

/** Keeps a set of the trainings that are neither finished nor failed. */
function track(open: Set<string>, event: SearchEvent): void {
  if (!('training' in event)) return;
  if (event.kind === 'training-finished' || event.kind === 'training-failed') open.delete(event.training);
  else open.add(event.training);
}

export function eventRoutes(app: App, { redis, following, candidateEvents }: Service): void {
  /** By who reads. */
  const streams = new Map<AbortController, string>();
  // One for each stream.
  candidateEvents.setMaxListeners(0);
  app.addHook('preClose', async () => {
    for (const stream of streams.keys()) stream.abort();
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
      const { params } = request;
      const state = await searchNamed(redis, params.id);
      if (after > state.version)
        throw new X3dError('invalid-input', {
          subject: 'Last-Event-ID',
          expected: `at most ${state.version}, the last event of search ${state.id}`,
          got: String(after),
        });
      if (isOver(state) && after === state.version) return reply.status(204).send(null);

      const reader = `${request.account.account} ${request.ip}`;
      const own = [...streams.values()].filter((other) => other === reader).length;
      if (own >= STREAMS_OF_ONE || streams.size >= STREAMS)
        throw new X3dError('too-many', {
          subject: 'streams of events',
          expected: `at most ${STREAMS_OF_ONE} at once, and ${STREAMS} of all clients`,
          got: 'one more',
          remedy: 'Close one first.',
        });
      const stream = new AbortController();
      streams.set(stream, reader);
      const open = new Set(
        trainingsOf(state)
          .filter(isOpen)
          .map(({ id }) => id),
      );
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, {
        ...(reply.getHeaders() as Record<string, string>),
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
      const heartbeat = setInterval(async () => {
        if (await request.mayStill()) raw.write(': still here\n\n');
        else stream.abort();
      }, HEARTBEAT_MS);
      raw.on('close', () => stream.abort());
      // Gone already, while the search was read.
      if (raw.destroyed) stream.abort();
      try {
        for await (const { version, events } of followLog(
          redis,
          following.more,
          params.id,
          after,
          stream.signal,
        )) {
          for (const [index, event] of events.entries()) {
            track(open, event);
            // Whoever comes back after half of an entry gets all of it.
            const id = index === events.length - 1 ? version : undefined;
            if (!write(event.kind, JSON.stringify(event), id)) {
              const stuck = AbortSignal.any([stream.signal, AbortSignal.timeout(STUCK_MS)]);
              await once(raw, 'drain', { signal: stuck });
            }
          }
          if (events.some(({ kind }) => LAST.has(kind))) break;
        }
      } catch (error) {
        // The client comes back with Last-Event-ID.
        if (!stream.signal.aborted) request.log.warn(error, 'a stream of events broke');
      } finally {
        clearInterval(heartbeat);
        candidateEvents.off('progress', onProgress);
        streams.delete(stream);
        if (raw.writableNeedDrain) raw.destroy();
        else raw.end();
      }
    },
  );
}
