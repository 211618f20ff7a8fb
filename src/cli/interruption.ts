/**
 * Ctrl-C and SIGTERM: the first asks for an end in order, the second ends at once. One that comes with the first is
 * the same: npm passes on the signal that the terminal has sent already.
 */
import { EXIT } from './failure.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const SAME_MS = 500;

/** Runs `work` with a signal that the user's interruption aborts; gives back whether it came. */
export async function interruptible(work: (interrupted: AbortSignal) => Promise<void>): Promise<boolean> {
  const controller = new AbortController();
  let first = 0;
  const interrupt = () => {
    if (!controller.signal.aborted) first = Date.now();
    else if (Date.now() - first > SAME_MS) process.exit(EXIT.interrupted);
    controller.abort();
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    await work(controller.signal);
    return controller.signal.aborted;
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}

/** Resolves when the signal is aborted. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
