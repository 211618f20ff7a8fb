import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  FF_ENCODER_FFV1,
  FF_ENCODER_LIBVPX_VP9,
  FF_ENCODER_LIBX264,
  FF_ENCODER_LIBX265,
  FF_ENCODER_MJPEG,
  FF_ENCODER_MPEG2VIDEO,
  FF_ENCODER_MPEG4,
} from 'node-av/constants';
import { describe, expect, it } from 'vitest';
import { decodeFrames, probeVideo } from '../../src/data/decoding.js';
import { probe } from '../../src/data/probing.js';
import { DecodingError } from '../../src/data/undecodable.js';
import { frameOf, temporaryFolder, writeGreys } from './videos.js';

/** The frames that a file gives back, by their grey. */
function decoded(
  path: string,
  last: number,
  wanted: (index: number) => boolean,
): { index: number; frame: number }[] {
  const found: { index: number; frame: number }[] = [];
  decodeFrames(path, { width: 16, height: 12 }, last, wanted, (index, rgb) => {
    expect(rgb.length).toBe(16 * 12 * 3);
    found.push({ index, frame: frameOf(rgb[100] ?? 0) });
  });
  return found;
}

describe('decoding', () => {
  it.each([
    ['mp4', FF_ENCODER_LIBX264],
    ['mkv', FF_ENCODER_LIBX265],
    ['webm', FF_ENCODER_LIBVPX_VP9],
    ['avi', FF_ENCODER_MJPEG],
    ['mov', FF_ENCODER_MPEG4],
    ['mkv', FF_ENCODER_FFV1],
  ] as const)('gives every frame of a %s file by %s, in order', (container, codec) => {
    const path = writeGreys(join(temporaryFolder(), `a.${container}`), 20, { codec });
    const { pixels, ...facts } = probeVideo(path);
    expect(facts).toEqual({ frames: 20, width: 32, height: 24, framesPerSecond: 25 });
    const all = decoded(path, 19, () => true);
    expect(all).toEqual(Array.from({ length: 20 }, (_, i) => ({ index: i, frame: i })));
  });

  it('gives the wanted frames and ends at the last of them', () => {
    const path = writeGreys(join(temporaryFolder(), 'a.mp4'), 20);
    expect(decoded(path, 9, (index) => index % 3 === 0)).toEqual(
      [0, 3, 6, 9].map((i) => ({ index: i, frame: i })),
    );
  });

  it('refuses noise, an empty file, text and a file cut off before its index', () => {
    const folder = temporaryFolder();
    const file = (name: string, bytes: Uint8Array | string) => {
      writeFileSync(join(folder, name), bytes);
      return join(folder, name);
    };
    const whole = readFileSync(writeGreys(join(folder, 'whole.mp4'), 20));
    const noise = Uint8Array.from({ length: 5000 }, (_, i) => Math.imul(i, 2654435761) >>> 13);
    for (const path of [
      file('noise.mp4', noise),
      file('empty.mp4', ''),
      file('notes', 'not a video at all\n'),
      file('cut.mp4', whole.subarray(0, whole.length / 2)),
    ]) {
      expect(() => probeVideo(path), path).toThrow(DecodingError);
    }
  });

  it('counts the frames that can be decoded of a file that is damaged in its middle', () => {
    const path = writeGreys(join(temporaryFolder(), 'a.avi'), 20, { codec: FF_ENCODER_MJPEG });
    const bytes = readFileSync(path);
    bytes.fill(0x55, bytes.length / 2, bytes.length / 2 + 200);
    writeFileSync(path, bytes);
    const { frames } = probeVideo(path);
    expect(frames).toBeGreaterThan(10);
    expect(frames).toBeLessThanOrEqual(20);
  });

  it('refuses frames that would take gigabytes before it decodes one', () => {
    const path = writeGreys(join(temporaryFolder(), 'a.mp4'), 4);
    const bytes = readFileSync(path);
    // Width and height in the description of the samples.
    const at = bytes.indexOf('avc1', bytes.indexOf('stsd')) + 4 + 24;
    bytes.writeUInt16BE(16384, at);
    bytes.writeUInt16BE(8704, at + 2);
    writeFileSync(path, bytes);
    expect(() => probeVideo(path)).toThrow(/^frames of 16384x8704 pixels; up to 8192x4352 are taken$/);
  });

  it.each(['ts', 'mpg', 'flv'])('reads a %s file, whose header tells no sizes', (container) => {
    const codec = container === 'mpg' ? FF_ENCODER_MPEG2VIDEO : FF_ENCODER_LIBX264;
    const path = writeGreys(join(temporaryFolder(), `a.${container}`), 20, { codec });
    expect(probeVideo(path)).toMatchObject({ frames: 20, width: 32, height: 24 });
    expect(decoded(path, 19, () => true)).toHaveLength(20);
  });
});

describe('the digest of a video', () => {
  it('is of all its bytes: two files of one length that differ in their middle have two', () => {
    const folder = temporaryFolder();
    const whole = readFileSync(writeGreys(join(folder, 'a.mp4'), 20));
    /** Followed by 20 MB that no player reads, all zeros but one. */
    const digestWith = (at: number) => {
      const rest = Buffer.alloc(20 << 20);
      rest.writeUInt32BE(rest.length);
      rest.write('free', 4);
      rest[at] = 1;
      writeFileSync(join(folder, 'b.mp4'), Buffer.concat([whole, rest]));
      const probed = probe({ path: join(folder, 'b.mp4') });
      return probed.kind === 'video' ? probed.digest : probed;
    };
    expect(digestWith(10 << 20)).toBe(digestWith(10 << 20));
    expect(digestWith(10 << 20)).not.toBe(digestWith(11 << 20));
  });
});
