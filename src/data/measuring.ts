/** How bright a video is and how much that varies, from a few of its frames. */
import type { Frame } from 'node-av/lib';
import { type RgbScaler, rgbScaler } from './scaling.js';

/** Frames of a video whose pixels are measured: half of these up to all of them, evenly spaced. */
const MEASURED_FRAMES = 8;
/** Their short side; what is measured hardly depends on it. */
const MEASURED_SIDE = 32;
/** The first guess of the space between them, at most: what a header promises may not be there. */
const MEASURED_EVERY = 32;

/** Of a video's values, scaled to [0, 1], over all channels of a few frames. */
export interface PixelMoments {
  readonly mean: number;
  readonly meanSquare: number;
}

function momentsOf(rgb: Uint8Array): PixelMoments {
  let sum = 0;
  let squares = 0;
  // By index: an iterator takes ten times as long.
  for (let i = 0; i < rgb.length; i++) {
    const value = rgb[i] as number;
    sum += value;
    squares += value * value;
  }
  return { mean: sum / rgb.length / 255, meanSquare: squares / rgb.length / 255 ** 2 };
}

/** Measures some of the frames that it is shown in turn, evenly spaced however many there come to be. */
export function pixelMeter() {
  let scaler: RgbScaler | undefined;
  let every = 0;
  let measured: PixelMoments[] = [];
  return {
    show: (frame: Frame, index: number, expected: number) => {
      if (every === 0)
        every = Math.max(1, Math.min(MEASURED_EVERY, Math.floor((2 * expected) / MEASURED_FRAMES) || 1));
      if (index % every !== 0) return;
      if (measured.length === MEASURED_FRAMES) {
        measured = measured.filter((_, i) => i % 2 === 0);
        every *= 2;
        if (index % every !== 0) return;
      }
      const { width, height } = frame;
      const shrink = Math.min(1, MEASURED_SIDE / Math.min(width, height));
      scaler ??= rgbScaler({ width: Math.round(width * shrink), height: Math.round(height * shrink) });
      measured.push(momentsOf(scaler.scale(frame)));
    },
    moments: (): PixelMoments => {
      const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
      return {
        mean: mean(measured.map((one) => one.mean)),
        meanSquare: mean(measured.map((one) => one.meanSquare)),
      };
    },
    free: () => scaler?.free(),
  };
}
