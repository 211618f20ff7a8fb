/** What the service says, kept up to date for as long as it is shown. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { SearchView } from '../../src/api/search-view.js';
import type { SearchEvent } from '../../src/search/events.js';
import type { Trajectory } from '../../src/search/views.js';
import { get, Refused, reasonOf } from './ask.js';
import { type Connection, follow, type Progress } from './stream.js';

export interface Polled<Answer> {
  readonly answer?: Answer;
  /** Why there is none, or why it may be old. */
  readonly trouble?: string;
  /** Asks at once. */
  readonly again: () => void;
}

/** An answer that is asked for again every `everyMs` while the page is looked at; 0 for once. */
export function usePolled<Answer>(path: string | undefined, everyMs: number): Polled<Answer> {
  const [state, setState] = useState<{ path?: string; answer?: Answer; trouble?: string }>({});
  const [asked, setAsked] = useState(0);
  const again = useCallback(() => setAsked((count) => count + 1), []);
  // `asked` asks again.
  useEffect(() => {
    if (path === undefined) return;
    const gone = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      clearTimeout(timer);
      if (document.hidden && everyMs > 0) return;
      try {
        const answer = await get<Answer>(path, gone.signal);
        setState({ path, answer });
      } catch (error) {
        if (gone.signal.aborted) return;
        setState((before) => ({ ...(before.path === path ? before : { path }), trouble: reasonOf(error) }));
        if (error instanceof Refused && error.problem.status < 500) return;
      }
      if (everyMs > 0 && !gone.signal.aborted) timer = setTimeout(ask, everyMs);
    };
    void ask();
    document.addEventListener('visibilitychange', ask, { signal: gone.signal });
    return () => {
      gone.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, asked]);
  const { answer, trouble } = state.path === path ? state : {};
  return {
    ...(answer === undefined ? {} : { answer }),
    ...(trouble === undefined ? {} : { trouble }),
    again,
  };
}

export interface LiveSearch {
  readonly connection: Connection;
  readonly view?: SearchView;
  readonly trajectory?: Trajectory;
  /** From the first on. */
  readonly events: readonly SearchEvent[];
  /** By training. */
  readonly progress: ReadonlyMap<string, Progress>;
  readonly trouble?: string;
}

const NOTHING: LiveSearch = { connection: 'connecting', events: [], progress: new Map() };
/** What comes closer together is shown together. */
const SHOWN_MS = 250;
const LOOK_MS = 10_000;

/** A search by its stream of events; after each, what the service makes of them. */
export function useSearch(id: string): LiveSearch {
  const [shown, setShown] = useState<LiveSearch>(NOTHING);
  const latest = useRef<LiveSearch>(NOTHING);
  useEffect(() => {
    latest.current = NOTHING;
    setShown(NOTHING);
    const gone = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const change = (part: Partial<LiveSearch>) => {
      latest.current = { ...latest.current, ...part };
      timer ??= setTimeout(() => {
        timer = undefined;
        setShown(latest.current);
      }, SHOWN_MS);
    };
    let asking = false;
    let stale = false;
    const look = async () => {
      stale = true;
      if (asking) return;
      asking = true;
      while (stale && !gone.signal.aborted) {
        stale = false;
        const path = `/searches/${encodeURIComponent(id)}`;
        try {
          const [view, trajectory] = await Promise.all([
            get<SearchView>(path, gone.signal),
            get<Trajectory>(`${path}/trajectory`, gone.signal),
          ]);
          const { trouble: _, ...rest } = latest.current;
          latest.current = rest;
          change({ view, trajectory });
        } catch (error) {
          if (!gone.signal.aborted) change({ trouble: reasonOf(error) });
        }
        await new Promise((done) => setTimeout(done, SHOWN_MS));
      }
      asking = false;
    };
    void look();
    // Workers come and go without an event of the search.
    const regularly = setInterval(() => {
      if (latest.current.connection === 'live' && !document.hidden) void look();
    }, LOOK_MS);
    const progress = new Map<string, Progress>();
    void follow(
      id,
      {
        onEvent: (event) => {
          change({ events: [...latest.current.events, event] });
          void look();
        },
        onProgress: (one) => {
          progress.set(one.training, one);
          change({ progress: new Map(progress) });
        },
        onConnection: (connection) => {
          // What was missed while it was lost.
          if (connection === 'live' && latest.current.connection === 'lost') void look();
          change({ connection });
        },
        onRefused: (error) => change({ connection: 'over', trouble: reasonOf(error) }),
      },
      gone.signal,
    );
    return () => {
      gone.abort();
      clearTimeout(timer);
      clearInterval(regularly);
    };
  }, [id]);
  return shown;
}
