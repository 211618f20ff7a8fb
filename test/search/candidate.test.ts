/** What makes two trainings the same, so that the second is not made. */
import { describe, expect, test } from 'vitest';
import { BASES } from '../../src/network/index.js';
import { candidateId, workOf } from '../../src/search/candidate.js';
import { configured, dataset } from './searching.js';

const { factors } = BASES.x2d;
const idOf = (
  changes: object = {},
  { purpose = 'candidate' as const, fingerprint = 'f00d', at = factors } = {},
) => candidateId(workOf(configured(changes), dataset, at, purpose), fingerprint);

describe("a candidate's id", () => {
  test('is of a form that the queue takes', () => {
    expect(idOf()).toMatch(/^c[0-9a-f]{24}$/);
  });

  test.each([
    ['where the videos lie', { data: { path: '/elsewhere' } }],
    ['how the search is named', { name: 'another' }],
    ['the target', { target: '5G' }],
    ['what decides a round', { criterion: 'loss' }],
    ['a default that is written out', { seed: 0, data: { path: '/videos', flip: true } }],
  ])('does not depend on %s', (_, changes) => {
    expect(idOf(changes)).toBe(idOf());
  });

  test.each([
    ['the seed', { seed: 1 }],
    ['any part of the recipe', { recipe: { momentum: 0.8 } }],
    ['whether clips are flipped', { data: { path: '/videos', flip: false } }],
    ['the base', { base: 'x2d-micro' }],
  ])('depends on %s', (_, changes) => {
    expect(idOf(changes)).not.toBe(idOf());
  });

  test('depends on the factors, the videos, the classes, and whether it is the final training', () => {
    const others = [
      idOf({}, { at: { ...factors, stride: 16 } }),
      idOf({}, { fingerprint: 'beef' }),
      idOf({}, { purpose: 'final' as 'candidate' }),
      candidateId(workOf(configured(), { ...dataset, classes: ['a', 'b'] }, factors, 'candidate'), 'f00d'),
    ];
    expect(new Set([idOf(), ...others]).size).toBe(5);
  });
});

describe('the training of a candidate', () => {
  test('takes half the schedule and twice the batch in the search, and all of it at the end', () => {
    const recipe = { epochs: 31, batchSize: 8 };
    expect(workOf(configured({ recipe }), dataset, factors, 'candidate').recipe).toMatchObject({
      epochs: 16,
      batchSize: 16,
    });
    expect(workOf(configured({ recipe }), dataset, factors, 'final').recipe).toMatchObject(recipe);
  });

  test('has as many classes as the data', () => {
    expect(
      workOf(configured(), { ...dataset, classes: ['a', 'b', 'c'] }, factors, 'candidate').base.classes,
    ).toBe(3);
  });
});
