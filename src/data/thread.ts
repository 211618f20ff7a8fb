/**
 * The script of a data thread: does the jobs it is sent, one after the other, until its flag is set. It ends by itself:
 * one that is terminated inside FFmpeg takes the whole process with it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { X3dError } from '../errors.js';
import { endDecodingWith } from './decoding.js';
import { rendererFor } from './rendering.js';
import type { Answer, Commission, Message } from './threads.js';

const { task, ending } = workerData as Commission;
endDecodingWith(ending);
const renderer = rendererFor(task);

function answerTo({ id, job }: Extract<Message, { kind: 'job' }>): Answer {
  try {
    return { id, result: renderer.run(job) };
  } catch (error) {
    const failure =
      error instanceof X3dError
        ? { kind: error.kind, facts: error.facts }
        : { message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    return { id, failure };
  }
}

const isEnding = () => Atomics.load(ending, 0) === 1;

parentPort?.on('message', (message: Message) => {
  if (message.kind === 'end' || isEnding()) return parentPort?.close();
  if (message.kind === 'hold') return renderer.hold(message.held);
  const answer = answerTo(message);
  // A decoding that was cut short: what came of it is not the video.
  if (isEnding()) return parentPort?.close();
  const handedBack = 'result' in answer ? [answer.result.output] : [];
  parentPort?.postMessage(answer, handedBack);
});
