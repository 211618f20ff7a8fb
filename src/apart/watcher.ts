/**
 * A thread that watches its own process, whose main thread may be inside FFmpeg or TensorFlow for minutes: it ends the
 * process where that takes too much memory, or where whoever started it is gone.
 */
import { workerData } from 'node:worker_threads';
import { TOO_MUCH_MEMORY } from './ended.js';

export interface Watched {
  readonly bytes: number;
  /** Its process id. */
  readonly parent: number;
}

const EVERY_MS = 50;
const { bytes, parent } = workerData as Watched;

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
  if (process.memoryUsage.rss() > bytes) process.kill(process.pid, TOO_MUCH_MEMORY);
}, EVERY_MS);
