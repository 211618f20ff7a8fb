/**
 * How a stored picture is shown: turned and mirrored as its display matrix says, as wide as the aspect ratio of its
 * pixels makes it. FFmpeg's tools do the same before they scale.
 */
import { AV_FRAME_DATA_DISPLAYMATRIX } from 'node-av/constants';
import type { Frame, Rational } from 'node-av/lib';

export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

/** Which stored pixel is shown where: rows are exchanged with columns first, then the result is mirrored. */
export interface Orientation {
  readonly exchanged: boolean;
  /** Left and right. */
  readonly mirrored: boolean;
  /** Top and bottom. */
  readonly flipped: boolean;
}

const AS_STORED: Orientation = { exchanged: false, mirrored: false, flipped: false };

/** How much of the one axis may lie in the other and still count as none: about a degree, as in FFmpeg. */
const TILT = 0.0175;
/** Aspect ratios of pixels that are believed, either way. */
const WIDEST_PIXEL = 8;

/** `matrix`: 3 x 3 numbers of 32 bits, of which a, b, c, d put the stored pixel (x, y) at (ax + cy, bx + dy). */
function orientationFrom(matrix: Buffer): Orientation {
  const [a, b, c, d] = [0, 1, 3, 4].map((i) => matrix.readInt32LE(4 * i)) as [number, number, number, number];
  const along = Math.min(Math.abs(a), Math.abs(d));
  const across = Math.min(Math.abs(b), Math.abs(c));
  if (along > 0 && Math.max(Math.abs(b), Math.abs(c)) <= TILT * along)
    return { exchanged: false, mirrored: a < 0, flipped: d < 0 };
  if (across > 0 && Math.max(Math.abs(a), Math.abs(d)) <= TILT * across)
    return { exchanged: true, mirrored: c < 0, flipped: b < 0 };
  return AS_STORED;
}

/** Of a decoded frame. An angle that is no multiple of 90 degrees is left alone. */
export function orientationOf(frame: Frame): Orientation {
  const matrix = frame.getSideData(AV_FRAME_DATA_DISPLAYMATRIX);
  return matrix && matrix.length >= 36 ? orientationFrom(matrix) : AS_STORED;
}

/** The size that a frame is shown at, in square pixels: only the width follows the pixels' aspect ratio. */
export function shownSize(frame: Frame, stated: Rational): FrameSize {
  const { num, den } = stated.num > 0 ? stated : frame.sampleAspectRatio;
  const aspect = num > 0 && den > 0 ? num / den : 1;
  const believed = aspect <= WIDEST_PIXEL && aspect >= 1 / WIDEST_PIXEL ? aspect : 1;
  const width = Math.max(1, Math.round(frame.width * believed));
  const { height } = frame;
  return orientationOf(frame).exchanged ? { width: height, height: width } : { width, height };
}

/** The size before orienting of what is `shown` after it. */
export const storedSize = ({ width, height }: FrameSize, { exchanged }: Orientation): FrameSize =>
  exchanged ? { width: height, height: width } : { width, height };

/** Packed RGB as stored -> as shown, [height, width, 3] of `shown`, written to `target`. */
export function orient(
  stored: Uint8Array,
  shown: FrameSize,
  { exchanged, mirrored, flipped }: Orientation,
  target: Uint8Array,
): void {
  const { width, height } = shown;
  // Bytes from one pixel to the next, of those that are shown side by side and one above the other.
  const right = exchanged ? 3 * height : 3;
  const down = exchanged ? 3 : 3 * width;
  const corner = (mirrored ? (width - 1) * right : 0) + (flipped ? (height - 1) * down : 0);
  const [x, y] = [mirrored ? -right : right, flipped ? -down : down];
  let to = 0;
  for (let row = 0; row < height; row++) {
    let from = corner + row * y;
    for (let column = 0; column < width; column++, from += x) {
      target[to++] = stored[from] as number;
      target[to++] = stored[from + 1] as number;
      target[to++] = stored[from + 2] as number;
    }
  }
}

export const isAsStored = ({ exchanged, mirrored, flipped }: Orientation): boolean =>
  !exchanged && !mirrored && !flipped;
