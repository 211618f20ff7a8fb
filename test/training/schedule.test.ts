import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { halfSchedule, RECIPES, settleRecipe } from '../../src/training/recipe.js';
import { learningRateAt, stepsOf } from '../../src/training/schedule.js';

const recipe = { learningRate: 0.1, batchSize: 16, warmup: 0.1, steps: 100 };

describe('the learning rate', () => {
  it('rises linearly over the warm-up and falls along half a cosine to almost nothing', () => {
    const rates = Array.from({ length: 100 }, (_, step) => learningRateAt(recipe, step));
    expect(rates[0]).toBeCloseTo(0.01, 12);
    expect(rates[4]).toBeCloseTo(0.05, 12);
    expect(rates[9]).toBeCloseTo(0.1, 12);
    expect(rates[10]).toBeCloseTo(0.1, 12);
    expect(rates[55]).toBeCloseTo(0.05, 12);
    expect(rates[99]).toBeLessThan(0.0001);
  });

  it('is scaled with the batch', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 512 }), fc.nat(99), (batchSize, step) => {
        const scaled = learningRateAt({ ...recipe, batchSize }, step);
        expect(scaled).toBeCloseTo((learningRateAt(recipe, step) * batchSize) / 16, 9);
      }),
    );
  });

  it('starts at its peak without a warm-up', () => {
    expect(learningRateAt({ ...recipe, warmup: 0 }, 0)).toBe(0.1);
  });
});

describe('the schedule', () => {
  it('counts an epoch as one clip of every video', () => {
    expect(stepsOf(256, 16, 50)).toBe(800);
  });

  it('has a step even where the set is smaller than a batch', () => {
    expect(stepsOf(1, 64, 3)).toBe(1);
  });

  it("is half as many epochs of twice the batch in the paper's search", () => {
    const { steps, batchSize, ...rest } = halfSchedule(RECIPES['x2d-micro']);
    const { steps: fullSteps, batchSize: fullBatch, ...fullRest } = RECIPES['x2d-micro'];
    expect(2 * steps * batchSize).toBe(fullSteps * fullBatch);
    expect(batchSize).toBe(2 * fullBatch);
    expect(rest).toEqual(fullRest);
  });

  it('follows from the number of videos: four times as many train twice as long', () => {
    const of = (videos: number) =>
      settleRecipe('x2d-micro', { videos, pixels: { mean: 0.5, deviation: 0.2 } }).steps;
    expect(of(50)).toBe(2400);
    expect(of(200)).toBe(4800);
    expect((of(10_000) * 16) / 10_000).toBeLessThan(60);
  });

  it('takes pixels as the set has them, but where the user or the paper says', () => {
    const ground = { videos: 50, pixels: { mean: 0.02, deviation: 0.1 } };
    expect(settleRecipe('x2d-micro', ground)).toMatchObject({ pixelMean: 0.02, pixelDeviation: 0.1 });
    expect(settleRecipe('x2d-micro', ground, { pixelMean: 0.3 })).toMatchObject({
      pixelMean: 0.3,
      pixelDeviation: 0.1,
    });
    expect(settleRecipe('x2d', ground)).toMatchObject({ pixelMean: 0.45, pixelDeviation: 0.225 });
  });
});
