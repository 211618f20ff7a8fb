/** What users write, made whole: defaults, amounts, and errors that name the field. */
import { describe, expect, test } from 'vitest';
import { BASES, describeNetwork, MODELS } from '../../src/network/index.js';
import {
  type Ground,
  parseAmount,
  parseBudget,
  resolveConfiguration,
  SearchConfiguration,
} from '../../src/search/configuration.js';
import { microBatchWithin } from '../../src/training/memory.js';
import { RECIPES } from '../../src/training/recipe.js';
import { tableOfBase } from '../flops/tables.js';

const least = { data: { path: '/videos' }, target: '2M' };
const messageOf = (input: unknown) => {
  try {
    resolveConfiguration(input);
  } catch (error) {
    return (error as Error).message;
  }
  return 'taken';
};

describe('an amount', () => {
  test.each([
    [600_000_000, 600_000_000],
    ['600M', 600_000_000],
    ['0.6G', 600_000_000],
    ['1.5g', 1_500_000_000],
    [' 20 K ', 20_000],
    ['1T', 1e12],
    ['2.5P', 2.5e15],
    ['1e', 1e18],
    ['6e8', 600_000_000],
    [1e21, 1e21],
  ])('of %j is %d', (amount, value) => {
    expect(parseAmount(amount, 'target')).toBe(value);
  });

  test.each([
    0,
    -1,
    '0',
    '-5M',
    '',
    'M',
    '2 million',
    '1,5G',
    '0x10',
    'Infinity',
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ])('of %j is none', (amount) => {
    expect(() => parseAmount(amount, 'target')).toThrow(
      'target: expected a number above zero, or one with K, M, G, T or P, like "600M", got',
    );
  });
});

describe('a configuration', () => {
  test('needs data and a target, and has defaults for the rest', () => {
    expect(resolveConfiguration(least)).toEqual({
      data: { path: '/videos' },
      method: 'race',
      onFailure: 'pause',
      target: 2_000_000,
      base: 'x2d-micro',
      criterion: 'accuracy',
      complexity: 'multiplyAdds',
      stepRule: 'at-most-double',
      seed: 0,
      finalOn: 'train-and-validation',
      recipe: RECIPES['x2d-micro'],
      given: [],
      clip: 75,
    });
  });

  test("takes its base's recipe, with what is changed in it", () => {
    const { recipe, given } = resolveConfiguration({ ...least, base: 'x2d', recipe: { momentum: 0.8 } });
    expect(recipe).toEqual({ ...RECIPES.x2d, momentum: 0.8 });
    expect(given).toEqual(['momentum']);
  });

  test('of method paper starts from the published clip, and ends on the training part alone', () => {
    expect(resolveConfiguration({ ...least, method: 'paper' })).toMatchObject({
      clip: 16,
      finalOn: 'train',
    });
    expect(resolveConfiguration({ ...least, method: 'paper', base: 'x2d' }).clip).toBe(32);
  });

  test('of a target in time counts latency in milliseconds, by the table', () => {
    const deviceTable = tableOfBase('x2d-micro');
    for (const [target, complexity] of [['20ms'], ['0.02 s'], [20, 'latency']] as const)
      expect(
        resolveConfiguration({
          ...least,
          target,
          deviceTable: { ...deviceTable, checks: [] },
          ...(complexity ? { complexity } : {}),
        }),
      ).toMatchObject({ target: 20, complexity: 'latency', deviceTable });
  });

  test.each([
    [undefined, 'the configuration: expected object, got nothing.'],
    [{}, 'data: expected a value, got nothing.'],
    [{ ...least, data: {} }, 'data.path: expected a value, got nothing.'],
    [{ ...least, data: { path: '' } }, 'data.path: expected at least 1 characters, got "".'],
    [{ ...least, goal: 1 }, 'goal: expected no such field, got 1.'],
    [
      { ...least, data: { path: 'x', shares: { train: 1 } } },
      'data.shares.validation: expected a value, got nothing.',
    ],
    [{ ...least, criterion: 'top1' }, 'criterion: expected one of "accuracy", "top5", "loss", got "top1".'],
    [
      { ...least, complexity: 'flops' },
      'complexity: expected one of "multiplyAdds", "parameters", "activationBytes", "latency", got "flops".',
    ],
    [
      { ...least, stepRule: 'double' },
      'stepRule: expected one of "at-most-double", "nominal", got "double".',
    ],
    [{ ...least, seed: 1.5 }, 'seed: expected integer, got 1.5.'],
    [{ ...least, recipe: { epochs: 0 } }, 'recipe.epochs: expected >= 1, got 0.'],
    [{ ...least, recipe: { epochs: 1e6 } }, 'recipe.epochs: expected <= 100000, got 1000000.'],
    [
      { ...least, memory: 3e17, recipe: { batchSize: 1_000_000_000_039 } },
      'memory: expected <= 1000000000000000, got 300000000000000000.',
    ],
    [
      { ...least, recipe: { batchSize: 1_000_000_000_039 } },
      'recipe.batchSize: expected <= 65536, got 1000000000039.',
    ],
    [
      { ...least, target: '20ms' },
      "deviceTable: expected a table of the device's latencies, got nothing. Measure one on the device with `x3d-search benchmark --table FILE`; `run` takes it as --device-table FILE.",
    ],
    [
      { ...least, target: '20min', complexity: 'latency' },
      'target: expected milliseconds, as a number or like "20ms", up to an hour, got "20min".',
    ],
    [
      // No unit, though it ends in that of seconds.
      { ...least, target: 'lots' },
      'target: expected a number above zero, or one with K, M, G, T or P, like "600M", got "lots".',
    ],
    [
      { ...least, target: '20ms', complexity: 'parameters' },
      'target: expected a number above zero, or one with K, M, G, T or P, like "600M", got "20ms".',
    ],
    [
      { ...least, target: '20ms', base: 'x2d', deviceTable: tableOfBase('x2d-micro') },
      'deviceTable.base: expected the base of the search, x2d, got "x2d-micro".',
    ],
    [
      { ...least, deviceTable: tableOfBase('x2d-micro') },
      'deviceTable: expected none, where the target counts no latency, got one beside multiplyAdds.',
    ],
    [{ ...least, target: '11T' }, 'target: expected at most 1T, got "11T".'],
    [{ ...least, target: 1e21 }, 'target: expected at most 1T, got 1e+21.'],
    [{ ...least, seed: 1e17 }, 'seed: expected <= 2147483648, got 100000000000000000.'],
    [
      { ...least, method: 'asha' },
      'method: expected one of "race", "paper", "compound", "random", got "asha".',
    ],
    [
      { ...least, budget: 'much' },
      'budget: expected a number above zero, or one with K, M, G, T or P, like "600M", got "much".',
    ],
    [
      { ...least, budget: '0h' },
      'budget: expected a number above zero, or one with K, M, G, T or P, like "600M", got "0h".',
    ],
  ])('of %j is refused', (input, message) => {
    expect(messageOf(input)).toBe(message);
  });
});

describe('whatever is accepted', () => {
  const bounds = (schema: unknown): { minimum?: number; maximum?: number; exclusiveMaximum?: number } =>
    schema as object;

  test('has a bound above for each of its numbers', () => {
    const open: string[] = [];
    const look = (schema: unknown, at: string): void => {
      if (typeof schema !== 'object' || schema === null) return;
      const { type, properties, anyOf } = schema as { type?: string; properties?: object; anyOf?: unknown[] };
      const { maximum, exclusiveMaximum } = bounds(schema);
      if ((type === 'number' || type === 'integer') && (maximum ?? exclusiveMaximum) === undefined)
        open.push(at);
      for (const [key, inner] of Object.entries(properties ?? {})) look(inner, `${at}.${key}`);
      for (const inner of anyOf ?? []) look(inner, at);
    };
    look(SearchConfiguration, 'configuration');
    expect(open).toEqual([]);
  });

  test.each([1, 1e9, 1e11, 1e15])(
    'of its training the parts are known in milliseconds: %d bytes',
    (memory) => {
      const { recipe } = resolveConfiguration({ ...least, recipe: { batchSize: 65_521 } });
      const network = describeNetwork(BASES.x2d, MODELS.XL);
      const start = performance.now();
      microBatchWithin(network, recipe, memory);
      // A number as large as no schema lets in does not hold it up either.
      microBatchWithin(network, { batchSize: 1_000_000_000_039 }, memory);
      expect(performance.now() - start).toBeLessThan(250);
    },
  );
});

describe('a budget', () => {
  test.each([
    ['5T', { unit: 'multiply-adds', amount: 5e12 }],
    [' 1.5 h ', { unit: 'hours', amount: 1.5 }],
    ['90min', { unit: 'hours', amount: 1.5 }],
    ['90 MIN', { unit: 'hours', amount: 1.5 }],
  ])('of %j', (text, budget) => {
    expect(parseBudget(text)).toEqual(budget);
  });
});

describe('what follows from the videos', () => {
  const ground: Ground = {
    videos: 50,
    pixels: { mean: 0.4, deviation: 0.2 },
    rate: 25,
    maxSpan: 60,
    tested: true,
  };
  const on = (changes: Partial<Ground>, input: object = {}) =>
    resolveConfiguration({ ...least, ...input }, { ...ground, ...changes });

  test('is the first clip: as long as they are, and two and a half seconds of long ones', () => {
    expect(on({ rate: 25, maxSpan: 1000 }).clip).toBe(63);
    expect(on({ rate: 50, maxSpan: 1000 }).clip).toBe(125);
    expect(on({ rate: 50, maxSpan: 40 }).clip).toBe(40);
    expect(on({ rate: 5, maxSpan: 0 }).clip).toBe(1);
  });

  test('is the length of the schedule, in steps: four times the videos, twice the steps', () => {
    const stepsOn = (videos: number) => on({ videos }).recipe.steps;
    expect(stepsOn(50)).toBe(2400);
    expect(stepsOn(200)).toBe(2 * stepsOn(50));
    expect(stepsOn(800)).toBe(4 * stepsOn(50));
  });

  test('is the same in epochs where those are given: one clip of every video', () => {
    const { recipe, given } = on({ videos: 100 }, { recipe: { epochs: 8, batchSize: 20 } });
    expect(recipe).toMatchObject({ steps: 40, batchSize: 20 });
    expect(recipe).not.toHaveProperty('epochs');
    expect(given).toEqual(['epochs', 'batchSize']);
  });

  test("is what pixels are normalised by, but for x2d, which has the paper's", () => {
    expect(on({}).recipe).toMatchObject({ pixelMean: 0.4, pixelDeviation: 0.2 });
    expect(on({}, { base: 'x2d' }).recipe).toMatchObject({ pixelMean: 0.45, pixelDeviation: 0.225 });
    expect(on({}, { recipe: { pixelMean: 0.5 } }).recipe).toMatchObject({
      pixelMean: 0.5,
      pixelDeviation: 0.2,
    });
  });

  test('is what the network found is trained on: validation videos too, where others test', () => {
    expect(on({ tested: true }).finalOn).toBe('train-and-validation');
    expect(on({ tested: false }).finalOn).toBe('train');
    expect(on({ tested: true }, { finalOn: 'train' }).finalOn).toBe('train');
  });
});
