/** Video files for the tests: each frame is of one grey, which says which frame it is. */
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FormatContext, Packet, Rational } from 'node-av/lib';
import { onTestFinished } from 'vitest';
import { encodeVideo, type VideoFormat } from '../../src/data/demo/index.js';
import type { Video } from '../../src/data/index.js';

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'x3d-data-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * A folder of real videos that the tests read and the project does not hold: below X3D_DATA, or beside the checkout.
 * Undefined where it is absent; what needs it is skipped then.
 */
export function realVideos(name: string): string | undefined {
  const folder = join(
    process.env.X3D_DATA ?? new URL('../../../shared/data', import.meta.url).pathname,
    name,
  );
  return existsSync(folder) ? folder : undefined;
}

export const greyOf = (frame: number): number => 20 + 8 * frame;
/** Coded greys are off by one now and then. */
export const frameOf = (grey: number): number => Math.max(0, Math.round((grey - 20) / 8));

/** At most 28 frames, so that each has a grey of its own; a `mark` in the lower right corner makes the file another. */
export function writeGreys(
  path: string,
  frames: number,
  format: Partial<VideoFormat> = {},
  mark = 0,
): string {
  const { width = 32, height = 24 } = format;
  mkdirSync(dirname(path), { recursive: true });
  const pictures = Array.from({ length: frames }, (_, i) => {
    const picture = new Uint8Array(width * height * 3).fill(greyOf(i));
    if (mark > 0) picture.fill(10 * mark, picture.length - 18);
    return picture;
  });
  encodeVideo(path, { width, height, framesPerSecond: 25, ...format }, pictures);
  return path;
}

/** `classes`: names with their number of videos, written as <folder>/<class>/p<i>_<class>.mp4 of 12 frames. */
export function writeClasses(
  folder: string,
  classes: Readonly<Record<string, number>>,
  format: Partial<VideoFormat> = {},
): string {
  let mark = 0;
  for (const [name, count] of Object.entries(classes)) {
    for (let i = 0; i < count; i++) writeGreys(join(folder, name, `p${i}_${name}.mp4`), 12, format, ++mark);
  }
  return folder;
}

/** The same coded pictures in another file, each shown at the second that `secondOf` says; without B-frames. */
export function retimed(from: string, to: string, secondOf: (index: number) => number): string {
  const input = new FormatContext();
  const output = new FormatContext();
  const packet = new Packet();
  packet.alloc();
  const done = (code: number) => {
    if (code < 0) throw new Error(`${to}: FFmpeg's code ${code}`);
  };
  done(input.openInputSync(from));
  done(input.findStreamInfoSync());
  const source = input.streams[0];
  if (!source) throw new Error(`${from}: no stream`);
  done(output.allocOutputContext2(null, null, to));
  const stream = output.newStream(null);
  source.codecpar.copy(stream.codecpar);
  stream.codecpar.codecTag = 0;
  stream.timeBase = new Rational(1, 1000);
  done(output.openOutputSync());
  done(output.writeHeaderSync());
  for (let index = 0; input.readFrameSync(packet) >= 0; index++) {
    packet.pts = BigInt(Math.round((secondOf(index) * stream.timeBase.den) / stream.timeBase.num));
    packet.dts = packet.pts;
    packet.duration = 0n;
    packet.streamIndex = 0;
    done(output.interleavedWriteFrameSync(packet));
  }
  done(output.writeTrailerSync());
  output.closeOutputSync();
  input.closeInputSync();
  packet.free();
  return to;
}

/** A video as opened, for what needs no file. */
export const aVideo = (facts: Partial<Video> = {}): Video => ({
  path: '/videos/a.mp4',
  name: 'a.mp4',
  label: 0,
  part: 'train',
  frames: 60,
  width: 180,
  height: 144,
  framesPerSecond: 25,
  seconds: 2.4,
  digest: '0'.repeat(32),
  ...facts,
});
