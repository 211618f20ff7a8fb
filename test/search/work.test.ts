/** What makes two trainings the same, so that the second is not made, and what a search asks of each. */
import { describe, expect, test } from 'vitest';
import { BASES } from '../../src/network/index.js';
import type { DatasetSummary } from '../../src/search/events.js';
import { finalVariant, networkId, replicateOf, workOf } from '../../src/search/work.js';
import { trainingId } from '../../src/training/identity.js';
import { halfSchedule } from '../../src/training/recipe.js';
import type { Work } from '../../src/training/training.js';
import { configured, dataset } from './searching.js';

const { factors } = BASES.x2d;
const candidate = (changes: object = {}, data: DatasetSummary = dataset, replicate = 0): Work => {
  const configuration = configured(changes);
  const setting = { configuration, dataset: data };
  return workOf(setting, factors, replicateOf(setting, replicate, configuration.recipe));
};
const final = (changes: object = {}, data: DatasetSummary = dataset, attempt = 0): Work => {
  const configuration = configured(changes);
  const setting = { configuration, dataset: data };
  return workOf(setting, factors, finalVariant(setting, configuration.recipe, attempt));
};
const idOf = (work: Work, fingerprint = 'f00d') => trainingId(work, fingerprint);

describe("a training's id", () => {
  test('is of a form that the queue takes', () => {
    expect(idOf(candidate())).toMatch(/^c[0-9a-f]{24}$/);
  });

  test.each([
    ['where the videos lie', { data: { path: '/elsewhere', root: '/clips' } }],
    ['how the videos were divided', { data: { path: '/videos', splitSeed: 1 } }],
    ['how the search is named', { name: 'another' }],
    ['the target', { target: '5G' }],
    ['what decides a round', { criterion: 'loss' }],
    ['what a search may spend', { budget: '5T' }],
    ['a default that is written out', { seed: 0, data: { path: '/videos', flip: true } }],
  ])('does not depend on %s', (_, changes) => {
    expect(idOf(candidate(changes))).toBe(idOf(candidate()));
  });

  test.each([
    ['the seed', { seed: 1 }],
    ['any part of the recipe', { recipe: { momentum: 0.8 } }],
    ['whether clips are flipped', { data: { path: '/videos', flip: false } }],
    ['the base', { base: 'x2d-micro' }],
    ['memory that takes batches in parts', { memory: 7.5e8 }],
  ])('depends on %s', (_, changes) => {
    expect(idOf(candidate(changes))).not.toBe(idOf(candidate()));
  });

  test('depends on every part of the work that decides its result, and on the videos', () => {
    const work = candidate();
    const ancestor = { weights: `w${'0'.repeat(24)}`, rate: 0.1, frozen: 0 };
    const others: Work[] = [
      { ...work, factors: { ...factors, stride: 16 } },
      { ...work, division: { kind: 'fold', fold: 1, of: 3 } },
      { ...work, division: { kind: 'joined' } },
      { ...work, evaluations: ['validation', 'test'] },
      { ...work, microBatch: 1 },
      { ...work, base: { ...work.base, classes: 2 } },
      { ...work, ancestor },
      { ...work, ancestor: { ...ancestor, weights: `w${'1'.repeat(24)}` } },
      { ...work, ancestor: { ...ancestor, rate: 1 } },
      { ...work, ancestor: { ...ancestor, frozen: 1 } },
    ];
    const ids = [work, ...others].map((one) => idOf(one));
    expect(new Set([...ids, idOf(work, 'beef')]).size).toBe(ids.length + 1);
  });

  test('does not depend on what only a search uses, the grid', () => {
    const work = candidate();
    const { base } = work;
    const coarse = { ...base, grid: { ...base.grid, crop: 2 * base.grid.crop } };
    expect(idOf({ ...work, base: coarse })).toBe(idOf(work));
  });
});

describe('a search that starts from weights', () => {
  test('has every training start from them, and no other search any', () => {
    const weights = `w${'0'.repeat(24)}`;
    const configuration = { ...configured({}), from: { named: 's1', weights } };
    const setting = { configuration, dataset };
    const { recipe } = configuration;
    for (const variant of [replicateOf(setting, 0, recipe), finalVariant(setting, recipe, 0)])
      expect(workOf(setting, factors, variant).ancestor).toEqual({ weights, rate: 1, frozen: 0 });
    expect(candidate()).not.toHaveProperty('ancestor');
  });
});

describe("a network's id", () => {
  test('is that of its factors, in whatever order they stand', () => {
    const { frames, ...rest } = factors;
    expect(networkId({ ...rest, frames })).toBe(networkId(factors));
    for (const key of Object.keys(factors))
      expect(networkId({ ...factors, [key]: 3 }), key).not.toBe(networkId(factors));
  });
});

describe('what is asked of a training', () => {
  test('of a candidate is the validation part, by another seed for each replicate', () => {
    expect(candidate({ seed: 7 })).toMatchObject({
      seed: 7,
      evaluations: ['validation'],
      division: { kind: 'fold', fold: 0, of: 1 },
    });
    expect([0, 1, 2].map((replicate) => candidate({ seed: 7 }, dataset, replicate).seed)).toEqual([7, 8, 9]);
  });

  test('of a set with folds, by another fold for each replicate until all had their turn', () => {
    const folded = { ...dataset, folds: 3 };
    const divisions = [0, 1, 2, 3].map((replicate) => candidate({}, folded, replicate).division);
    expect(divisions).toEqual([
      { kind: 'fold', fold: 0, of: 1 },
      { kind: 'fold', fold: 1, of: 3 },
      { kind: 'fold', fold: 2, of: 3 },
      { kind: 'fold', fold: 0, of: 1 },
    ]);
  });

  test('of the network found is all there is, on what the configuration says', () => {
    expect(final()).toMatchObject({
      evaluations: ['validation', 'test', 'test-left-center-right'],
      division: { kind: 'fold', fold: 0, of: 1 },
      recipe: configured().recipe,
    });
    expect(final({ finalOn: 'train-and-validation' }).division).toEqual({ kind: 'joined' });
    expect(final({}, dataset, 2).seed).toBe(2);
  });

  test('has as many classes as the data', () => {
    expect(candidate({}, { ...dataset, classes: ['a', 'b', 'c'] }).base.classes).toBe(3);
  });

  test('takes batches in parts that the memory allows', () => {
    const { microBatch, recipe } = candidate({ memory: 7.5e8 });
    expect(microBatch).toBeLessThan(recipe.batchSize);
    expect(recipe.batchSize % microBatch).toBe(0);
  });
});

describe("the published schedule's half", () => {
  test('is a quarter of the steps at twice the batch', () => {
    const { recipe } = configured({ recipe: { steps: 31, batchSize: 8 } });
    expect(halfSchedule(recipe)).toEqual({ ...recipe, steps: 8, batchSize: 16 });
    expect(halfSchedule({ ...recipe, steps: 1 }).steps).toBe(1);
  });
});
