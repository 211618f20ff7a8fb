/** The script of a data thread: does the jobs it is sent, one after the other. */
import { parentPort } from 'node:worker_threads';
import { X3dError } from '../errors.js';
import { probe } from './probing.js';
import { render } from './rendering.js';
import type { Answer, Request } from './threads.js';

parentPort?.on('message', ({ id, job }: Request) => {
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
