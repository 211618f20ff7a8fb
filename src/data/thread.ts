/**
 * The script of a data thread: does the jobs it is sent, one after the other, until its flag is set. It ends by itself:
 * one that is terminated inside FFmpeg takes the whole process with it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { X3dError } from '../errors.js';
import { endDecodingWith } from './decoding.js';
import { type ProbeJob, probe } from './probing.js';
import { type ClipJob, rendererFor } from './rendering.js';
import type { Answer, Commission, Message } from './threads.js';

const { task, ending } = workerData as Commission;
endDecodingWith(ending);
const renderer = task.kind === 'clips' ? rendererFor(task) : undefined;

const answer = (message: Answer, transferred: ArrayBuffer[] = []) =>
  parentPort?.postMessage(message, transferred);

parentPort?.on('message', (message: Message) => {
  if (message.kind === 'end' || Atomics.load(ending, 0) === 1) return parentPort?.close();
  if (message.kind === 'hold') return renderer?.hold(message.held);
  const { id, job } = message;
  try {
    if (renderer) {
      const result = renderer.run(job as ClipJob);
      answer({ id, result }, [result.output]);
    } else answer({ id, result: probe(job as ProbeJob) });
  } catch (error) {
    const failure =
      error instanceof X3dError
        ? { kind: error.kind, facts: error.facts }
        : { message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    answer({ id, failure });
  }
});
