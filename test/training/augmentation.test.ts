import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { colourFactors, mixupShare, softLabels } from '../../src/training/augmentation.js';

const rows = (targets: Float32Array, classes: number) =>
  Array.from({ length: targets.length / classes }, (_, n) => [
    ...targets.subarray(n * classes, (n + 1) * classes),
  ]);

describe('soft labels', () => {
  it('are one-hot without smoothing and mixup', () => {
    const targets = softLabels(Int32Array.of(1, 0), 3, { labelSmoothing: 0 }, 1);
    expect(rows(targets, 3)).toEqual([
      [0, 1, 0],
      [1, 0, 0],
    ]);
  });

  it('move a share of the weight to all classes with smoothing', () => {
    const targets = softLabels(Int32Array.of(1), 4, { labelSmoothing: 0.2 }, 1);
    expect(targets[0]).toBeCloseTo(0.05, 6);
    expect(targets[1]).toBeCloseTo(0.85, 6);
  });

  it('are mixed with the batch in reverse order', () => {
    const targets = softLabels(Int32Array.of(0, 1), 2, { labelSmoothing: 0 }, 0.75);
    expect(rows(targets, 2)).toEqual([
      [0.75, 0.25],
      [0.25, 0.75],
    ]);
  });

  it('are mixed within each part of a batch that is taken in parts; one clip alone, with itself', () => {
    const targets = softLabels(Int32Array.of(0, 1, 2, 0), 3, { labelSmoothing: 0 }, 0.75, 2);
    expect(rows(targets, 3)).toEqual([
      [0.75, 0.25, 0],
      [0.25, 0.75, 0],
      [0.25, 0, 0.75],
      [0.75, 0, 0.25],
    ]);
    expect(rows(softLabels(Int32Array.of(0, 1), 2, { labelSmoothing: 0 }, 0.75, 1), 2)).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });

  it('sum to one for every clip', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(6), { minLength: 1, maxLength: 9 }),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (labels, labelSmoothing, share) => {
          for (const row of rows(softLabels(Int32Array.from(labels), 7, { labelSmoothing }, share), 7)) {
            expect(row.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5);
          }
        },
      ),
    );
  });
});

describe('the mixup share', () => {
  it('is one where mixup is off', () => {
    expect(mixupShare({ mixup: 0 }, 1, 2)).toBe(1);
  });

  it('follows Beta(alpha, alpha): mean 1/2, variance 1/(4(2 alpha + 1)), the same for the same step', () => {
    const shares = Array.from({ length: 4000 }, (_, step) => mixupShare({ mixup: 0.4 }, 7, step));
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length;
    expect(mean).toBeCloseTo(0.5, 1);
    expect(Math.abs(variance - 1 / (4 * 1.8))).toBeLessThan(0.01);
    expect(mixupShare({ mixup: 0.4 }, 7, 11)).toBe(shares[11]);
  });
});

describe('colour jitter', () => {
  it('draws three factors a clip within one plus or minus its strength', () => {
    const factors = colourFactors({ colourJitter: 0.4 }, 3, 5, 200);
    expect(factors).toHaveLength(600);
    expect(Math.min(...factors)).toBeGreaterThanOrEqual(0.6);
    expect(Math.max(...factors)).toBeLessThanOrEqual(1.4);
    expect(Math.max(...factors) - Math.min(...factors)).toBeGreaterThan(0.7);
  });
});
