/**
 * What a video file really is: decoded once from start to end, in processes apart, and remembered until the file changes.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { EndedApart } from '../apart/ended.js';
import { openPool } from '../apart/pool.js';
import { BOUNDS, type Bounds } from '../bounds.js';
import { notRegular, writeWhole } from '../files.js';
import { type DecodingBounds, probeVideo, type VideoFacts } from './decoding.js';
import { diskRefuses } from './disk.js';
import { DecodingError } from './undecodable.js';

export interface ProbeOrder {
  readonly path: string;
  readonly bounds?: DecodingBounds;
}

export type Probed =
  | ({ readonly kind: 'video'; readonly digest: string } & VideoFacts)
  | { readonly kind: 'undecodable' | 'no-video'; readonly reason: string };

/** What a set of videos keeps of a file that is one. */
export function measured({ kind, pixels, promised, ...facts }: Probed & { readonly kind: 'video' }) {
  return { ...facts, seconds: facts.frames / facts.framesPerSecond };
}

const CHUNK_BYTES = 1 << 20;

/** Names a file by its whole content: SHA-256, 32 hexadecimal digits of it. */
function contentDigest(path: string): string {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const hash = createHash('sha256').update(`${size}\n`);
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, size));
    for (;;) {
      const read = readSync(descriptor, chunk);
      if (read === 0) break;
      hash.update(chunk.subarray(0, read));
    }
    return hash.digest('hex').slice(0, 32);
  } finally {
    closeSync(descriptor);
  }
}

/** Blocks. */
export function probe({ path, bounds }: ProbeOrder): Probed {
  try {
    const facts = probeVideo(path, bounds);
    return { kind: 'video', digest: contentDigest(path), ...facts };
  } catch (error) {
    if (error instanceof DecodingError) return { kind: error.kind, reason: error.message };
    const reason =
      error instanceof Error && 'code' in error
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

const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0');

/** The first line is a checksum of the rest: what was damaged is not believed. */
async function recall(file: string): Promise<Record<string, Remembered>> {
  try {
    const text = await readFile(file, 'utf8');
    const end = text.indexOf('\n');
    const known = text.slice(end + 1);
    return text.slice(0, end) === checksum(known) ? (JSON.parse(known) as Record<string, Remembered>) : {};
  } catch {
    return {};
  }
}

/** Where the disk does not take it, the files are decoded again the next time. */
async function remember(file: string, known: Record<string, Remembered>): Promise<void> {
  try {
    const text = JSON.stringify(known);
    await writeWhole(file, `${checksum(text)}\n${text}`);
  } catch (error) {
    if (!diskRefuses(error)) throw error;
  }
}

/** For fewer, another process takes longer to start than it saves. */
const FILES_OF_A_PROCESS = 4;
/** Compiled; the path holds from src and from dist. */
const PROBER = new URL('../../dist/data/prober.js', import.meta.url);

/** How often what was found is written down, so that a stopped run over many videos need not start over. */
const REMEMBER_EVERY_MS = 30_000;

/**
 * Probes every file, in as many processes as there are cores; files that are as they were the last time are not opened.
 * One that ends its process, by what it takes or by what it does to FFmpeg, is undecodable like others. `subject` names
 * the set: each has its own file of what is known.
 */
export async function probeAll(
  paths: readonly string[],
  options: {
    readonly subject: string;
    readonly cacheFolder: string;
    readonly onProgress?: (done: number, of: number) => void;
    readonly signal?: AbortSignal;
    readonly bounds?: Bounds;
  },
): Promise<Probed[]> {
  const { subject, cacheFolder, onProgress, signal, bounds = BOUNDS } = options;
  const name = createHash('sha256').update(subject).digest('hex').slice(0, 16);
  const file = join(cacheFolder, `videos-5-${name}.json`);
  const known = await recall(file);
  const results = new Array<Probed>(paths.length);
  const open: {
    readonly index: number;
    readonly path: string;
    readonly size: number;
    readonly modified: number;
  }[] = [];
  for (const [index, path] of paths.entries()) {
    signal?.throwIfAborted();
    const found = await stat(path).catch(() => undefined);
    const entry = known[path];
    const other = found && notRegular(found);
    if (!found || other !== undefined)
      results[index] = { kind: 'undecodable', reason: other ?? 'no such file' };
    else if (entry?.size === found.size && entry.modified === found.mtimeMs) results[index] = entry.probed;
    else open.push({ index, path, size: found.size, modified: found.mtimeMs });
  }
  let done = paths.length - open.length;
  onProgress?.(done, paths.length);
  if (open.length === 0) return results;

  const lanes = Math.min(availableParallelism(), Math.ceil(open.length / FILES_OF_A_PROCESS));
  const probers = openPool<ProbeOrder, Probed>(PROBER, {
    subject: 'videos',
    seconds: bounds.decodeSeconds,
    bytes: bounds.decodeBytes,
    atOnce: lanes,
    mostWaiting: 0,
    idleMs: Number.POSITIVE_INFINITY,
  });
  const { frames, decodeSeconds } = bounds;
  const look = (path: string): Promise<Probed> =>
    probers.run({ path, bounds: { frames, decodeSeconds } }, signal && { signal }).catch((error) => {
      if (error instanceof EndedApart) return { kind: 'undecodable', reason: error.message };
      throw error;
    });
  let written = performance.now();
  try {
    const queue = open.values();
    const lane = async () => {
      for (const { index, path, size, modified } of queue) {
        const probed = await look(path);
        results[index] = probed;
        // What could not be decoded is tried again: the file may be the same and the rights or the disk not.
        if (probed.kind !== 'undecodable') known[path] = { size, modified, probed };
        onProgress?.(++done, paths.length);
        if (performance.now() - written > REMEMBER_EVERY_MS) {
          written = performance.now();
          await remember(file, known);
        }
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  } finally {
    await probers.close();
    await remember(file, known);
  }
  return results;
}
