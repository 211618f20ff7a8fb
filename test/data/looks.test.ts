/** Frames are as FFmpeg's command line gives them: turned, stretched and coloured as the file says. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FF_ENCODER_MJPEG } from 'node-av/constants';
import { describe, expect, it } from 'vitest';
import { decodeFrames, probeVideo } from '../../src/data/decoding.js';
import { encodeVideo } from '../../src/data/demo/index.js';
import type { FrameSize } from '../../src/data/display.js';
import { hasFfmpeg, temporaryFolder, writeGreys } from './videos.js';

const ffmpeg = (...args: string[]) =>
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args], { maxBuffer: 2 ** 26 });

function firstFrame(path: string, size: FrameSize): Uint8Array {
  let first = new Uint8Array();
  decodeFrames(
    path,
    size,
    0,
    () => true,
    (_, rgb) => {
      first = Uint8Array.from(rgb);
    },
  );
  return first;
}

const ffmpegsFrame = (path: string, { width, height }: FrameSize) =>
  ffmpeg(
    ...['-i', path, '-frames:v', '1', '-vf', `scale=${width}:${height}:flags=area+bitexact`],
    ...['-pix_fmt', 'rgb24', '-f', 'rawvideo', '-'],
  );

/** The largest and the mean difference of two pictures, in levels. */
function difference(a: Uint8Array, b: Uint8Array): { readonly largest: number; readonly mean: number } {
  expect(a.length).toBe(b.length);
  let [largest, sum] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const own = Math.abs((a[i] as number) - (b[i] as number));
    largest = Math.max(largest, own);
    sum += own;
  }
  return { largest, mean: sum / a.length };
}

describe.skipIf(!hasFfmpeg)('colours (with the ffmpeg command)', () => {
  const whole = { width: 96, height: 64 };
  const formats = ['yuv420p', 'yuv422p', 'yuv444p', 'yuv420p10le', 'yuv422p10le'];
  const cases = formats.flatMap((format) =>
    ['tv', 'pc'].flatMap((range) =>
      ['unknown', 'smpte170m', 'bt709', 'bt2020nc'].map((matrix) => ({ format, range, matrix })),
    ),
  );

  it.each(cases)(
    'of $format, range $range, matrix $matrix are as ffmpeg gives them',
    ({ format, range, matrix }) => {
      const path = join(temporaryFolder(), 'a.mkv');
      const source = `testsrc2=s=96x64:d=0.2,format=${format},setparams=range=${range}${matrix === 'unknown' ? '' : `:colorspace=${matrix}`}`;
      ffmpeg('-f', 'lavfi', '-i', source, '-c:v', 'ffv1', '-color_range', range, path);
      // Between the samples of colours of 4:2:0 in 10 bits, which FFmpeg's versions place otherwise, none is compared.
      const sizes = [...(format === 'yuv420p10le' ? [] : [whole]), { width: 60, height: 40 }];
      for (const size of sizes) {
        const { largest, mean } = difference(firstFrame(path, size), ffmpegsFrame(path, size));
        expect(largest).toBeLessThanOrEqual(2);
        expect(mean).toBeLessThan(0.5);
      }
    },
  );

  it('of an interlaced film are scaled as whole pictures', () => {
    const path = join(temporaryFolder(), 'a.mpg');
    ffmpeg(
      ...['-f', 'lavfi', '-i', 'testsrc2=s=96x64:r=25:d=0.4', '-c:v', 'mpeg2video', '-q:v', '2'],
      ...['-flags', '+ilme+ildct', path],
    );
    expect(difference(firstFrame(path, whole), ffmpegsFrame(path, whole)).largest).toBeLessThanOrEqual(2);
  });
});

/** A picture whose quarters are told apart: red, green, blue and white, row by row. */
function quarters(width: number, height: number): Uint8Array {
  const colours = [
    [250, 0, 0],
    [0, 250, 0],
    [0, 0, 250],
    [250, 250, 250],
  ];
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return colours[2 * Number(y >= height / 2) + Number(x >= width / 2)]?.[i % 3] ?? 0;
  });
}

/** The letters of the quarters, row by row. */
function quartersOf(rgb: Uint8Array, { width, height }: FrameSize): string {
  return [0.25, 0.75]
    .flatMap((y) => [0.25, 0.75].map((x) => [x * width, y * height].map(Math.floor)))
    .map(([x = 0, y = 0]) => {
      const [r, g, b] = [0, 1, 2].map((c) => (rgb[(y * width + x) * 3 + c] ?? 0) > 125);
      return r && g && b ? 'w' : r ? 'r' : g ? 'g' : 'b';
    })
    .join('');
}

/** Writes a display matrix into the track header of an MP4 file. */
function withMatrix(path: string, [a, b, c, d]: readonly number[]): string {
  const bytes = readFileSync(path);
  const at = bytes.indexOf('tkhd') + 4 + 40;
  for (const [i, value = 0] of [a, b, 0, c, d, 0, 0, 0].entries())
    bytes.writeInt32BE(value * 65536, at + 4 * i);
  writeFileSync(path, bytes);
  return path;
}

describe('display matrices', () => {
  it.each([
    ['none', [1, 0, 0, 1], 'rgbw'],
    ['a turn to the right', [0, 1, -1, 0], 'brwg'],
    ['upside down', [-1, 0, 0, -1], 'wbgr'],
    ['a turn to the left', [0, -1, 1, 0], 'gwrb'],
    ['a mirror', [-1, 0, 0, 1], 'grwb'],
    ['a mirror upside down', [1, 0, 0, -1], 'bwrg'],
    ['rows for columns', [0, 1, 1, 0], 'rbgw'],
    ['rows for columns, the other way', [0, -1, -1, 0], 'wgbr'],
  ])('%s', (_, matrix, expected) => {
    const path = join(temporaryFolder(), 'a.mp4');
    const size = { width: 96, height: 64 };
    encodeVideo(
      path,
      { ...size, framesPerSecond: 25 },
      Array.from({ length: 4 }, () => quarters(96, 64)),
    );
    withMatrix(path, matrix);
    const { width, height } = probeVideo(path);
    expect([width, height]).toEqual(matrix[0] === 0 ? [64, 96] : [96, 64]);
    const rgb = firstFrame(path, { width, height });
    expect(quartersOf(rgb, { width, height })).toBe(expected);
    if (hasFfmpeg)
      expect(difference(rgb, ffmpegsFrame(path, { width, height })).largest).toBeLessThanOrEqual(2);
  });

  it('of an angle between are left alone', () => {
    const path = writeGreys(join(temporaryFolder(), 'a.mp4'), 4);
    expect(probeVideo(withMatrix(path, [0.7, 0.7, -0.7, 0.7]))).toMatchObject({ width: 32, height: 24 });
  });
});

describe.skipIf(!hasFfmpeg)('pixels that are not square (with the ffmpeg command)', () => {
  it.each([
    ['4/3', 64, 36],
    ['3/4', 36, 36],
    ['1000/1', 48, 36],
  ])('of aspect %s make a frame of %sx%s', (aspect, width, height) => {
    const path = join(temporaryFolder(), 'a.mkv');
    ffmpeg('-f', 'lavfi', '-i', `testsrc2=s=48x36:d=0.2,setsar=${aspect}`, '-c:v', 'ffv1', path);
    expect(probeVideo(path)).toMatchObject({ width, height });
  });
});

describe('a header', () => {
  it('that promises more frames than there are is said', () => {
    const path = writeGreys(join(temporaryFolder(), 'a.avi'), 20, { codec: FF_ENCODER_MJPEG });
    expect(probeVideo(path).promised).toBeUndefined();
    const bytes = readFileSync(path);
    // The stream header's count of frames.
    bytes.writeUInt32LE(100, bytes.indexOf('strh') + 8 + 32);
    writeFileSync(path, bytes);
    expect(probeVideo(path)).toMatchObject({ frames: 20, promised: 100 });
  });
});
