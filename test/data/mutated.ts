/** Clips of several containers and codecs, damaged at random: the same ones for each number. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  FF_ENCODER_LIBVPX_VP9,
  FF_ENCODER_LIBX264,
  FF_ENCODER_LIBX265,
  FF_ENCODER_MJPEG,
  FF_ENCODER_MPEG4,
} from 'node-av/constants';
import { randomOf } from '../../src/random.js';
import { writeGreys } from './videos.js';

/** How many there are; `X3D_MUTATIONS=300` tries more of them. */
export const FILES = Number(process.env.X3D_MUTATIONS ?? 40);

const SOURCES = [
  ['mp4', FF_ENCODER_LIBX264],
  ['mkv', FF_ENCODER_LIBX265],
  ['webm', FF_ENCODER_LIBVPX_VP9],
  ['avi', FF_ENCODER_MJPEG],
  ['mov', FF_ENCODER_MPEG4],
  ['ts', FF_ENCODER_LIBX264],
] as const;

/** Numbers of 16 and 32 bits in both orders, as headers have widths, heights and counts. */
function enlarged(bytes: Buffer, values: readonly number[], huge: number): Buffer {
  const copy = Buffer.from(bytes);
  for (let at = 0; at + 4 <= copy.length; at++) {
    for (const value of values) {
      if (copy.readUInt32BE(at) === value) copy.writeUInt32BE(huge, at);
      else if (copy.readUInt32LE(at) === value) copy.writeUInt32LE(huge, at);
      else if (copy.readUInt16BE(at) === value && copy[at + 2] === 0) copy.writeUInt16BE(huge & 0xffff, at);
    }
  }
  return copy;
}

function mutated(all: readonly Buffer[], number: number): Buffer {
  const random = randomOf('mutation', number);
  const bytes = Buffer.from(all[number % all.length] as Buffer);
  const at = () => random.whole(bytes.length);
  switch (Math.floor(number / all.length) % 6) {
    case 0: {
      for (let flips = 1 + random.whole(40); flips > 0; flips--) bytes[at()] = random.whole(256);
      return bytes;
    }
    case 1:
      return bytes.subarray(0, at());
    case 2: {
      // Another file's beginning.
      const other = all[random.whole(all.length)] as Buffer;
      const cut = Math.min(random.whole(2000), bytes.length);
      return Buffer.concat([other.subarray(0, cut), bytes.subarray(cut)]);
    }
    case 3:
      return enlarged(bytes, [32, 24], [16384, 0x7fff, 0xffff, 0x7fffffff][random.whole(4)] as number);
    case 4:
      return enlarged(bytes, [20], [1_000_000, 0x7fffffff][random.whole(2)] as number);
    default: {
      const from = at();
      bytes.fill(random.whole(256), from, Math.min(bytes.length, from + random.whole(600)));
      return bytes;
    }
  }
}

/** Writes them to the paths that are given for their numbers and endings. */
export function writeMutated(pathOf: (number: number, ending: string) => string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'x3d-whole-'));
  const sources = SOURCES.map(([ending, codec], i) =>
    readFileSync(writeGreys(join(folder, `source${i}.${ending}`), 20, { codec })),
  );
  rmSync(folder, { recursive: true });
  return Array.from({ length: FILES }, (_, number) => {
    const path = pathOf(number, SOURCES[number % SOURCES.length]?.[0] ?? '');
    writeFileSync(path, mutated(sources, number));
    return path;
  });
}
