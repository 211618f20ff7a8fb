/** What a video file really is: decoded once from start to end, and remembered until the file changes. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { writeWhole } from '../files.js';
import { probeVideo, type VideoFacts } from './decoding.js';
import { diskRefuses } from './disk.js';
import { DecodingError } from './scaling.js';
import { startDataThreads } from './threads.js';

export interface ProbeTask {
  readonly kind: 'probe';
}

export interface ProbeJob {
  readonly path: string;
}

export type Probed =
  | ({ readonly kind: 'video'; readonly digest: string } & VideoFacts)
  | { readonly kind: 'undecodable'; readonly reason: string };

/** Content up to this long is hashed whole; of longer files the two ends and the length. */
const HASHED_BYTES = 8 << 20;

/** Names a file by its content: SHA-256, 32 hexadecimal digits of it. */
function contentDigest(path: string): string {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const hash = createHash('sha256').update(`${size}\n`);
    const ranges =
      size <= HASHED_BYTES
        ? [{ position: 0, length: size }]
        : [0, size - HASHED_BYTES / 2].map((position) => ({ position, length: HASHED_BYTES / 2 }));
    for (const { position, length } of ranges) {
      const bytes = new Uint8Array(length);
      readSync(descriptor, bytes, { position });
      hash.update(bytes);
    }
    return hash.digest('hex').slice(0, 32);
  } finally {
    closeSync(descriptor);
  }
}

/** Runs on a data thread. */
export function probe({ path }: ProbeJob): Probed {
  try {
    return { kind: 'video', digest: contentDigest(path), ...probeVideo(path) };
  } catch (error) {
    const reason =
      error instanceof DecodingError
        ? error.message
        : error instanceof Error && 'code' in error
          ? error.code === 'ENOENT'
            ? 'no such file'
            : `can't be read (${String(error.code)})`
          : String(error);
    return { kind: 'undecodable', reason };
  }
}

interface Remembered {
  readonly size: number;
  readonly modified: number;
  readonly probed: Probed;
}

async function recall(file: string): Promise<Record<string, Remembered>> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, Remembered>;
  } catch {
    return {};
  }
}

/** Where the disk does not take it, the files are decoded again the next time. */
async function remember(file: string, known: Record<string, Remembered>): Promise<void> {
  try {
    await writeWhole(file, JSON.stringify(known));
  } catch (error) {
    if (!diskRefuses(error)) throw error;
  }
}

/** Rejects when the signal is aborted; listens no longer than until `over`. */
async function ended(signal: AbortSignal, over: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort', { signal: over });
  throw signal.reason;
}

/** How often what was found is written down, so that a stopped run over many videos need not start over. */
const REMEMBER_EVERY_MS = 30_000;

/**
 * Probes every file, on as many threads as there are cores; files that are as they were the last time are not opened.
 * `subject` names the set: each has its own file of what is known.
 */
export async function probeAll(
  paths: readonly string[],
  options: {
    readonly subject: string;
    readonly cacheFolder: string;
    readonly onProgress?: (done: number, of: number) => void;
    readonly signal?: AbortSignal;
  },
): Promise<Probed[]> {
  const { subject, cacheFolder, onProgress, signal } = options;
  const name = createHash('sha256').update(subject).digest('hex').slice(0, 16);
  const file = join(cacheFolder, `videos-3-${name}.json`);
  const known = await recall(file);
  const results = new Array<Probed>(paths.length);
  const open: {
    readonly index: number;
    readonly path: string;
    readonly size: number;
    readonly modified: number;
  }[] = [];
  for (const [index, path] of paths.entries()) {
    const found = await stat(path).catch(() => undefined);
    const entry = known[path];
    if (!found?.isFile()) results[index] = { kind: 'undecodable', reason: 'no such file' };
    else if (entry?.size === found.size && entry.modified === found.mtimeMs) results[index] = entry.probed;
    else open.push({ index, path, size: found.size, modified: found.mtimeMs });
  }
  let done = paths.length - open.length;
  onProgress?.(done, paths.length);
  if (open.length === 0) return results;

  const lanes = Math.min(availableParallelism(), open.length);
  const threads = startDataThreads(lanes, { kind: 'probe' });
  const over = new AbortController();
  let written = performance.now();
  try {
    const queue = open.values();
    const lane = async () => {
      for (const { index, path, size, modified } of queue) {
        const probed = await threads.run({ path });
        results[index] = probed;
        // What could not be decoded is tried again: the file may be the same and the rights or the disk not.
        if (probed.kind === 'video') known[path] = { size, modified, probed };
        onProgress?.(++done, paths.length);
        if (performance.now() - written > REMEMBER_EVERY_MS) {
          written = performance.now();
          await remember(file, known);
        }
      }
    };
    const all = Promise.all(Array.from({ length: lanes }, lane));
    await (signal ? Promise.race([all, ended(signal, over.signal)]) : all);
  } finally {
    over.abort();
    await threads.close();
    await remember(file, known);
  }
  return results;
}
