/**
 * The script of a data thread: does the jobs it is sent, one after the other, until its flag is set. It ends by itself:
 * one that is terminated inside FFmpeg takes the whole process with it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { X3dError } from '../errors.js';
import { endDecodingWith } from './decoding.js';
import { probe } from './probing.js';
import { render } from './rendering.js';
import type { Answer, Request } from './threads.js';

const ending = workerData as Int32Array;
endDecodingWith(ending);

parentPort?.on('message', (message: Request | 'end') => {
  if (message === 'end' || Atomics.load(ending, 0) === 1) return parentPort?.close();
  const { id, job } = message;
  try {
    if (job.kind === 'probe') {
      parentPort?.postMessage({ id, result: probe(job) } satisfies Answer);
    } else {
      const result = render(job);
      parentPort?.postMessage({ id, result } satisfies Answer, [result.output]);
    }
  } catch (error) {
    const failure =
      error instanceof X3dError
        ? { kind: error.kind, facts: error.facts }
        : { message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    parentPort?.postMessage({ id, failure } satisfies Answer);
  }
});
