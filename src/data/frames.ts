/**
 * Decoded frames, scaled once and kept. A cached video is one file of packed RGB frames, all of one size, followed by
 * a CRC-32 for each frame; its name is the digest of the video's content and the size, so that copies of a data set,
 * and every candidate whose crops need about the same pixels, share it. A file that is damaged is made again.
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { X3dError } from '../errors.js';
import { decodeFrames } from './decoding.js';
import { diskRefuses } from './disk.js';

export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

/** Short sides that frames are kept at: few, so that candidates share them. */
const SHORT_SIDES = [32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];

/** The size a video is kept at to serve short sides up to `need`: never larger than the video itself. */
export function cachedSize(video: FrameSize, need: number): FrameSize {
  const own = Math.min(video.width, video.height);
  const short = SHORT_SIDES.find((side) => side >= need) ?? own;
  if (short >= own) return { width: video.width, height: video.height };
  return {
    width: Math.round((video.width * short) / own),
    height: Math.round((video.height * short) / own),
  };
}

/** Bytes of a video's frames at a size. */
export const framesBytes = (video: { readonly frames: number }, size: FrameSize): number =>
  video.frames * size.width * size.height * 3;

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
  join(folder, 'frames-1', digest.slice(0, 2), `${digest}-${size.width}x${size.height}.rgb`);

const changed = (source: FrameSource): X3dError =>
  new X3dError('data', {
    subject: source.path,
    expected: `the ${source.frames} frames that were decoded when the data set was opened`,
    got: 'a file that has changed since',
    remedy: 'Start again on data that stay as they are.',
  });

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

/** Decodes the whole video into its cache file. */
function writeCacheFile(source: FrameSource, file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}-${threadId}.tmp`;
  const checksums = new Uint32Array(source.frames);
  const descriptor = openSync(temporary, 'w');
  try {
    decodeInto(
      source,
      source.frames - 1,
      () => true,
      (index, rgb) => {
        checksums[index] = crc32(rgb);
        writeSync(descriptor, rgb);
      },
    );
    writeSync(descriptor, new Uint8Array(checksums.buffer));
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
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
    if (fstatSync(descriptor).size !== bytes + 4 * source.frames) return undefined;
    const checksums = new Uint32Array(source.frames);
    readSync(descriptor, checksums, { position: bytes });
    if (source.keep) {
      const loaded = new SharedArrayBuffer(bytes);
      readSync(descriptor, new Uint8Array(loaded), { position: 0 });
      const frame = (index: number) => new Uint8Array(loaded, index * each, each);
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

function decodeWanted(source: FrameSource, wanted: readonly number[]): Frames {
  const read = new Map<number, Uint8Array>();
  const want = new Set(wanted);
  decodeInto(
    source,
    Math.max(...wanted),
    (index) => want.has(index),
    (index, rgb) => read.set(index, rgb.slice()),
  );
  return { frame: (index) => read.get(index) as Uint8Array };
}

/**
 * The frames with the given indices, from memory, from the cache or, for the first time, from the video. Throws
 * X3dError (data) where the video is no longer what it was when the data set was opened.
 */
export function readFrames(source: FrameSource, wanted: readonly number[]): Frames {
  const { memory, cacheFolder } = source;
  if (memory) {
    const each = memory.byteLength / source.frames;
    return { frame: (index) => new Uint8Array(memory, index * each, each) };
  }
  if (cacheFolder === undefined) return decodeWanted(source, wanted);
  const file = cacheFile(source, cacheFolder);
  const cached = readCacheFile(source, file, wanted);
  if (cached) return cached;
  try {
    writeCacheFile(source, file);
  } catch (error) {
    if (diskRefuses(error)) return decodeWanted(source, wanted);
    throw error;
  }
  return readCacheFile(source, file, wanted) ?? decodeWanted(source, wanted);
}
