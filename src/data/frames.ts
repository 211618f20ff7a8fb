/**
 * Decoded frames, scaled once and kept. A cached video is one file of packed RGB frames, all of one size, followed by
 * a CRC-32 for each frame; its name is the digest of the video's content and the size, so that copies of a data set,
 * and every candidate whose crops need about the same pixels, share it. A file that is damaged is made again.
 */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { X3dError } from '../errors.js';
import { noteUse } from './cache.js';
import { decodeFrames } from './decoding.js';
import { diskRefuses } from './disk.js';
import type { FrameSize } from './display.js';

/** Short sides that frames are kept at: few, so that candidates share them. */
const SHORT_SIDES = [32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];

/** The short side that frames are kept at to serve `need`; undefined: at that of the video. */
export const shortSideFor = (need: number): number | undefined => SHORT_SIDES.find((side) => side >= need);

/** The size a video is kept at to serve short sides up to `need`: never larger than the video itself. */
export function cachedSize(video: FrameSize, need: number): FrameSize {
  const own = Math.min(video.width, video.height);
  const short = shortSideFor(need) ?? own;
  if (short >= own) return { width: video.width, height: video.height };
  return {
    width: Math.round((video.width * short) / own),
    height: Math.round((video.height * short) / own),
  };
}

/** Bytes of a video's frames at a size. */
export const framesBytes = (video: { readonly frames: number }, size: FrameSize): number =>
  video.frames * size.width * size.height * 3;

/** All frames of a video, one after the other -> a function from a frame's index to its bytes. */
function framesIn(memory: SharedArrayBuffer, { frames }: { readonly frames: number }) {
  const each = memory.byteLength / frames;
  return (index: number) => new Uint8Array(memory, index * each, each);
}

/** Where a thread finds a video's frames. */
export interface FrameSource {
  readonly name: string;
  readonly path: string;
  readonly digest: string;
  readonly frames: number;
  readonly size: FrameSize;
  /** All frames, where they are in memory already. */
  readonly memory?: SharedArrayBuffer;
  /** Whether all frames are to be read into memory now. */
  readonly keep: boolean;
  /** The folder of cached files, or undefined: decode each time. */
  readonly cacheFolder?: string;
}

export interface Frames {
  /** The packed RGB of a frame, [height, width, 3]. */
  readonly frame: (index: number) => Uint8Array;
  /** All frames, if they were read into memory by this call. */
  readonly loaded?: SharedArrayBuffer;
}

/** The number changes when the frames' bytes would: another scaler, another layout. */
const cacheFile = ({ digest, size }: FrameSource, folder: string): string =>
  join(folder, 'frames-4', digest.slice(0, 2), `${digest}-${size.width}x${size.height}.rgb`);

const changed = (source: FrameSource): X3dError =>
  new X3dError('data', {
    subject: source.path,
    expected: `the ${source.frames} frames that were decoded when the data set was opened`,
    got: 'a file that has changed since',
    remedy: 'Start again on data that stay as they are.',
  });

/** Says that the frames will be read, so that they are kept; nothing where there are none yet. */
export function claimFrames(source: FrameSource): void {
  if (source.cacheFolder === undefined) return;
  const now = new Date();
  try {
    utimesSync(cacheFile(source, source.cacheFolder), now, now);
  } catch {
    // To be decoded, or not ours to mark.
  }
}

function decodeInto(
  source: FrameSource,
  last: number,
  wanted: (index: number) => boolean,
  visit: (index: number, rgb: Uint8Array) => void,
): void {
  let seen = 0;
  try {
    decodeFrames(source.path, source.size, last, wanted, (index, rgb) => {
      seen = index;
      visit(index, rgb);
    });
  } catch (error) {
    if (error instanceof X3dError) throw error;
    throw changed(source);
  }
  if (seen !== last) throw changed(source);
}

/**
 * Writes a file that gets its name once it is whole. A disk that refuses ends the writing, not the caller. Nothing is
 * synced: what a crash damages, the checksums tell.
 */
function fileWriter(file: string) {
  const temporary = `${file}.${process.pid}-${threadId}.tmp`;
  let descriptor: number | undefined;
  const abandon = () => {
    if (descriptor === undefined) return;
    closeSync(descriptor);
    descriptor = undefined;
    rmSync(temporary, { force: true });
  };
  const unlessRefused = (attempt: () => void) => {
    try {
      attempt();
    } catch (error) {
      abandon();
      if (!diskRefuses(error)) throw error;
    }
  };
  unlessRefused(() => {
    mkdirSync(dirname(file), { recursive: true });
    descriptor = openSync(temporary, 'w');
  });
  return {
    write: (bytes: Uint8Array) =>
      unlessRefused(() => {
        if (descriptor !== undefined) writeSync(descriptor, bytes);
      }),
    finish: () =>
      unlessRefused(() => {
        if (descriptor === undefined) return;
        closeSync(descriptor);
        descriptor = undefined;
        renameSync(temporary, file);
      }),
    abandon,
  };
}

/** Decodes the whole video into its cache file, and gives every frame to `visit` on the way. */
function decodeAll(source: FrameSource, file: string, visit: (index: number, rgb: Uint8Array) => void): void {
  const checksums = new Uint32Array(source.frames);
  const writer = fileWriter(file);
  try {
    decodeInto(
      source,
      source.frames - 1,
      () => true,
      (index, rgb) => {
        visit(index, rgb);
        checksums[index] = crc32(rgb);
        writer.write(rgb);
      },
    );
  } catch (error) {
    writer.abandon();
    throw error;
  }
  writer.write(new Uint8Array(checksums.buffer));
  writer.finish();
}

/** Reads frames from a cache file; undefined where it is missing or any frame that was read is damaged. */
function readCacheFile(source: FrameSource, file: string, wanted: readonly number[]): Frames | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return undefined;
  }
  try {
    const bytes = framesBytes(source, source.size);
    const each = bytes / source.frames;
    const { size, mtimeMs } = fstatSync(descriptor);
    if (size !== bytes + 4 * source.frames) return undefined;
    noteUse(descriptor, mtimeMs);
    const checksums = new Uint32Array(source.frames);
    readSync(descriptor, checksums, { position: bytes });
    if (source.keep) {
      const loaded = new SharedArrayBuffer(bytes);
      readSync(descriptor, new Uint8Array(loaded), { position: 0 });
      const frame = framesIn(loaded, source);
      return checksums.every((sum, index) => sum === crc32(frame(index))) ? { frame, loaded } : undefined;
    }
    const read = new Map<number, Uint8Array>();
    for (const index of wanted) {
      const rgb = new Uint8Array(each);
      readSync(descriptor, rgb, { position: index * each });
      if (crc32(rgb) !== checksums[index]) return undefined;
      read.set(index, rgb);
    }
    return { frame: (index) => read.get(index) as Uint8Array };
  } finally {
    closeSync(descriptor);
  }
}

/** A place for the frames that are asked for, or for all of them where they are to be kept. */
function placeFor(source: FrameSource, wanted: readonly number[]) {
  if (source.keep) {
    const loaded = new SharedArrayBuffer(framesBytes(source, source.size));
    const frame = framesIn(loaded, source);
    return {
      frames: { frame, loaded },
      last: source.frames - 1,
      wants: () => true,
      put: (index: number, rgb: Uint8Array) => frame(index).set(rgb),
    };
  }
  const want = new Set(wanted);
  const read = new Map<number, Uint8Array>();
  return {
    frames: { frame: (index: number) => read.get(index) as Uint8Array },
    last: Math.max(...wanted),
    wants: (index: number) => want.has(index),
    put: (index: number, rgb: Uint8Array) => {
      if (want.has(index)) read.set(index, rgb.slice());
    },
  };
}

/**
 * The frames with the given indices, from memory, from the cache or, for the first time, from the video. Throws
 * X3dError (data) where the video is no longer what it was when the data set was opened.
 */
export function readFrames(source: FrameSource, wanted: readonly number[]): Frames {
  const { memory, cacheFolder } = source;
  if (memory) return { frame: framesIn(memory, source) };
  const file = cacheFolder === undefined ? undefined : cacheFile(source, cacheFolder);
  const cached = file === undefined ? undefined : readCacheFile(source, file, wanted);
  if (cached) return cached;
  const { frames, last, wants, put } = placeFor(source, wanted);
  if (file === undefined) decodeInto(source, last, wants, put);
  else decodeAll(source, file, put);
  return frames;
}
