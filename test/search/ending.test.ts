/** Which network a search ends on, and what becomes of its training in full. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CandidateState, finalOutcome, type SearchState } from '../../src/search/state.js';
import { trajectoryOf } from '../../src/search/trajectory.js';
import { networkId } from '../../src/search/work.js';
import { draw, drawNormal, fewClasses, RUNS, searchesBy, stuck } from './arbitraries.js';
import { configuredOn, diverged, type Ending, type Results, scored, searched } from './searching.js';

/** Of each training's loss, which is what the prior says of twenty videos as well. */
const NOISE = 0.1;

/** Each network has a true loss; its trainings have theirs with a noise, and accuracies to go with it. */
const noisyResults =
  (of: number): Results =>
  ({ training: { id }, factors }) => {
    const truth = 0.4 + draw(of, 'worth', networkId(factors));
    const loss = Math.max(0.05, truth + NOISE * drawNormal(of, 'luck', id));
    const accuracy = Math.min(1, Math.max(0, 1.1 - 0.6 * loss + 0.05 * drawNormal(of, 'videos', id)));
    return scored(Math.round(20 * accuracy) / 20, loss, Math.min(loss, 1.6));
  };

/** The trainings that count, by the rate and the mixup that the search settled on. */
function figuresOf({ recipe }: SearchState, { trainings }: CandidateState) {
  const scores = trainings.flatMap(({ work, progress }) => {
    const { learningRate, mixup } = work.recipe;
    if (learningRate !== recipe.learningRate || mixup !== recipe.mixup) return [];
    return progress.kind === 'finished' ? (progress.outcome.evaluations.validation?.metrics ?? []) : [];
  });
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  return {
    count: scores.length,
    loss: mean(scores.map(({ loss }) => loss)),
    accuracy: mean(scores.map(({ accuracy }) => accuracy)),
  };
}

describe('no search that races', () => {
  test('ends on a network that is clearly worse than one that it had trained within the target', () => {
    fc.assert(
      fc.property(
        searchesBy(['race', 'compound', 'random']),
        fc.integer({ min: 0, max: 2 ** 31 }),
        ({ configuration, data }, of) => {
          const { state } = searched(configuration, noisyResults(of), data);
          const found = state.candidates.find(({ id }) => id === state.final?.candidate);
          if (!found) {
            expect(state.candidates).toEqual([]);
            return;
          }
          const own = figuresOf(state, found);
          for (const candidate of state.candidates) {
            const other = figuresOf(state, candidate);
            if (other.count === 0 || candidate.cost.multiplyAdds > configuration.target) continue;
            const error = NOISE * Math.sqrt(1 / own.count + 1 / other.count);
            const clearly = own.loss - other.loss > 4 * error && other.accuracy >= own.accuracy;
            expect(clearly, `${candidate.id} beats ${found.id}`).toBe(false);
          }
        },
      ),
      RUNS,
    );
  });
});

const GIVEN = { steps: 1000, learningRate: 0.1, mixup: 0 };
const raced = (results: Results, changes: object = {}, data = fewClasses) =>
  searched(
    configuredOn(data, { base: 'x2d-micro', method: 'race', target: '3M', recipe: GIVEN, ...changes }),
    results,
    data,
  ).state;

describe('the network found', () => {
  test('is an early one where the rounds after it came to nothing better', () => {
    const state = raced(({ round, axes }) =>
      round === 1 && axes[0] === 's' ? scored(0.95, 0.15) : scored(0.3, 1.4),
    );
    expect(state.rounds.length).toBeGreaterThan(1);
    expect(state.final?.candidate).toBe(state.rounds[0]?.winner?.candidate);
    expect(state.final?.reason).toMatch(/^of all networks within the target the best by /);
  });

  test('is the last winner where another is ahead by no more than chance', () => {
    const state = raced(({ round, axes }) =>
      round === 1 ? (axes[0] === 's' ? scored(0.5, 0.9) : scored(0.1, 1.6)) : scored(0.5, 0.95),
    );
    const last = state.rounds.at(-1)?.winner?.candidate;
    expect(last).not.toBe(state.rounds[0]?.winner?.candidate);
    expect(state.final?.candidate).toBe(last);
    expect(state.final?.reason).toBe(
      'the last winner; one network within the target is ahead by loss, but not beyond chance',
    );
  });

  test('may have been trained when trainings were shorter', () => {
    // From the second round on nothing is learned in the time that the first took.
    const state = raced(({ round, axes, training: { work } }) => {
      if (round === 1) return axes[0] === 's' ? scored(0.95, 0.15) : scored(0.3, 1.4);
      return work.recipe.steps < 500 ? stuck : scored(0.3, 1.4);
    });
    expect(state.lengthened?.steps).toBe(500);
    expect(state.final?.candidate).toBe(state.rounds[0]?.winner?.candidate);
    // Its round still says what it was decided by.
    for (const { estimates } of trajectoryOf(state).rounds[0]?.candidates ?? [])
      expect(estimates).toBeDefined();
  });
});

describe('its training in full', () => {
  const ending = (endings: readonly Ending[], changes: object = {}) =>
    raced(({ round, axes, training: { replicate } }) => {
      if (round > 0) return axes[0] === 's' ? scored(0.9, 0.4) : scored(0.3, 1.4);
      return endings[Math.min(replicate, endings.length - 1)] as Ending;
    }, changes);
  /** As where validation videos are trained on: they judge nothing. */
  const joined = (trainingLoss: number): Ending => {
    const { evaluations, ...rest } = scored(0.8, 0.5, trainingLoss);
    return { ...rest, evaluations: evaluations.validation ? { test: evaluations.validation } : {} };
  };
  const seedsOf = (state: SearchState) => state.final?.trainings.map(({ work }) => work.seed);

  test('is one where it comes out as its candidate did', () => {
    const state = ending([scored(0.85, 0.5)], { finalOn: 'train' });
    expect(seedsOf(state)).toEqual([0]);
    expect(finalOutcome(state)).toEqual(scored(0.85, 0.5));
    expect(state.final?.trainings[0]?.work.recipe).toEqual(state.recipe);
  });

  test('is made again, with another seed, where it comes out clearly worse', () => {
    const state = ending([scored(0.4, 1.3), scored(0.85, 0.5)], { finalOn: 'train' });
    expect(seedsOf(state)).toEqual([0, 1]);
    expect(finalOutcome(state)).toEqual(scored(0.85, 0.5));
  });

  test('is made again at most twice, and the best of them is kept', () => {
    const state = ending([scored(0.4, 1.3), scored(0.45, 1.2), scored(0.35, 1.4)], { finalOn: 'train' });
    expect(seedsOf(state)).toEqual([0, 1, 2]);
    expect(finalOutcome(state)).toEqual(scored(0.45, 1.2));
    expect(state.status.kind).toBe('ended');
  });

  test('on all videos but the test videos is judged by its training clips', () => {
    const finals = (...losses: readonly number[]) => ending(losses.map(joined));
    expect(finals(0.4).final?.trainings.map(({ work }) => work.division.kind)).toEqual(['joined']);
    expect(seedsOf(finals(0.45))).toEqual([0]);
    expect(seedsOf(finals(0.47, 0.4))).toEqual([0, 1]);
    expect(seedsOf(finals(0.6, 0.7, 0.8))).toEqual([0, 1, 2]);
    expect(finalOutcome(finals(0.7, 0.6, 0.8))?.trainingLoss).toBe(0.6);
  });

  test('takes mixup up again where its candidate, without it, learned its clips by heart', () => {
    // Without mixup everything is better on the short schedule; with it the last training's loss is higher.
    const found = (trainingLoss: number, recipe: object = {}) =>
      raced(
        ({ round, training: { work } }) => {
          if (round === 0) return joined(0.9);
          return work.recipe.mixup > 0 ? scored(0.2, 1.4) : scored(0.7, 0.6, trainingLoss);
        },
        { recipe: { steps: 1000, learningRate: 0.1, ...recipe } },
      );
    const mixupsOf = (state: SearchState) => state.final?.trainings.map(({ work }) => work.recipe.mixup);
    const byHeart = found(0.3);
    expect(byHeart.recipe.mixup).toBe(0);
    expect(mixupsOf(byHeart)).toEqual([0.2]);
    expect(byHeart.final?.reason).toMatch(
      /; its last training mixes clips again, .*\(training loss 0\.30, validation loss 0\.60\)$/,
    );
    expect(mixupsOf(found(0.3, { mixup: 0 }))?.[0]).toBe(0);
    const understood = found(0.5);
    expect(understood.recipe.mixup).toBe(0);
    expect(mixupsOf(understood)?.[0]).toBe(0);
    expect(understood.final?.reason).not.toMatch(/mixes/);
  });

  test('that learned nothing is made again', () => {
    expect(seedsOf(ending([stuck, scored(0.85, 0.5)], { finalOn: 'train' }))).toEqual([0, 1]);
  });

  test('that failed is made again, and the search waits for a person only where all of them did', () => {
    const mended = ending([diverged, joined(0.4)]);
    expect(mended.status.kind).toBe('ended');
    expect(finalOutcome(mended)?.trainingLoss).toBe(0.4);
    const failed = ending([diverged]);
    expect(seedsOf(failed)).toEqual([0, 1, 2]);
    expect(failed.status).toMatchObject({
      kind: 'paused',
      reason: 'the training failed for good (the network found: not-a-number, the loss is not a number)',
    });
  });
});
