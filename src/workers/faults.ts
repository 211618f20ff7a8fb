/**
 * What kind of failure an error of a trainer is: of the training itself, or of the world around it, which is no result
 * of the training and passes.
 */
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { openDataset, type SkippedFile } from '../data/index.js';
import { X3dError } from '../errors.js';
import { AWAY, REFUSAL } from '../redis/refusal.js';
import { TrainingError } from '../training/failure.js';
import type { TrainingFailure } from '../training/training.js';
import type { TrainerOrder } from './job.js';

/** As the file system's errors name themselves; those that came through a thread keep it only in their text. */
const FILE_ERROR = /^(?:\w*Error: )?(E[A-Z0-9]{2,}): /;
const OUT_OF_MEMORY = /out of memory|OOM when allocating|bad_alloc|Array buffer allocation failed/i;

/** An error of the file system, or of a home that is away, is the disk's. */
const isFileError = (message: string): boolean => FILE_ERROR.test(message);

/** Whether a file is there and gives its bytes. */
async function canBeRead(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (!file) return false;
  try {
    await file.read(new Uint8Array(1), 0, 1, 0);
    return true;
  } catch {
    return false;
  } finally {
    await file.close();
  }
}

const countReadable = async (folder: string, files: readonly SkippedFile[]): Promise<number> =>
  (await Promise.all(files.map(({ path }) => canBeRead(resolve(folder, path))))).filter(Boolean).length;

/**
 * Videos that can't be used are away, unless they are all there and other ones. Whoever can't tell waits: the message
 * says what is amiss, and what is put right goes on by itself.
 */
async function dataFailure(error: X3dError, { request, videos }: TrainerOrder): Promise<TrainingFailure> {
  const { data, cacheFolder } = request;
  const away: TrainingFailure = { kind: 'unreachable-data', retry: 'later', reason: error.message };
  const found = await openDataset({ ...data, skipShare: 1 }, { cacheFolder }).catch(() => undefined);
  if (!found || found.fingerprint === videos.fingerprint) return away;
  const missing = videos.usable - found.videos.length;
  if (missing > 0) {
    const damaged = (await countReadable(data.root ?? data.path, found.skipped)) - videos.skipped;
    const reason = `${missing} of ${videos.usable} videos are missing; ${error.message}`;
    if (damaged < missing) return { ...away, reason };
  }
  return { kind: 'unreadable-data', retry: 'elsewhere', reason: error.message };
}

/**
 * Of an error by its message alone. What nobody foresaw may be a fault of the world or of the training: it is tried again
 * for as long as such faults usually last (`tries.ts`), and then a person is asked.
 */
export function failureFrom(error: unknown): TrainingFailure {
  const message = error instanceof Error ? error.message : String(error);
  if (isFileError(message)) return { kind: 'disk', retry: 'later', reason: message };
  const reason = error instanceof Error ? (error.stack ?? message) : message;
  if (OUT_OF_MEMORY.test(reason)) return { kind: 'out-of-memory', retry: 'elsewhere', reason };
  // A Redis that takes no writes for now, or is away.
  if (REFUSAL.test(message) || AWAY.test(`${error}`))
    return { kind: 'internal', retry: 'later', reason: message };
  return { kind: 'internal', retry: 'here', reason };
}

export async function failureOf(error: unknown, order: TrainerOrder): Promise<TrainingFailure> {
  if (error instanceof TrainingError) return error.failure;
  if (error instanceof X3dError)
    return error.kind === 'data'
      ? dataFailure(error, order)
      : { kind: 'internal', retry: 'elsewhere', reason: error.message };
  return failureFrom(error);
}
