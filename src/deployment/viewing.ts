/** To look at a video in a process that can be killed: see viewer.ts. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type ErrorFacts, type ErrorKind, X3dError } from '../errors.js';

export type ViewingOrder =
  /** With the network that a search has found. */
  | { readonly kind: 'predict'; readonly home: string; readonly search: string; readonly video: string }
  /** Made anew at `to`, as browsers play it. */
  | { readonly kind: 'show'; readonly video: string; readonly to: string };

export type ViewingReport =
  | {
      readonly kind: 'prediction';
      readonly seconds: number;
      readonly classes: readonly string[];
      readonly scores: readonly number[];
    }
  | { readonly kind: 'shown' }
  | { readonly kind: 'refused'; readonly error: { readonly kind: ErrorKind; readonly facts: ErrorFacts } };

const VIEWER = fileURLToPath(new URL('../../dist/deployment/viewer.js', import.meta.url));

/** A video that takes longer is none to be looked at while somebody waits. */
const MOST_MS = 120_000;
/** At once; others wait for their turn. */
const AT_ONCE = 1;
/** That wait for their turn. */
const MOST_WAITING = 8;

export interface Viewing {
  /**
   * Throws X3dError: what the process refused, data where it took too long or was ended by the video, too-many where many
   * wait already, and the signal's reason when aborted.
   */
  run(order: ViewingOrder, signal: AbortSignal): Promise<Exclude<ViewingReport, { kind: 'refused' }>>;
  /** Ends what runs, and what waits. */
  close(): void;
}

async function reportOf(child: ChildProcess, order: ViewingOrder): Promise<ViewingReport | undefined> {
  let last: ViewingReport | undefined;
  child.on('message', (message) => {
    last = message as ViewingReport;
  });
  child.send(order, () => {});
  await once(child, 'close');
  return last;
}

export function openViewing(environment: NodeJS.ProcessEnv): Viewing {
  const closing = new AbortController();
  let running = 0;
  const waiting: (() => void)[] = [];
  const turn = async () => {
    if (running < AT_ONCE) {
      running += 1;
      return;
    }
    if (waiting.length >= MOST_WAITING)
      throw new X3dError('too-many', {
        subject: 'videos',
        expected: `at most ${MOST_WAITING} that wait to be looked at`,
        got: 'one more',
        remedy: 'Try again in a moment.',
      });
    await new Promise<void>((next) => waiting.push(next));
  };
  const done = () => {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  };
  return {
    run: async (order, signal) => {
      await turn();
      try {
        const ended = AbortSignal.any([signal, closing.signal]);
        ended.throwIfAborted();
        const child = fork(VIEWER, [], { env: environment, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
        const kill = () => child.kill('SIGKILL');
        let late = false;
        const timer = setTimeout(() => {
          late = true;
          kill();
        }, MOST_MS);
        ended.addEventListener('abort', kill);
        try {
          const report = await reportOf(child, order);
          ended.throwIfAborted();
          if (report?.kind === 'refused') throw new X3dError(report.error.kind, report.error.facts);
          if (report) return report;
          throw new X3dError('data', {
            subject: 'video',
            expected: 'one that can be looked at',
            got: late
              ? `one that takes longer than ${MOST_MS / 1000} s`
              : `one that ended the process (${child.signalCode ?? child.exitCode})`,
          });
        } finally {
          clearTimeout(timer);
          ended.removeEventListener('abort', kill);
        }
      } finally {
        done();
      }
    },
    close: () => closing.abort(),
  };
}
