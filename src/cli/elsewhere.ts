/** A search on a service that runs anyway, shown until its end or until whoever watches has seen enough. */
import { setTimeout as sleep } from 'node:timers/promises';
import { X3dError } from '../errors.js';
import type { Home } from '../home.js';
import { apply } from '../search/fold.js';
import { isOver, type SearchState } from '../search/state.js';
import { trajectoryOf } from '../search/trajectory.js';
import { type Client, follow } from './client.js';
import { type Display, openDisplay } from './display.js';
import { EXIT } from './failure.js';
import { interruptible } from './interruption.js';
import { invocation } from './invocation.js';
import { resultOf, resultText } from './result.js';
import { resumed } from './searching.js';

export interface Watching {
  readonly client: Client;
  /** The flags that lead to the same service again. */
  readonly reach: readonly string[];
  /** Where it is the service of one here. */
  readonly home?: Home | undefined;
  readonly json: boolean;
  /** The id of a search there, or the configuration of a new one, as users write it. */
  readonly begin:
    | { readonly watch: string }
    | { readonly resume: string }
    | { readonly input: () => Promise<object> };
}

const RETRY_MS = 3000;

/** Asks for a search until the service has looked at its videos; undefined where the user has had enough before. */
async function begun(
  client: Client,
  input: object,
  display: Display,
  signal: AbortSignal,
): Promise<string | undefined> {
  let said = false;
  while (!signal.aborted) {
    try {
      return (await client.post<{ id: string }>('/searches', input)).id;
    } catch (error) {
      if (!(error instanceof X3dError) || error.kind !== 'not-ready') throw error;
      if (!said)
        display.note('the service looks at the videos', { kind: 'preparing', reason: error.message });
      said = true;
    }
    await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
  }
  return undefined;
}

/** Gives back the exit code: 0, 4 where the search failed or was cancelled, 130 where the user looked away. */
export async function watching({ client, reach, home, json, begin }: Watching): Promise<number> {
  const input = 'input' in begin ? await begin.input() : undefined;
  const display = openDisplay(json, 'Ctrl-C ends the view; the search goes on.');
  let state: SearchState | undefined;
  let search: string | undefined = 'watch' in begin ? begin.watch : undefined;
  try {
    await interruptible(async (signal) => {
      if ('resume' in begin) search = await resumed(client, begin.resume);
      if (input) search = await begun(client, input, display, signal);
      if (search === undefined) return;
      for await (const happening of follow(client, search, signal)) {
        if (happening.kind === 'event') state = apply(state, happening.event);
        if (state) display.happened(happening, state);
      }
    });
    if (state && isOver(state)) {
      const trajectory = trajectoryOf(state);
      const folder = home?.run(state.id) ?? `${client.url}/searches/${state.id}/artifacts`;
      display.end(resultText(trajectory, folder, home), resultOf(trajectory, folder));
      return state.status.kind === 'ended' ? 0 : EXIT.failedSearch;
    }
    if (search === undefined) display.end('Stopped before the search began.', { kind: 'interrupted' });
    else {
      const again = invocation('watch', search, ...reach);
      const text = `The search goes on. This shows it again, and this ends it:\n  ${again}\n  ${invocation('cancel', search, ...reach)}`;
      display.end(text, { kind: 'interrupted', search, watch: again });
    }
    return EXIT.interrupted;
  } finally {
    display.close();
  }
}
