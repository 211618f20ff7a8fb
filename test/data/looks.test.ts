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

/**
 * Of a picture of 96x64, at its size and at others. Where nothing is scaled, versions of FFmpeg differ in how they put
 * colours of 4:2:0 in 10 bits between their samples; test/data/scaling.test.ts compares with the version at hand.
 */
function expectAsFfmpegs(path: string, format: string): void {
  const sizes = [
    { width: 96, height: 64 },
    { width: 60, height: 40 },
    { width: 50, height: 33 },
  ];
  for (const size of sizes.slice(format === 'yuv420p10le' ? 1 : 0)) {
    const { largest, mean } = difference(firstFrame(path, size), ffmpegsFrame(path, size));
    expect(largest).toBeLessThanOrEqual(2);
    expect(mean).toBeLessThan(0.5);
  }
}

describe.skipIf(!hasFfmpeg)('colours (with the ffmpeg command)', () => {
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
      expectAsFfmpegs(path, format);
    },
  );

  it.each([
    ['H.264', 'a.mp4', 'yuv420p', ['-c:v', 'libx264', '-qp', '4']],
    ['H.264 in 10 bits', 'a.mp4', 'yuv420p10le', ['-c:v', 'libx264', '-qp', '4']],
    ['HEVC in 10 bits', 'a.mp4', 'yuv420p10le', ['-c:v', 'libx265', '-x265-params', 'log-level=0']],
    ['VP9', 'a.webm', 'yuv420p', ['-c:v', 'libvpx-vp9', '-crf', '5']],
    ['MPEG-4', 'a.avi', 'yuv420p', ['-c:v', 'mpeg4', '-q:v', '2']],
    ['MPEG-2', 'a.mpg', 'yuv420p', ['-c:v', 'mpeg2video', '-q:v', '2']],
    ['an interlaced film', 'a.mpg', 'yuv420p', ['-c:v', 'mpeg2video', '-q:v', '2', '-flags', '+ilme+ildct']],
    ['Motion JPEG', 'a.avi', 'yuvj420p', ['-c:v', 'mjpeg', '-q:v', '2']],
  ])('of %s are as ffmpeg gives them', (_, name, format, coding) => {
    const path = join(temporaryFolder(), name);
    const source = `testsrc2=s=96x64:r=25:d=0.4,format=${format}`;
    ffmpeg('-f', 'lavfi', '-i', source, ...coding, path);
    expectAsFfmpegs(path, format);
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
