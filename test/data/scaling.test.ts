/** Frames are scaled and coloured as the scale filter of the FFmpeg at hand does it, whatever format they are in. */
import {
  AV_BUFFERSRC_FLAG_KEEP_REF,
  AVCHROMA_LOC_CENTER,
  AVCHROMA_LOC_LEFT,
  AVCHROMA_LOC_TOPLEFT,
  AVCHROMA_LOC_UNSPECIFIED,
} from 'node-av/constants';
import { Filter, type FilterContext, FilterGraph, Frame } from 'node-av/lib';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { FrameSize } from '../../src/data/display.js';
import { rgbScaler } from '../../src/data/scaling.js';

/** The first frame that comes out of a row of filters, each with its arguments; `into` is put into the first of them. */
function filtered(filters: readonly (readonly [name: string, options: string])[], into?: Frame): Frame {
  const graph = new FilterGraph();
  graph.alloc();
  const made = [...filters, ['buffersink', ''] as const].map(([name, options], index) => {
    const filter = Filter.getByName(name);
    const context = filter && graph.createFilter(filter, `${name}${index}`, options || null);
    if (!context) throw new Error(`no filter ${name}=${options}`);
    return context;
  });
  const done = (code: number) => {
    if (code < 0) throw new Error(`FFmpeg's code ${code}`);
  };
  for (const [index, context] of made.entries()) {
    const next = made[index + 1];
    if (next) done(context.link(0, next, 0));
  }
  done(graph.configSync());
  const [first, last] = [made[0], made.at(-1)] as [FilterContext, FilterContext];
  if (into) done(first.buffersrcAddFrameSync(into, AV_BUFFERSRC_FLAG_KEEP_REF));
  const frame = new Frame();
  frame.alloc();
  done(last.buffersinkGetFrameSync(frame));
  onTestFinished(() => {
    frame.free();
    graph.free();
  });
  return frame;
}

const pictureIn = (format: string, range: string, matrix: string): Frame =>
  filtered([
    ['testsrc2', 'size=96x64'],
    ['format', `pix_fmts=${format}`],
    ['setparams', `range=${range}${matrix === 'unknown' ? '' : `:colorspace=${matrix}`}`],
  ]);

const ffmpegs = (frame: Frame, { width, height }: FrameSize): Uint8Array =>
  filtered(
    [
      [
        'buffer',
        `video_size=${frame.width}x${frame.height}:pix_fmt=${frame.format}:time_base=1/25:colorspace=${frame.colorSpace}:range=${frame.colorRange}`,
      ],
      ['scale', `w=${width}:h=${height}:flags=area+bitexact`],
      ['format', 'pix_fmts=rgb24'],
    ],
    frame,
  ).toBuffer();

const YUV = ['yuv420p', 'yuv422p', 'yuv444p', 'yuv411p', 'yuva420p', 'nv12', 'gray'];
const DEEP = ['yuv420p10le', 'yuv422p10le', 'yuv444p10le', 'yuv420p12le', 'p010le', 'gray10le'];
const SIZES = [
  { width: 96, height: 64 },
  { width: 60, height: 40 },
  { width: 50, height: 33 },
  { width: 144, height: 96 },
];
const LOCATIONS = [AVCHROMA_LOC_UNSPECIFIED, AVCHROMA_LOC_LEFT, AVCHROMA_LOC_CENTER, AVCHROMA_LOC_TOPLEFT];

describe.each([...YUV, ...DEEP])('a frame of %s', (format) => {
  it.each(
    ['tv', 'pc'].flatMap((range) =>
      ['unknown', 'smpte170m', 'bt709', 'bt2020nc'].map((matrix) => ({ range, matrix })),
    ),
  )('of range $range and matrix $matrix, wherever its samples of colour lie', ({ range, matrix }) => {
    for (const size of SIZES) {
      const expected = Buffer.from(ffmpegs(pictureIn(format, range, matrix), size));
      for (const location of LOCATIONS) {
        const frame = pictureIn(format, range, matrix);
        frame.chromaLocation = location;
        const scaler = rgbScaler(size);
        const found = Buffer.from(scaler.scale(frame));
        scaler.free();
        expect(found.equals(expected), `${size.width}x${size.height}, at ${location}`).toBe(true);
      }
    }
  });
});

it.each(['rgb24', 'gbrp', 'gbrp10le', 'bgra'])('a frame of %s', (format) => {
  for (const size of SIZES) {
    const frame = pictureIn(format, 'pc', 'unknown');
    const scaler = rgbScaler(size);
    expect(Buffer.from(scaler.scale(frame)).equals(Buffer.from(ffmpegs(frame, size)))).toBe(true);
    scaler.free();
  }
});
