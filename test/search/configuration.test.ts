/** What users write, made whole: defaults, amounts, and errors that name the field. */
import { describe, expect, test } from 'vitest';
import { BASES, describeNetwork, MODELS } from '../../src/network/index.js';
import { parseAmount, resolveConfiguration, SearchConfiguration } from '../../src/search/configuration.js';
import { microBatchWithin } from '../../src/training/memory.js';
import { RECIPES } from '../../src/training/recipe.js';

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
      'target: expected a number above zero, or one with K, M, G or T, like "600M", got',
    );
  });
});

describe('a configuration', () => {
  test('needs data and a target, and has defaults for the rest', () => {
    expect(resolveConfiguration(least)).toEqual({
      data: { path: '/videos' },
      target: 2_000_000,
      base: 'x2d-micro',
      criterion: 'accuracy',
      complexity: 'multiplyAdds',
      stepRule: 'at-most-double',
      seed: 0,
      recipe: RECIPES['x2d-micro'],
    });
  });

  test("takes its base's recipe, with what is changed in it", () => {
    const { recipe } = resolveConfiguration({ ...least, base: 'x2d', recipe: { epochs: 3 } });
    expect(recipe).toEqual({ ...RECIPES.x2d, epochs: 3 });
  });

  test('that is resolved once more stays as it is', () => {
    const once = resolveConfiguration({ ...least, name: 'shapes', memory: 1e9 });
    expect(resolveConfiguration(once)).toEqual(once);
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
    [{ ...least, criterion: 'top1' }, 'criterion: expected one of "accuracy", "loss", got "top1".'],
    [
      { ...least, complexity: 'flops' },
      'complexity: expected one of "multiplyAdds", "parameters", "activationBytes", got "flops".',
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
    [{ ...least, target: '11T' }, 'target: expected at most 1T, got "11T".'],
    [{ ...least, target: 1e21 }, 'target: expected at most 1T, got 1e+21.'],
    [{ ...least, seed: 1e17 }, 'seed: expected <= 9007199254740991, got 100000000000000000.'],
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
