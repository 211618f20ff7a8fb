/**
 * Scaling, cropping and flipping in one bilinear pass from a kept frame into the batch. Pixel centres are at halves,
 * as in PyTorch's interpolate with align_corners=False. Weights are whole numbers, so that the bytes do not depend on
 * the machine.
 */
import type { FrameSize } from './scaling.js';

/** Eleven bits a weight: 255 x 2^22 still fits 32 bits. */
const ONE = 1 << 11;

/** What each output column (or row) reads: two source positions and the weight of the second. */
interface Taps {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly weight: Int32Array;
}

export interface Window {
  /** The whole frame's size after scaling. */
  readonly width: number;
  readonly height: number;
  readonly x: number;
  readonly y: number;
  readonly side: number;
  readonly flip: boolean;
}

/** `pitch`: what one source position is multiplied by to become an offset in bytes. */
function taps(
  source: number,
  scaled: number,
  from: number,
  count: number,
  pitch: number,
  flip: boolean,
): Taps {
  const first = new Int32Array(count);
  const second = new Int32Array(count);
  const weight = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const position = from + (flip ? count - 1 - i : i);
    const exact = Math.min(Math.max(((position + 0.5) * source) / scaled - 0.5, 0), source - 1);
    const whole = Math.floor(exact);
    first[i] = whole * pitch;
    second[i] = Math.min(whole + 1, source - 1) * pitch;
    weight[i] = Math.round((exact - whole) * ONE);
  }
  return { first, second, weight };
}

/** A function that writes the window of one frame [height, width, 3] as [side, side, 3] into `target` at `offset`. */
export function resizer(
  source: FrameSize,
  window: Window,
): (frame: Uint8Array, target: Uint8Array, offset: number) => void {
  const { side } = window;
  const columns = taps(source.width, window.width, window.x, side, 3, window.flip);
  const rows = taps(source.height, window.height, window.y, side, 3 * source.width, false);
  return (frame, target, offset) => {
    let at = offset;
    for (let row = 0; row < side; row++) {
      const upper = rows.first[row] as number;
      const lower = rows.second[row] as number;
      const down = rows.weight[row] as number;
      const up = ONE - down;
      for (let column = 0; column < side; column++) {
        const left = columns.first[column] as number;
        const right = columns.second[column] as number;
        const toRight = columns.weight[column] as number;
        const toLeft = ONE - toRight;
        const upperLeft = upper + left;
        const upperRight = upper + right;
        const lowerLeft = lower + left;
        const lowerRight = lower + right;
        for (let channel = 0; channel < 3; channel++) {
          const above =
            Math.imul(frame[upperLeft + channel] as number, toLeft) +
            Math.imul(frame[upperRight + channel] as number, toRight);
          const below =
            Math.imul(frame[lowerLeft + channel] as number, toLeft) +
            Math.imul(frame[lowerRight + channel] as number, toRight);
          target[at++] = (Math.imul(above, up) + Math.imul(below, down) + (1 << 21)) >> 22;
        }
      }
    }
  };
}
