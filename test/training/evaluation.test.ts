import { describe, expect, it } from 'vitest';
import { tally } from '../../src/training/evaluation.js';

describe('an evaluation', () => {
  it('averages the views of a video before it decides', () => {
    const scores = tally(2);
    // Two of three views say class 0, but the mean says class 1.
    scores.add(1, Float32Array.of(0.55, 0.45, 0.55, 0.45, 0.1, 0.9), 3);
    const { metrics, confusion, viewsPerVideo } = scores.result();
    expect(metrics.accuracy).toBe(1);
    expect(confusion).toEqual([
      [0, 0],
      [0, 1],
    ]);
    expect(metrics.loss).toBeCloseTo(-Math.log(0.6), 6);
    expect(viewsPerVideo).toBe(3);
  });

  it('counts top-5 and fills the confusion matrix by true class and prediction', () => {
    const scores = tally(6);
    const falling = Float32Array.of(0.3, 0.25, 0.2, 0.15, 0.07, 0.03);
    scores.add(4, falling, 1);
    scores.add(5, falling, 1);
    const { metrics, videos, confusion } = scores.result();
    expect(metrics.accuracy).toBe(0);
    expect(metrics.top5).toBe(0.5);
    expect(videos).toBe(2);
    expect(confusion[4]?.[0]).toBe(1);
    expect(confusion[5]?.[0]).toBe(1);
  });

  it('keeps the mean loss finite when a class got no probability at all', () => {
    const scores = tally(2);
    scores.add(1, Float32Array.of(1, 0), 1);
    expect(scores.result().metrics.loss).toBeCloseTo(-Math.log(1e-12), 3);
  });

  it('says the standard error of every mean over the videos', () => {
    const scores = tally(2);
    for (const right of [1, 1, 1, 0]) scores.add(right, Float32Array.of(0.2, 0.8), 1);
    const { metrics, errors } = scores.result();
    expect(metrics.accuracy).toBe(0.75);
    expect(errors.accuracy).toBeCloseTo(0.25, 12);
    const [likely, unlikely] = [-Math.log(0.8), -Math.log(0.2)];
    expect(errors.loss).toBeCloseTo((unlikely - likely) / 4, 6);
  });

  it('refuses predictions that are not numbers', () => {
    expect(() => tally(2).add(0, Float32Array.of(Number.NaN, 0.5), 1)).toThrow(/not a number.*learningRate/);
  });
});
