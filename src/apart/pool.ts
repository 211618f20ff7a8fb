/**
 * Others' files are decoded, walked and matched in processes of their own, which can be killed: a file that makes FFmpeg
 * crash, hang or take all memory ends such a process and not the one that serves others. A pool has so many of them at
 * once, and ends one that takes longer or more than it may, that nobody waits for any more, or that has nothing to do.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type ErrorFacts, type ErrorKind, X3dError } from '../errors.js';
import { EndedApart, TOO_MUCH_MEMORY } from './ended.js';

/** What a process says of an order. */
export type Said<Answer, Progress> =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'refused'; readonly error: { readonly kind: ErrorKind; readonly facts: ErrorFacts } }
  | { readonly kind: 'failed'; readonly reason: string };

export interface PoolOptions {
  /** In messages: what it works on, as in 'videos'. */
  readonly subject: string;
  /** For one order. */
  readonly seconds: number;
  /** Of a process's memory. */
  readonly bytes: number;
  /** Orders under way; others wait for their turn. */
  readonly atOnce: number;
  /** Orders that wait, at most. */
  readonly mostWaiting: number;
  /** A process with nothing to do is kept for so long; default 0. */
  readonly idleMs?: number;
  /** What an order that nobody wants any more has to keep what it came to; default 0. */
  readonly graceMs?: number;
  /** Default: this process's own. */
  readonly environment?: NodeJS.ProcessEnv;
}

export interface OrderOptions<Progress> {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Pool<Order, Answer, Progress = never> {
  /**
   * Throws X3dError: what the program refused, and too-many where many wait already; EndedApart where the process ended
   * or was ended; the signal's reason when aborted.
   */
  readonly run: (order: Order, options?: OrderOptions<Progress>) => Promise<Answer>;
  /** Ends what runs, and what waits. */
  readonly close: () => Promise<void>;
}

/** What a process that works on others' files has no use for. */
export const withoutSecrets = ({
  REDIS_URL: _,
  X3D_TOKEN: __,
  X3D_OWNER_TOKEN: ___,
  ...others
}: NodeJS.ProcessEnv): NodeJS.ProcessEnv => others;

const bytesText = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${Number((bytes / 2 ** 30).toFixed(1))} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;

const durationText = (seconds: number): string =>
  seconds >= 7200 ? `${seconds / 3600} h` : seconds >= 120 ? `${seconds / 60} minutes` : `${seconds} s`;

/** `program`: compiled, and calls `workApart`. */
export function openPool<Order, Answer, Progress = never>(
  program: URL,
  options: PoolOptions,
): Pool<Order, Answer, Progress> {
  const { subject, seconds, bytes, atOnce, mostWaiting, idleMs = 0, graceMs = 0 } = options;
  const environment = withoutSecrets(options.environment ?? process.env);
  const closing = new AbortController();
  const processes = new Set<ChildProcess>();
  const idle: { readonly child: ChildProcess; readonly timer: NodeJS.Timeout }[] = [];
  const waiting = new Set<() => void>();
  let running = 0;

  const start = (): ChildProcess => {
    const child = fork(program, [String(bytes)], {
      // A session of its own: Ctrl-C is for whoever waits for it, who then ends it.
      detached: true,
      env: environment,
      // Not this process's: what `node -e` was given is no program of the child's.
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'advanced',
    });
    processes.add(child);
    child.once('exit', () => processes.delete(child));
    child.on('error', () => processes.delete(child));
    return child;
  };
  const end = (child: ChildProcess) => {
    if (child.connected) child.disconnect();
    if (graceMs === 0) child.kill('SIGKILL');
    else setTimeout(() => child.kill('SIGKILL'), graceMs).unref();
  };
  const rest = (child: ChildProcess) => {
    if (closing.signal.aborted || idleMs === 0) return end(child);
    const timer = setTimeout(
      () => {
        idle.splice(idle.indexOf(own), 1);
        end(child);
      },
      Math.min(idleMs, 2 ** 31 - 1),
    );
    const own = { child, timer };
    idle.push(own);
  };
  const ready = (): ChildProcess => {
    for (let own = idle.pop(); own; own = idle.pop()) {
      clearTimeout(own.timer);
      if (own.child.connected) return own.child;
    }
    return start();
  };

  const turn = async (signal: AbortSignal): Promise<void> => {
    if (running < atOnce) {
      running += 1;
      return;
    }
    if (waiting.size >= mostWaiting)
      throw new X3dError('too-many', {
        subject,
        expected: `at most ${mostWaiting} that wait to be looked at`,
        got: 'one more',
        remedy: 'Try again in a moment.',
      });
    await new Promise<void>((next, leave) => {
      const go = () => {
        signal.removeEventListener('abort', gone);
        next();
      };
      const gone = () => {
        waiting.delete(go);
        leave(signal.reason);
      };
      waiting.add(go);
      signal.addEventListener('abort', gone, { once: true });
    });
  };
  const leave = () => {
    const [next] = waiting;
    if (!next) running -= 1;
    else {
      waiting.delete(next);
      next();
    }
  };

  const ask = (
    child: ChildProcess,
    order: Order,
    signal: AbortSignal,
    onProgress: (progress: Progress) => void,
  ) =>
    new Promise<Answer>((resolve, reject) => {
      const settle = (how: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abandoned);
        child.off('message', heard).off('close', ended).off('error', fail);
        how();
      };
      const fail = (error: unknown) => {
        settle(() => reject(error));
        end(child);
      };
      const heard = (message: unknown) => {
        const said = message as Said<Answer, Progress>;
        if (said.kind === 'progress') return onProgress(said.progress);
        settle(() => {
          if (said.kind === 'answer') return resolve(said.answer);
          reject(
            said.kind === 'refused'
              ? new X3dError(said.error.kind, said.error.facts)
              : new Error(said.reason),
          );
        });
        rest(child);
      };
      const ended = (code: number | null, by: NodeJS.Signals | null) =>
        fail(
          new EndedApart(
            by === TOO_MUCH_MEMORY
              ? `took more than ${bytesText(bytes)} of memory`
              : `ended the process that looked at it (${by ?? code})`,
          ),
        );
      const abandoned = () => fail(signal.reason);
      const timer = setTimeout(
        () => {
          child.kill('SIGKILL');
          fail(new EndedApart(`took longer than ${durationText(seconds)}`));
        },
        Math.min(1000 * seconds, 2 ** 31 - 1),
      );
      child.on('message', heard).once('close', ended).once('error', fail);
      signal.addEventListener('abort', abandoned, { once: true });
      child.send(order as object, () => {});
    });

  return {
    run: async (order, { signal: wanted, onProgress = () => {} } = {}) => {
      const signal = wanted ? AbortSignal.any([wanted, closing.signal]) : closing.signal;
      signal.throwIfAborted();
      await turn(signal);
      try {
        signal.throwIfAborted();
        return await ask(ready(), order, signal, onProgress);
      } finally {
        leave();
      }
    },
    close: async () => {
      closing.abort();
      for (const { child, timer } of idle.splice(0)) {
        clearTimeout(timer);
        end(child);
      }
      // Not 'close', which does not come where this side has let go of the channel.
      await Promise.all([...processes].map((child) => once(child, 'exit')));
    },
  };
}
