/** The side of the process that works apart: it takes orders one after the other until its parent lets go of it. */
import { writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { X3dError } from '../errors.js';
import { TOO_MUCH_MEMORY } from './ended.js';
import type { Said } from './pool.js';
import type { Watched } from './watcher.js';

export interface Apart<Progress> {
  /** Aborted when nobody wants the answer any more; what can be kept of the work is to be kept now. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

/** Where memory runs out, the kernel ends this process first, and not the one that serves others. */
function offerItself(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // There is no such thing on other systems.
  }
}

/** What a program of the pool calls, once. The first argument of the process is the memory it may take, bytes. */
export function workApart<Order, Answer, Progress = never>(
  carryOut: (order: Order, apart: Apart<Progress>) => Answer | Promise<Answer>,
): void {
  offerItself();
  const watched: Watched = { bytes: Number(process.argv[2]), parent: process.ppid };
  new Worker(new URL('./watcher.js', import.meta.url), { workerData: watched }).unref();
  const unwanted = new AbortController();
  let busy = false;
  const say = (said: Said<Answer, Progress>) => process.send?.(said, undefined, {}, () => {});
  process.once('disconnect', () => {
    unwanted.abort();
    if (!busy) process.exit(0);
  });
  process.on('message', async (order: Order) => {
    busy = true;
    try {
      const answer = await carryOut(order, {
        signal: unwanted.signal,
        onProgress: (progress) => say({ kind: 'progress', progress }),
      });
      // Work of a moment has been over before the watcher looked.
      if (process.memoryUsage.rss() > watched.bytes) process.kill(process.pid, TOO_MUCH_MEMORY);
      say({ kind: 'answer', answer });
    } catch (error) {
      if (error instanceof X3dError)
        say({ kind: 'refused', error: { kind: error.kind, facts: error.facts } });
      else
        say({ kind: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : `${error}` });
    }
    busy = false;
    if (unwanted.signal.aborted) process.exit(0);
  });
}
