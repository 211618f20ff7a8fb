import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RECIPES, searchRecipe } from '../../src/training/recipe.js';
import { learningRateAt, trainingSteps } from '../../src/training/schedule.js';

const recipe = { learningRate: 0.1, batchSize: 16, warmup: 0.1 };

describe('the learning rate', () => {
  it('rises linearly over the warm-up and falls along half a cosine to almost nothing', () => {
    const rates = Array.from({ length: 100 }, (_, step) => learningRateAt(recipe, step, 100));
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
        const scaled = learningRateAt({ ...recipe, batchSize }, step, 100);
        expect(scaled).toBeCloseTo((learningRateAt(recipe, step, 100) * batchSize) / 16, 9);
      }),
    );
  });

  it('starts at its peak without a warm-up', () => {
    expect(learningRateAt({ ...recipe, warmup: 0 }, 0, 10)).toBe(0.1);
  });
});

describe('the schedule', () => {
  it('counts an epoch as one clip of every video', () => {
    expect(trainingSteps({ epochs: 256, batchSize: 16 }, 50)).toBe(800);
  });

  it('has a step even where the set is smaller than a batch', () => {
    expect(trainingSteps({ epochs: 1, batchSize: 64 }, 3)).toBe(1);
  });

  it('is half as many epochs of twice the batch in the search', () => {
    const { epochs, batchSize, ...rest } = searchRecipe(RECIPES['x2d-micro']);
    const { epochs: fullEpochs, batchSize: fullBatch, ...fullRest } = RECIPES['x2d-micro'];
    expect(epochs).toBe(fullEpochs / 2);
    expect(batchSize).toBe(2 * fullBatch);
    expect(rest).toEqual(fullRest);
  });
});
