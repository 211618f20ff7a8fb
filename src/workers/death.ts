/** Why a trainer that said nothing is dead. */
import { readFile } from 'node:fs/promises';
import type { TrainingFailure } from '../training/training.js';

export interface Death {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of its standard error. */
  readonly lastWords: string;
  /** Whether the kernel killed any process for want of memory while it lived. */
  readonly kernelKilled: boolean;
}

/** Processes that the kernel has killed for want of memory since the machine started, or in this container. */
export async function kernelKills(): Promise<number> {
  const counts = await Promise.all(
    ['/proc/vmstat', '/sys/fs/cgroup/memory.events'].map(async (path) => {
      const text = await readFile(path, 'utf8').catch(() => '');
      return Number(/^oom_kill (\d+)/m.exec(text)?.[1] ?? 0);
    }),
  );
  return Math.max(...counts);
}

/** Signals that other processes send, or the system as it goes down. */
const SENT: ReadonlySet<NodeJS.Signals> = new Set([
  'SIGKILL',
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGPWR',
  'SIGXCPU',
]);

/** Whether a process was ended by another one. */
export const isSent = (signal: NodeJS.Signals | null): boolean => signal !== null && SENT.has(signal);

export function explainDeath({ code, signal, lastWords, kernelKilled }: Death): TrainingFailure {
  const said = lastWords === '' ? '' : `; its last words: ${lastWords}`;
  if (/heap out of memory|bad_alloc|OOM when allocating/.test(lastWords))
    return {
      kind: 'out-of-memory',
      retry: 'elsewhere',
      reason: `the trainer ran out of memory${said}`,
    };
  if ((signal === 'SIGKILL' || code === 137) && kernelKilled)
    return {
      kind: 'out-of-memory',
      retry: 'elsewhere',
      reason: 'the kernel killed the trainer because the machine ran out of memory',
    };
  // Crashes end with a signal too; what others send is no fault of the training.
  if (isSent(signal))
    return { kind: 'killed', retry: 'later', reason: `the trainer was ended by ${signal}${said}` };
  if (signal !== null)
    return { kind: 'internal', retry: 'here', reason: `the trainer was ended by ${signal}${said}` };
  return { kind: 'internal', retry: 'here', reason: `the trainer exited with status ${code}${said}` };
}
