/** One search from its beginning to its end in a process tree of its own: what `run` and `demo` do. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openDataset } from '../data/index.js';
import { startNamed } from '../deployment/starting.js';
import { X3dError } from '../errors.js';
import { type Home, homeAt } from '../home.js';
import { redisFromEnvironment } from '../redis/checking.js';
import { resolveConfiguration, type SearchInput } from '../search/configuration.js';
import { apply } from '../search/fold.js';
import { isOver, type SearchState } from '../search/state.js';
import { trajectoryOf } from '../search/trajectory.js';
import type { Trouble } from '../workers/troubles.js';
import { type Client, connectTo, follow, type Happening } from './client.js';
import { seenFromHere } from './data.js';
import { type Display, openDisplay } from './display.js';
import { EXIT } from './failure.js';
import { adviceOn } from './fleet.js';
import { interruptible } from './interruption.js';
import { invocation } from './invocation.js';
import { devicesFor } from './planning.js';
import { resultOf, resultText } from './result.js';
import { type Fleet, startSupervisor } from './supervisor.js';

export interface Searching {
  readonly home: string;
  /** By default no more workers than a round can have candidates. */
  readonly fleet: Fleet;
  readonly json: boolean;
  /** Of the cache of decoded frames, bytes. */
  readonly cacheLimit?: number | undefined;
  /** Gives the configuration of a new search, as users write it, or the id of one to go on with. */
  readonly begin: (display: Display) => { readonly input: unknown } | { readonly resume: string };
}

/** Looks at the videos here, where it can be watched; the service then finds what was learned in the cache. */
async function checkData(
  input: unknown,
  home: Home,
  display: Display,
  signal: AbortSignal,
): Promise<unknown> {
  const { data } = resolveConfiguration(input);
  const { from } = input as SearchInput;
  if (from !== undefined) await startNamed(from, home);
  await openDataset(data, {
    cacheFolder: home.cache,
    onProgress: (done, of) => display.preparing('looking at videos', done, of),
    signal,
  });
  return seenFromHere({ ...(input as SearchInput), data });
}

/** Throws X3dError conflict for a search that another trainer trains: nobody here would. */
async function refuseOtherTrainer(
  client: Client,
  search: string,
  trainer: string | undefined,
): Promise<void> {
  const { configuration } = await client.get<{ configuration: { trainer?: string } }>(
    `/searches/${encodeURIComponent(search)}`,
  );
  if (configuration.trainer === trainer) return;
  throw new X3dError('conflict', {
    subject: '--trainer',
    expected: `that of search ${search}, ${configuration.trainer ?? 'none'}`,
    got: trainer ?? 'none',
  });
}

/** Its id, once it goes on, if it was paused. One that is over is shown as it is. */
export async function resumed(client: Client, search: string): Promise<string> {
  const path = `/searches/${encodeURIComponent(search)}`;
  const { status, reason } = await client.get<Standing>(path);
  if (status === 'paused') await client.post(`${path}/${reason === undefined ? 'resume' : 'retry'}`);
  return search;
}

const LOOK_MS = 3000;

/** Says what holds the search up when that begins, and when it is over, until aborted. */
async function watchTroubles(
  client: Client,
  search: string,
  display: Display,
  signal: AbortSignal,
): Promise<void> {
  const said = new Set<string>();
  while (!signal.aborted) {
    const path = `/troubles?search=${encodeURIComponent(search)}`;
    const seen = await client.get<{ troubles: Trouble[] }>(path).catch(() => undefined);
    // How often it was tried changes; what it is does not.
    const keyOf = ({ kind, message }: Trouble) => `${kind} ${message.replace(/^.*?\): /, '')}`;
    for (const trouble of seen?.troubles ?? []) {
      if (!said.has(keyOf(trouble))) display.note(trouble.message, trouble);
      said.add(keyOf(trouble));
    }
    if (seen && seen.troubles.length === 0 && said.size > 0) {
      display.note('nothing holds it up any more', { kind: 'no-troubles' });
      said.clear();
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}

/** Of a search as the service shows it. */
interface Standing {
  readonly status: string;
  readonly reason?: string;
  readonly version: number;
}

/** Whether the search stands at an event that it waits for a person after, and not at one of before. */
async function waitsForPerson(client: Client, search: string, happening: Happening): Promise<boolean> {
  if (happening.kind !== 'event') return false;
  const { event, version } = happening;
  if (event.kind !== 'search-paused' || event.reason === undefined) return false;
  return (await client.get<Standing>(`/searches/${encodeURIComponent(search)}`)).version === version;
}

/** Searches of before go on in the same home: whoever wonders what else is training should know. */
async function noteOthers(client: Client, search: string, home: Home, display: Display): Promise<void> {
  const { searches } = await client.get<{ searches: { id: string; status: string }[] }>(
    '/searches?limit=100',
  );
  for (const { id, status } of searches)
    if (status === 'running' && id !== search)
      display.note(
        `search ${id} of this home goes on beside it; this ends it: ${invocation('cancel', id, '--home', home.folder)}`,
        {
          kind: 'also-running',
          search: id,
        },
      );
}

/**
 * Runs a search and gives back the exit code: 0, 4 where it failed or was cancelled, 130 where the user stopped it.
 * Throws X3dError for what is wrong before it begins.
 */
export async function searching(options: Searching): Promise<number> {
  const display = openDisplay(options.json);
  try {
    return await searchingOn(display, options);
  } finally {
    display.close();
  }
}

async function searchingOn(display: Display, options: Searching): Promise<number> {
  const home = homeAt(options.home);
  const { fleet } = options;
  const redisUrl = redisFromEnvironment();
  let state: SearchState | undefined;
  let search: string | undefined;
  const ended = new AbortController();

  const interrupted = await interruptible(async (signal) => {
    for (const { line, data } of adviceOn(fleet.devices)) display.note(line, data);
    const begin = options.begin(display);
    const input =
      'input' in begin
        ? await checkData(begin.input, home, display, signal).catch((error: unknown) => {
            if (error !== signal.reason) throw error;
          })
        : undefined;
    if (signal.aborted) return;
    const supervisor = await startSupervisor({
      home,
      ...(redisUrl === undefined ? {} : { redisUrl }),
      // Any folder of the user's own, who alone is let in.
      service: {
        host: '127.0.0.1',
        port: 0,
        dataRoots: ['/'],
        tokenNeeded: true,
        ...(options.cacheLimit === undefined ? {} : { cacheLimit: options.cacheLimit }),
      },
      fleet: { ...fleet, workers: fleet.workers ?? devicesFor(fleet).length },
      verbose: false,
      onReplaced: (name, why) =>
        display.note(`${name} ended (${why}) and is started again`, { kind: 'replaced', process: name, why }),
    });
    try {
      const client = connectTo(supervisor.url, supervisor.token);
      if ('resume' in begin) await refuseOtherTrainer(client, begin.resume, fleet.trainer);
      search =
        'resume' in begin
          ? await resumed(client, begin.resume)
          : (await client.post<{ id: string }>('/searches', input)).id;
      await noteOthers(client, search, home, display);
      const lost = new AbortController();
      void watchTroubles(client, search, display, ended.signal);
      void supervisor.givenUp.then((error) => lost.abort(error));
      for await (const happening of follow(client, search, AbortSignal.any([signal, lost.signal]))) {
        if (happening.kind === 'event') state = apply(state, happening.event);
        if (state) display.happened(happening, state);
        if (await waitsForPerson(client, search, happening)) break;
      }
      lost.signal.throwIfAborted();
      // Else it would go on beside whatever runs next in this home.
      if (signal.aborted) await client.post(`/searches/${search}/pause`).catch(() => {});
    } finally {
      ended.abort();
      await supervisor.stop();
    }
  });

  if (state && isOver(state)) {
    const trajectory = trajectoryOf(state);
    const folder = home.run(state.id);
    display.end(resultText(trajectory, folder, home), resultOf(trajectory, folder));
    return state.status.kind === 'ended' ? 0 : EXIT.failedSearch;
  }
  if (state?.status.kind === 'paused' && state.status.reason !== undefined) {
    const { reason } = state.status;
    const retry = invocation('run', '--resume', state.id, '--home', home.folder);
    display.end(`The search waits: ${reason}.\nThis tries them again and goes on:\n  ${retry}`, {
      kind: 'waiting',
      search: state.id,
      reason,
      retry,
    });
    return EXIT.failedSearch;
  }
  if (!interrupted) throw new Error('the events of a search stopped before its end');
  if (search === undefined) display.end('Stopped before the search began.', { kind: 'interrupted' });
  else {
    const resume = invocation('run', '--resume', search, '--home', home.folder);
    display.end(`Stopped. This goes on where it was:\n  ${resume}`, { kind: 'interrupted', search, resume });
  }
  return EXIT.interrupted;
}
