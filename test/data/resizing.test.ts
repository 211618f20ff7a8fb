import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resizer } from '../../src/data/resizing.js';

const random = (length: number) =>
  Uint8Array.from({ length }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 11) & 255);

/** Bilinear interpolation as it is written down, in floating point. */
function exact(
  frame: Uint8Array,
  width: number,
  height: number,
  x: number,
  y: number,
  channel: number,
): number {
  const at = (column: number, row: number) =>
    frame[
      (Math.min(Math.max(row, 0), height - 1) * width + Math.min(Math.max(column, 0), width - 1)) * 3 +
        channel
    ] ?? 0;
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [right, down] = [x - left, y - top];
  return (
    (1 - down) * ((1 - right) * at(left, top) + right * at(left + 1, top)) +
    down * ((1 - right) * at(left, top + 1) + right * at(left + 1, top + 1))
  );
}

describe('scaling and cropping in one pass', () => {
  it('copies the window where nothing is scaled', () => {
    const frame = random(9 * 7 * 3);
    const target = new Uint8Array(4 * 4 * 3);
    resizer({ width: 9, height: 7 }, { width: 9, height: 7, x: 3, y: 2, side: 4, flip: false })(
      frame,
      target,
      0,
    );
    for (let row = 0; row < 4; row++) {
      const from = ((row + 2) * 9 + 3) * 3;
      expect(target.subarray(row * 12, row * 12 + 12)).toEqual(frame.subarray(from, from + 12));
    }
  });

  it('agrees with bilinear interpolation within one level, for any sizes and windows', () => {
    const side = fc.integer({ min: 2, max: 40 });
    fc.assert(
      fc.property(
        side,
        side,
        side,
        side,
        fc.nat(),
        fc.boolean(),
        (width, height, wide, high, place, flip) => {
          const frame = random(width * height * 3);
          const size = Math.min(wide, high, 9);
          const [x, y] = [place % (wide - size + 1), place % (high - size + 1)];
          const target = new Uint8Array(size * size * 3);
          resizer({ width, height }, { width: wide, height: high, x, y, side: size, flip })(frame, target, 0);
          for (let i = 0; i < target.length; i++) {
            const [column, row] = [Math.floor(i / 3) % size, Math.floor(i / 3 / size)];
            const sourceX = ((x + (flip ? size - 1 - column : column) + 0.5) * width) / wide - 0.5;
            const sourceY = ((y + row + 0.5) * height) / high - 0.5;
            expect(
              Math.abs((target[i] ?? 0) - exact(frame, width, height, sourceX, sourceY, i % 3)),
            ).toBeLessThan(1);
          }
        },
      ),
    );
  });

  it('writes a frame where it is told to and nowhere else', () => {
    const target = new Uint8Array(60).fill(7);
    resizer({ width: 4, height: 4 }, { width: 4, height: 4, x: 0, y: 0, side: 4, flip: false })(
      random(48),
      target,
      6,
    );
    expect(target.subarray(0, 6)).toEqual(new Uint8Array(6).fill(7));
    expect(target.subarray(6, 54)).toEqual(random(48));
    expect(target.subarray(54)).toEqual(new Uint8Array(6).fill(7));
  });
});
