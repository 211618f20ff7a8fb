/** Looks at a home again and again while it is in use: its folder may be removed, its disk be away, full or read-only. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { X3dError } from './errors.js';
import { type Home, homeId } from './home.js';

export interface WatchedHome {
  readonly home: Home;
  /** As it was at the start. */
  readonly id: string;
  /**
   * What is wrong with it, in one sentence; undefined where nothing is. An answer is at most `withinMs` old, by default
   * half a second. Never throws.
   */
  trouble(withinMs?: number): Promise<string | undefined>;
}

const KEPT_MS = 500;
const SILENCE_MS = 3000;

const codeOf = ({ code, message }: NodeJS.ErrnoException) => code ?? message;

async function lookAt(home: Home, own: string): Promise<string | undefined> {
  const is = `the home ${home.folder}`;
  try {
    if ((await homeId(home)) !== own)
      return `${is} is not what it was when the service started: it is another one now`;
  } catch (error) {
    const gone = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return `${is} ${gone ? 'is gone, or its disk is away: home.id is not in it' : `can not be read (${codeOf(error as Error)})`}`;
  }
  // Rights say nothing of a disk that is full, or read-only to all.
  const probe = join(home.folder, `probe-${process.pid}.tmp`);
  try {
    await writeFile(probe, own);
    await rm(probe, { force: true });
    return undefined;
  } catch (error) {
    return `${is} can not be written to (${codeOf(error as Error)})`;
  }
}

/** `id`: what the home has for an id now. */
export function watchHome(home: Home, id: string): WatchedHome {
  let last: { readonly at: number; readonly answer: Promise<string | undefined> } | undefined;
  let looking: Promise<string | undefined> | undefined;
  const ask = async () => {
    // Of a disk that does not answer one question waits, not one for each who asks.
    looking ??= lookAt(home, id).finally(() => {
      looking = undefined;
    });
    const answered = new AbortController();
    const silence = sleep(SILENCE_MS, `the home ${home.folder} does not answer: its disk is slow, or away`, {
      ref: false,
      signal: answered.signal,
    }).catch(() => undefined);
    const answer = await Promise.race([looking, silence]);
    answered.abort();
    return answer;
  };
  return {
    home,
    id,
    trouble: (withinMs = KEPT_MS) => {
      if (!last || Date.now() - last.at > withinMs) last = { at: Date.now(), answer: ask() };
      return last.answer;
    },
  };
}

/** Throws X3dError environment where the home can't be worked with now. */
export async function refuseLostHome(watched: WatchedHome): Promise<void> {
  const trouble = await watched.trouble();
  if (trouble === undefined) return;
  throw new X3dError('environment', {
    subject: 'the home',
    expected: 'one that can be written to, as it was when the service started',
    got: trouble,
    remedy: 'What goes on waits for it; docs/operations.md says what to do.',
  });
}
