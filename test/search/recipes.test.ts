/** The recipe that a search settles on before its first round. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { candidatesIn, type SearchState } from '../../src/search/state.js';
import { trajectoryOf } from '../../src/search/trajectory.js';
import type { Recipe } from '../../src/training/recipe.js';
import { fewClasses, RUNS, randomResults, searchesBy, searchOn, seed, stuck } from './arbitraries.js';
import { configuredOn, diverged, type Ending, type Results, scored, searched } from './searching.js';

const search = (results: Results, changes: object = {}) =>
  searched(
    configuredOn(fewClasses, { base: 'x2d-micro', method: 'race', target: '4M', ...changes }),
    results,
    fewClasses,
  );
/** Results that the recipe alone decides. */
const by =
  (of: (recipe: Recipe) => Ending): Results =>
  ({ training: { work } }) =>
    of(work.recipe);

const trials = ({ rounds, candidates }: SearchState) => {
  const [round] = rounds;
  if (round?.step !== 'recipe') return [];
  return candidatesIn({ candidates }, round).map(({ change, factors, trainings }) => ({
    change,
    frames: factors.frames,
    stride: factors.stride,
    tried: trainings
      .filter(({ replicate }) => replicate === 0)
      .map(({ work }) => [work.recipe.learningRate, work.recipe.mixup]),
  }));
};

describe('any recipe that is chosen', () => {
  test('has the fields that the user gave as given', () => {
    const given = fc.record(
      {
        learningRate: fc.double({ min: 0.001, max: 0.5, noNaN: true }),
        mixup: fc.double({ min: 0, max: 1, noNaN: true }),
        momentum: fc.double({ min: 0, max: 0.99, noNaN: true }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(given, seed, (fields, of) => {
        const { state, events } = search(randomResults(of), { recipe: { steps: 1000, ...fields } });
        expect(state.recipe).toMatchObject(fields);
        for (const event of events)
          if (event.kind === 'training-proposed') {
            const { learningRate, ...others } = fields;
            expect(event.work.recipe).toMatchObject(others);
            // But where a training went astray.
            if (learningRate !== undefined)
              expect(event.work.recipe.learningRate).toBeLessThanOrEqual(learningRate);
          }
        const looksForIt = fields.learningRate === undefined || fields.mixup === undefined;
        expect(events.filter(({ kind }) => kind === 'recipe-chosen')).toHaveLength(looksForIt ? 1 : 0);
      }),
      RUNS,
    );
  });

  test('is an event, before any other round, and what every training after it uses', () => {
    fc.assert(
      fc.property(searchesBy(['race', 'compound', 'random']), (drawn) => {
        const { configuration } = drawn;
        const { events, state } = searchOn(drawn);
        const chosen = events.findIndex(({ kind }) => kind === 'recipe-chosen');
        const event = events[chosen];
        const rounds = events.findIndex((one) => one.kind === 'round-started' && one.step !== 'recipe');
        if (event?.kind !== 'recipe-chosen') {
          const given = ['learningRate', 'mixup'].every((field) => configuration.given.includes(field));
          // Where all that was tried for it failed for good, a person is asked.
          if (!given) expect([state.status.kind, rounds]).toEqual(['paused', -1]);
          return;
        }
        if (rounds >= 0) expect(chosen).toBeLessThan(rounds);
        expect(event.changed).toEqual(
          (['learningRate', 'mixup'] as const).filter(
            (field) => event.recipe[field] !== configuration.recipe[field],
          ),
        );
        expect({ ...event.recipe, learningRate: 0, mixup: 0 }).toEqual({
          ...configuration.recipe,
          learningRate: 0,
          mixup: 0,
        });
        for (const one of events.slice(chosen))
          if (one.kind === 'training-proposed') {
            expect(one.work.recipe.mixup).toBe(event.recipe.mixup);
            expect([1, 1 / 3]).toContainEqual(
              expect.closeTo(one.work.recipe.learningRate / event.recipe.learningRate, 9),
            );
          }
      }),
      RUNS,
    );
  });
});

describe('the recipe', () => {
  test('is tried on the base and on a network of a few frames, at two rates, then without mixup', () => {
    const { state } = search(() => scored(0.5, 1));
    expect(trials(state)).toEqual(
      [1, 4].map((frames) => ({
        change: frames === 1 ? 'the base' : 'the base with 4 frames',
        frames,
        stride: frames === 1 ? 75 : 19,
        tried: [
          [0.1, 0.2],
          [0.033, 0.2],
          [0.1, 0],
        ],
      })),
    );
  });

  test('stays the default where nothing is clearly better', () => {
    const { state } = search(by(({ learningRate }) => scored(0.5, learningRate < 0.1 ? 0.99 : 1)));
    expect(state.recipe).toEqual(state.configuration.recipe);
    expect(state.recipeChoice).toMatchObject({
      changed: [],
      reason: 'no other setting was clearly better than the default',
    });
  });

  test.each([
    ['learned nothing', stuck],
    ['was no number', diverged],
  ])('has a lower rate where the loss at the default %s', (_, ending) => {
    const { state } = search(by(({ learningRate }) => (learningRate < 0.1 ? scored(0.5, 1) : ending)));
    expect(state.recipe).toMatchObject({ learningRate: 0.033, mixup: 0.2 });
    expect(state.recipeChoice?.changed).toEqual(['learningRate']);
    for (const { tried } of trials(state)) expect(tried).toContainEqual([0.033, 0]);
    expect(trajectoryOf(state)).toMatchObject({
      recipe: { learningRate: 0.033 },
      recipeChoice: { round: 1, changed: ['learningRate'] },
    });
  });

  test('does without mixup where that is clearly better, and says by how much', () => {
    const { state } = search(by(({ mixup }) => scored(0.5, mixup === 0 ? 0.5 : 1)));
    expect(state.recipe).toMatchObject({ learningRate: 0.1, mixup: 0 });
    expect(state.recipeChoice?.reason).toMatch(/^validation loss 0\.50 ± 0\.\d\d lower over 2 networks$/);
  });

  test('is not looked for in fields that are given', () => {
    const rates = search(() => scored(0.5, 1), { recipe: { mixup: 0.4 } }).state;
    for (const { tried } of trials(rates))
      expect(tried).toEqual([
        [0.1, 0.4],
        [0.033, 0.4],
      ]);
    const mixups = search(() => scored(0.5, 1), { recipe: { learningRate: 0.02 } }).state;
    for (const { tried } of trials(mixups))
      expect(tried).toEqual([
        [0.02, 0.2],
        [0.02, 0],
      ]);
  });

  test("does not favour the network that it was tried on: its trials at another rate don't count", () => {
    const { state } = search(({ factors, training: { work } }) => {
      if (work.recipe.mixup === 0) return scored(0.3, 1.4);
      // Goes on to four frames, where the lower rate was luckier, though not clearly on both networks.
      if (factors.frames === 2 && factors.stride === 38) return scored(0.9, 0.4);
      return scored(0.5, factors.frames === 4 && work.recipe.learningRate < 0.1 ? 0.88 : 1);
    });
    expect(state.recipe.learningRate).toBe(0.1);
    const [, grown] = trials(state);
    const { rounds } = trajectoryOf(state);
    const again = rounds
      .slice(1)
      .flatMap(({ candidates }) => candidates)
      .find(({ factors }) => factors.frames === 4 && factors.stride === grown?.stride);
    expect(again?.trainings.map(({ learningRate }) => learningRate)).toContain(0.033);
    expect(again?.estimates?.loss.mean).toBeCloseTo(1, 6);
  });

  test("is the paper's own for its method", () => {
    const { state } = search(() => scored(0.5, 1), { method: 'paper' });
    expect(state.recipeChoice).toBeUndefined();
    expect(state.recipe).toEqual(state.configuration.recipe);
  });
});
