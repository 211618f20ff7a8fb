/** Searches of every method on results that a seed makes up, for laws. */
import fc from 'fast-check';
import { METHOD_NAMES, type MethodName, type SearchConfiguration } from '../../src/search/configuration.js';
import type { DatasetSummary } from '../../src/search/events.js';
import { networkId } from '../../src/search/work.js';
import type { Outcome } from '../../src/training/training.js';
import { configuredOn, dataset, diverged, type Results, scored, searched } from './searching.js';

export const seed = fc.integer({ min: 0, max: 2 ** 31 });

/** A number from 0 to 1 that depends on all that is given and on nothing else. */
export const draw = (...keys: readonly (number | string)[]) => {
  let hash = 2166136261;
  for (const character of keys.join('/')) hash = Math.imul(hash ^ character.charCodeAt(0), 16777619);
  // The last characters have to reach the high bits too.
  hash = Math.imul(hash ^ (hash >>> 15), 2246822507);
  hash = Math.imul(hash ^ (hash >>> 13), 3266489909);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
};

/** Of standard normals, by Box and Muller. */
export const drawNormal = (...keys: readonly (number | string)[]) =>
  Math.sqrt(-2 * Math.log(1 - draw('radius', ...keys))) * Math.cos(2 * Math.PI * draw('angle', ...keys));

/** Six classes, at whose loss of guessing a training has learned nothing. */
export const fewClasses: DatasetSummary = {
  ...dataset,
  classes: Array.from({ length: 6 }, (_, label) => `class ${label}`),
  chance: { accuracy: 1 / 6, loss: Math.log(6) },
};

/** What a training that learned nothing comes to on six classes. */
export const stuck: Outcome = scored(0.15, Math.log(6));
/** One whose loss was low, and jumped. */
export const jumped: Outcome = { ...scored(0.5, 1, 1.5), lowestLoss: 0.5 };

/**
 * Accuracies of 20 videos, so that ties are common, and losses on steps of an eighth; each network has its own worth,
 * each training its luck. Every twelfth training fails, as many learn nothing, and as many jump at the end.
 */
export const randomResults =
  (of: number): Results =>
  ({ training: { id }, factors }) => {
    const fate = Math.floor(12 * draw(of, 'fate', id));
    if (fate === 0) return diverged;
    if (fate === 1) return stuck;
    if (fate === 2) return jumped;
    const worth = (draw(of, 'worth', networkId(factors)) + draw(of, 'luck', id)) / 2;
    return scored(Math.floor(20 * worth) / 20, Math.round(8 * (1.6 - 1.5 * worth)) / 8);
  };

const BASE_COSTS = { x2d: 20.7e6, 'x2d-micro': 0.9e6 } as const;

/** A search, and what its results are made up from. */
export interface Drawn {
  readonly of: number;
  readonly configuration: SearchConfiguration;
  readonly data: DatasetSummary;
}

/** Of methods, on sets with and without folds. */
export const searchesBy = (methods: readonly MethodName[] = METHOD_NAMES): fc.Arbitrary<Drawn> =>
  fc
    .record({
      of: seed,
      method: fc.constantFrom(...methods),
      base: fc.constantFrom('x2d' as const, 'x2d-micro' as const),
      times: fc.double({ min: 1, max: 30, noNaN: true }),
      criterion: fc.constantFrom('accuracy', 'loss'),
      stepRule: fc.constantFrom('at-most-double', 'nominal'),
      finalOn: fc.constantFrom('train', 'train-and-validation'),
      given: fc.constantFrom({}, { learningRate: 0.1, mixup: 0 }),
      limits: fc.record({
        maxSpan: fc.integer({ min: 1, max: 100 }),
        maxCrop: fc.integer({ min: 112, max: 200 }),
      }),
      folds: fc.integer({ min: 1, max: 5 }),
    })
    .map(({ of, base, times, given, limits, folds, ...rest }) => {
      const input = { ...rest, base, target: Math.ceil(times * BASE_COSTS[base]) };
      const data = { ...fewClasses, limits, folds };
      return { of, data, configuration: configuredOn(data, { ...input, recipe: { steps: 1000, ...given } }) };
    });

const done = new Map<string, ReturnType<typeof searched>>();

/** The search on random results. Laws see the same cases: each of them is searched once. */
export function searchOn({ of, configuration, data }: Drawn): ReturnType<typeof searched> {
  const key = JSON.stringify([of, configuration, data]);
  const known = done.get(key) ?? searched(configuration, randomResults(of), data);
  done.set(key, known);
  return known;
}

/** Whole searches: fewer than usual, unless more were asked for. */
export const RUNS = { numRuns: Math.max(30, Number(process.env.X3D_PROPERTY_RUNS ?? 0)) };
