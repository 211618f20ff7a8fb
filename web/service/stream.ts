/** A search's events as they happen, whatever the connection does meanwhile. */
import { sentEvents } from '../../src/api/sent-events.js';
import type { SearchEvent } from '../../src/search/events.js';
import type { TrainingProgress } from '../../src/training/training.js';
import { Refused, respond } from './ask.js';

/** `over`: nothing will follow. */
export type Connection = 'connecting' | 'live' | 'lost' | 'over';

export interface Progress {
  readonly training: string;
  readonly worker: string;
  readonly progress?: TrainingProgress;
}

export interface Listener {
  readonly onEvent: (event: SearchEvent) => void;
  readonly onProgress: (progress: Progress) => void;
  readonly onConnection: (connection: Connection) => void;
  /** The service refuses the stream, and would again. */
  readonly onRefused: (error: Refused) => void;
}

/** The service says something every 15 s: a connection that is silent for longer is none. */
const SILENT_MS = 40_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      done();
    });
    addEventListener('online', () => done(), { signal, once: true });
  });

/** Follows a search from its first event until it is over or `signal` is aborted. */
export async function follow(search: string, listener: Listener, signal: AbortSignal): Promise<void> {
  let last: string | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  listener.onConnection('connecting');
  while (!signal.aborted) {
    const own = new AbortController();
    let silence = setTimeout(() => own.abort(), SILENT_MS);
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => own.abort(), SILENT_MS);
    };
    try {
      const response = await respond(`/searches/${encodeURIComponent(search)}/events`, {
        headers: last === undefined ? {} : { 'last-event-id': last },
        signal: AbortSignal.any([signal, own.signal]),
      });
      if (response.status === 204 || !response.body) {
        listener.onConnection('over');
        return;
      }
      listener.onConnection('live');
      pauseMs = FIRST_PAUSE_MS;
      for await (const fields of sentEvents(response.body, heard)) {
        const data = fields.get('data');
        if (data === undefined) continue;
        if (fields.get('event') === 'progress') {
          listener.onProgress(JSON.parse(data));
          continue;
        }
        last = fields.get('id') ?? last;
        const event = JSON.parse(data) as SearchEvent;
        listener.onEvent(event);
        if (/^search-(ended|failed|cancelled)$/.test(event.kind)) {
          listener.onConnection('over');
          return;
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      const { status } = error instanceof Refused ? error.problem : { status: 0 };
      if (error instanceof Refused && status >= 400 && status < 500 && status !== 429) {
        listener.onRefused(error);
        return;
      }
    } finally {
      clearTimeout(silence);
    }
    if (signal.aborted) return;
    listener.onConnection('lost');
    await pause(pauseMs, signal);
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}
