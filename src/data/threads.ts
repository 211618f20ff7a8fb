/**
 * Threads that decode and cut. Jobs are handed to a thread at once, not when it asks: the trainer's own thread is
 * busy inside TensorFlow for most of the time and could not answer.
 */
import { Worker } from 'node:worker_threads';
import { type ErrorFacts, type ErrorKind, X3dError } from '../errors.js';
import type { Probed, ProbeJob } from './probing.js';
import type { Rendered, RenderJob } from './rendering.js';

export interface Request {
  readonly id: number;
  readonly job: ProbeJob | RenderJob;
}

export type Answer = { readonly id: number } & (
  | { readonly result: Probed | Rendered }
  | {
      readonly failure:
        | { readonly kind: ErrorKind; readonly facts: ErrorFacts }
        | { readonly message: string };
    }
);

export interface DataThreads {
  readonly run: {
    (job: ProbeJob): Promise<Probed>;
    (job: RenderJob): Promise<Rendered>;
  };
  /** Ends the threads at the next frame; jobs still under way are never answered. */
  readonly close: () => Promise<void>;
}

/** Compiled, since threads do not run TypeScript; the path holds from src and from dist. */
const SCRIPT = new URL('../../dist/data/thread.js', import.meta.url);

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

export function startDataThreads(count: number): DataThreads {
  const ending = new Int32Array(new SharedArrayBuffer(4));
  const threads = Array.from({ length: count }, () => {
    const worker = new Worker(SCRIPT, { workerData: ending });
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const waiting = new Map<number, Waiting>();
    worker.on('message', (answer: Answer) => {
      const job = waiting.get(answer.id);
      waiting.delete(answer.id);
      if ('result' in answer) return job?.resolve(answer.result as never);
      const { failure } = answer;
      job?.reject(
        'facts' in failure ? new X3dError(failure.kind, failure.facts) : new Error(failure.message),
      );
    });
    worker.on('error', (error) => {
      for (const job of waiting.values()) job.reject(error);
      waiting.clear();
    });
    return { worker, ended, waiting };
  });
  let jobs = 0;
  const run = (job: ProbeJob | RenderJob): Promise<never> =>
    new Promise((resolve, reject) => {
      const idlest = threads.reduce((a, b) => (b.waiting.size < a.waiting.size ? b : a));
      const id = jobs++;
      idlest.waiting.set(id, { resolve, reject });
      idlest.worker.postMessage({ id, job } satisfies Request, job.kind === 'render' ? [job.output] : []);
    });
  return {
    run,
    close: async () => {
      Atomics.store(ending, 0, 1);
      // Wakes those that wait for a job.
      for (const { worker } of threads) worker.postMessage('end');
      await Promise.all(threads.map(({ ended }) => ended));
    },
  };
}
