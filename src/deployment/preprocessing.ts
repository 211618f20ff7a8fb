/** How pixels become a network's input: what its description says, and for older descriptions what held for all. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { X3dError } from '../errors.js';
import { type Factors, testCrop } from '../network/index.js';
import { PIXEL_DEVIATION, PIXEL_MEAN } from '../training/pixels.js';
import { mismatches } from '../validation.js';

/** Red, green, blue. */
export type Channels = readonly [number, number, number];

export interface Preprocessing {
  /** Of bytes scaled to [0, 1]. */
  readonly mean: Channels;
  readonly deviation: Channels;
  /** Of one clip. */
  readonly frames: number;
  /** From one to the next, in frames at `rate`, or in the video's own where there is none. */
  readonly stride: number;
  /** Frames per second. */
  readonly rate?: number;
  /** The short side that a video is scaled to, pixels. */
  readonly shortSide: number;
  /** The side of the square in the middle, pixels. */
  readonly crop: number;
}

const channels = Type.Union([Type.Number(), Type.Tuple([Type.Number(), Type.Number(), Type.Number()])]);
const Described = Compile(
  Type.Partial(
    Type.Object({
      mean: channels,
      std: channels,
      frames: Type.Integer({ minimum: 1 }),
      stride: Type.Number({ exclusiveMinimum: 0 }),
      rate: Type.Number({ exclusiveMinimum: 0 }),
      shortSide: Type.Integer({ minimum: 1 }),
      crop: Type.Object({ center: Type.Integer({ minimum: 1 }) }),
    }),
  ),
);

const each = (value: Static<typeof channels>): Channels =>
  typeof value === 'number' ? [value, value, value] : value;

/** `folder`: of a network that `readSaved` has read. Throws X3dError data where the description says something else. */
export async function readPreprocessing(folder: string, factors: Factors): Promise<Preprocessing> {
  const file = join(folder, 'network.json');
  const { preprocessing: described = {} }: { preprocessing?: unknown } = JSON.parse(
    await readFile(file, 'utf8'),
  );
  if (!Described.Check(described)) {
    const [first] = mismatches(Described, described);
    throw new X3dError('data', {
      subject: `${file}: preprocessing${first?.field ? `.${first.field}` : ''}`,
      expected: first?.expected ?? 'how pixels become input',
      got: first?.got ?? '',
    });
  }
  const { mean = PIXEL_MEAN, std = PIXEL_DEVIATION, rate } = described;
  return {
    mean: each(mean),
    deviation: each(std),
    frames: described.frames ?? factors.frames,
    stride: described.stride ?? factors.stride,
    ...(rate === undefined ? {} : { rate }),
    shortSide: described.shortSide ?? testCrop(factors.crop),
    crop: described.crop?.center ?? factors.crop,
  };
}

/** Clips as bytes [T, N, H, W, 3] -> what the exported network takes, [N, 3, T, H, W]. */
export function normalised(
  clips: Uint8Array,
  count: number,
  { mean, deviation, frames, crop }: Pick<Preprocessing, 'mean' | 'deviation' | 'frames' | 'crop'>,
): Float32Array {
  const positions = crop * crop;
  const out = new Float32Array(count * 3 * frames * positions);
  for (let n = 0; n < count; n++)
    for (let c = 0; c < 3; c++) {
      const [own, over] = [mean[c] as number, deviation[c] as number];
      for (let t = 0; t < frames; t++) {
        const from = (t * count + n) * positions * 3 + c;
        const to = ((n * 3 + c) * frames + t) * positions;
        for (let i = 0; i < positions; i++)
          out[to + i] = ((clips[from + 3 * i] as number) / 255 - own) / over;
      }
    }
  return out;
}
