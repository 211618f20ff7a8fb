/** Pixels as exported networks take them, and as they are told what was done to them. */
import type { Preprocessing } from '../training/saved.js';

/** What holds for every channel, for programs that have one for each: red, green, blue. */
export const perChannel = (value: number): readonly [number, number, number] => [value, value, value];

/** Clips as bytes [T, N, H, W, 3] -> what the exported network takes, [N, 3, T, H, W]. */
export function normalised(
  clips: Uint8Array,
  count: number,
  { mean, deviation, frames, crop }: Pick<Preprocessing, 'mean' | 'deviation' | 'frames' | 'crop'>,
): Float32Array {
  const positions = crop * crop;
  const out = new Float32Array(count * 3 * frames * positions);
  for (let n = 0; n < count; n++)
    for (let c = 0; c < 3; c++)
      for (let t = 0; t < frames; t++) {
        const from = (t * count + n) * positions * 3 + c;
        const to = ((n * 3 + c) * frames + t) * positions;
        for (let i = 0; i < positions; i++)
          out[to + i] = ((clips[from + 3 * i] as number) / 255 - mean) / deviation;
      }
  return out;
}
