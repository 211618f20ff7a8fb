/** A worker's view of its trainer: start it, hear it, end it, and know why it ended. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { withoutSecrets } from '../apart/pool.js';
import { TrainingError } from '../training/failure.js';
import type { Device, TrainingProgress, TrainingResult } from '../training/training.js';
import { explainDeath, kernelKills } from './death.js';
import type { TrainerOrder, TrainerReport } from './job.js';

export const TRAINER = fileURLToPath(new URL('../../dist/workers/trainer.js', import.meta.url));

/** A trainer that reports nothing for so long is stuck, unless whoever runs it says otherwise. */
export const SILENCE_MS = 3_600_000;

export interface ChildOptions {
  /** The trainer's program. */
  readonly program: string;
  readonly onProgress: (progress: TrainingProgress) => void;
  /** Aborting kills the trainer; its checkpoints stay, and the signal's reason is thrown. */
  readonly signal: AbortSignal;
  /** A trainer that reports nothing for so long is killed, milliseconds. */
  readonly silenceMs: number;
}

const LAST_WORDS = 2000;

/**
 * Set before the process starts, since OpenMP, CUDA and TensorFlow read them as they load. A trainer sees its own card
 * alone, and takes of its memory only what it needs, so that several share one.
 */
export const trainerEnvironment = (threads: number, device: Device): NodeJS.ProcessEnv => ({
  ...withoutSecrets(process.env),
  CUDA_VISIBLE_DEVICES: device === 'cpu' ? '' : device.replace('cuda:', ''),
  TF_FORCE_GPU_ALLOW_GROWTH: 'true',
  OMP_NUM_THREADS: String(threads),
  TF_NUM_INTRAOP_THREADS: String(threads),
  TF_NUM_INTEROP_THREADS: '1',
  TF_CPP_MIN_LOG_LEVEL: process.env.TF_CPP_MIN_LOG_LEVEL ?? '2',
});

/**
 * Runs one training in a process of its own. The process dies with this one: it ends when the channel between them
 * closes.
 *
 * Throws TrainingError for every way a trainer can end without a result, and the signal's reason when aborted.
 */
export async function runTrainer(order: TrainerOrder, options: ChildOptions): Promise<TrainingResult> {
  const killsBefore = await kernelKills();
  options.signal.throwIfAborted();
  const child = fork(options.program, [], {
    // A session of its own: Ctrl-C is for whoever waits for it, who then ends it, with what it started.
    detached: true,
    env: trainerEnvironment(order.request.threads, order.request.device),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
  const kill = () => {
    // Before it has a process there is no group.
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It is gone.
    }
  };
  let lastWords = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    lastWords = (lastWords + bytes.toString()).slice(-LAST_WORDS);
  });

  let last: TrainerReport | undefined;
  let silent = false;
  const silence = setTimeout(() => {
    silent = true;
    kill();
  }, options.silenceMs);
  options.signal.addEventListener('abort', kill);
  child.on('message', (message) => {
    last = message as TrainerReport;
    silence.refresh();
    if (last.kind === 'progress') options.onProgress(last.progress);
  });
  try {
    child.send(order, () => {});
    // 'close' comes after 'exit' and after the last message and word have been read.
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (last?.kind === 'result') return last.result;
    options.signal.throwIfAborted();
    if (last?.kind === 'failure') throw new TrainingError(last.failure);
    if (silent)
      throw new TrainingError({
        kind: 'time-limit',
        retry: 'here',
        reason: `the trainer reported nothing for ${options.silenceMs / 1000} s and was killed`,
      });
    const kernelKilled = (await kernelKills()) > killsBefore;
    throw new TrainingError(explainDeath({ code, signal, lastWords: lastWords.trim(), kernelKilled }));
  } finally {
    clearTimeout(silence);
    options.signal.removeEventListener('abort', kill);
  }
}
