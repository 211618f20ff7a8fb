/**
 * Threads that decode and cut. A thread is told once what it is for, and then does jobs. These are handed to it at once,
 * not when it asks: the trainer's own thread is busy inside TensorFlow for most of the time and could not answer.
 */
import { Worker } from 'node:worker_threads';
import { type ErrorFacts, type ErrorKind, X3dError } from '../errors.js';
import type { ClipJob, ClipTask, HeldFrames, Rendered } from './rendering.js';

/** What a thread is started with. */
export interface Commission {
  readonly task: ClipTask;
  /** Set to 1 when it is to end. */
  readonly ending: Int32Array;
}

/** `hold`: frames that another thread has read into memory. */
export type Message =
  | { readonly kind: 'job'; readonly id: number; readonly job: ClipJob }
  | { readonly kind: 'hold'; readonly held: HeldFrames }
  | { readonly kind: 'end' };

export type Answer = { readonly id: number } & (
  | { readonly result: Rendered }
  | {
      readonly failure:
        | { readonly kind: ErrorKind; readonly facts: ErrorFacts }
        | { readonly message: string };
    }
);

export interface DataThreads {
  readonly run: (job: ClipJob) => Promise<Rendered>;
  /** Ends the threads at the next frame; jobs still under way are never answered. */
  readonly close: () => Promise<void>;
}

/** Compiled, since threads do not run TypeScript; the path holds from src and from dist. */
const SCRIPT = new URL('../../dist/data/thread.js', import.meta.url);

interface Waiting {
  readonly resolve: (result: Rendered) => void;
  readonly reject: (error: Error) => void;
}

export function startDataThreads(count: number, task: ClipTask): DataThreads {
  const ending = new Int32Array(new SharedArrayBuffer(4));
  const threads = Array.from({ length: count }, () => {
    const worker = new Worker(SCRIPT, { workerData: { task, ending } satisfies Commission });
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const waiting = new Map<number, Waiting>();
    worker.on('message', (answer: Answer) => {
      const job = waiting.get(answer.id);
      waiting.delete(answer.id);
      if ('result' in answer) {
        share(worker, answer.result);
        return job?.resolve(answer.result);
      }
      const { failure } = answer;
      job?.reject(
        'facts' in failure ? new X3dError(failure.kind, failure.facts) : new Error(failure.message),
      );
    });
    worker.on('error', (error) => {
      for (const job of waiting.values()) job.reject(error);
      waiting.clear();
    });
    const tell = (message: Message, transferred: ArrayBuffer[] = []) =>
      worker.postMessage(message, transferred);
    return { worker, tell, ended, waiting };
  });
  /** Of videos that several threads read at the same time, the first copy serves all of them. */
  const first = new Map<number, HeldFrames>();
  const share = (from: Worker, { loaded }: Rendered) => {
    for (const read of loaded) {
      const held = first.get(read.video) ?? read;
      first.set(read.video, held);
      for (const { worker, tell } of threads)
        if (worker !== from || held !== read) tell({ kind: 'hold', held });
    }
  };
  let jobs = 0;
  return {
    run: (job) =>
      new Promise((resolve, reject) => {
        const idlest = threads.reduce((a, b) => (b.waiting.size < a.waiting.size ? b : a));
        const id = jobs++;
        idlest.waiting.set(id, { resolve, reject });
        idlest.tell({ kind: 'job', id, job }, [job.output]);
      }),
    close: async () => {
      Atomics.store(ending, 0, 1);
      // Wakes those that wait for a job.
      for (const { tell } of threads) tell({ kind: 'end' });
      await Promise.all(threads.map(({ ended }) => ended));
    },
  };
}
