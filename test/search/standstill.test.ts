/** Trainings that failed for good: nothing is decided among those that happened to be trained. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { METHOD_NAMES } from '../../src/search/configuration.js';
import { failedForGood } from '../../src/search/standstill.js';
import { candidatesIn, type SearchState } from '../../src/search/state.js';
import { trajectoryOf } from '../../src/search/trajectory.js';
import type { TrainingFailure } from '../../src/training/training.js';
import { draw, seed } from './arbitraries.js';
import { configuredOn, created, dataset, nextEvents, type Results, scored, withEvents } from './searching.js';

const few = {
  ...dataset,
  classes: ['a', 'b', 'c'],
  folds: 2,
  chance: { accuracy: 1 / 3, loss: Math.log(3) },
};
/** Whole searches, by each method. */
const RUNS = { numRuns: 3 };
const memory: TrainingFailure = {
  kind: 'out-of-memory',
  retry: 'elsewhere',
  reason: 'the trainer ran out of memory',
};

const configurationOf = (changes: object) =>
  configuredOn(few, { base: 'x2d-micro', target: '1.3M', onFailure: 'pause', ...changes });

const figures: Results = ({ factors, training }) => {
  const rank = draw(7, JSON.stringify(factors));
  return scored(Math.round(20 * rank) / 20, 0.2 + 0.7 * (1 - rank) + 0.05 * draw(8, training.id), 0.1);
};

/** Goes on until there is nothing to do; a person who tries again what failed is `retries` at most. */
function searchedWith(
  configuration: ReturnType<typeof configurationOf>,
  results: Results,
  retries = 0,
): SearchState {
  let state = created(configuration, few);
  for (let left = retries; ; ) {
    const next = nextEvents(state, results);
    if (next) state = withEvents(state, next);
    else if (state.status.kind === 'paused' && left-- > 0)
      state = withEvents(state, [{ kind: 'search-retried', trainings: [...failedForGood(state)] }]);
    else return state;
    if (state.version > 3000) throw new Error('a search without end');
  }
}

const timeless = (state: SearchState) => {
  const { createdAt, endedAt, ...rest } = trajectoryOf(state);
  return rest;
};

describe.each(METHOD_NAMES)('a search by %s', (method) => {
  test('whose trainings fail for good waits for a person, and tried again goes the way that it would have gone', () => {
    fc.assert(
      fc.property(seed, (of) => {
        const configuration = configurationOf({ method });
        const failed = new Set<string>();
        const results: Results = (asked) => {
          const { id } = asked.training;
          if (draw(of, id) > 0.15 || failed.has(id)) return figures(asked);
          failed.add(id);
          return memory;
        };
        const state = searchedWith(configuration, results, 100);
        expect(state.status.kind).toBe('ended');
        expect(timeless(state)).toEqual(timeless(searchedWith(configuration, figures)));
      }),
      RUNS,
    );
  });

  test('chooses no winner while a candidate of its round has no result', () => {
    fc.assert(
      fc.property(seed, (of) => {
        const state = searchedWith(configurationOf({ method }), (asked) =>
          draw(of, asked.training.id) < 0.15 ? memory : figures(asked),
        );
        for (const round of state.rounds)
          if (round.winner)
            for (const { trainings } of candidatesIn(state, round))
              for (const { progress } of trainings) expect(progress.kind).toBe('finished');
      }),
      RUNS,
    );
  });
});

describe('a round of which some fail', () => {
  /** As far as the first round's choice. */
  const decided = (failures: number, onFailure: string): SearchState => {
    const out = new Set<string>();
    const results: Results = (asked) => {
      const [axis = ''] = asked.axes;
      if (asked.round === 1 && out.size < failures) out.add(axis);
      return asked.round === 1 && out.has(axis) ? memory : figures(asked);
    };
    let state = created(configuredOn(undefined, { target: '0.1G', onFailure }));
    for (let next = nextEvents(state, results); next; next = nextEvents(state, results)) {
      state = withEvents(state, next);
      if (state.rounds[0]?.winner) break;
    }
    expect(state.rounds[0]?.entrants).toHaveLength(5);
    return state;
  };

  test('is decided among four of five where the configuration says so, and not among three', () => {
    expect(decided(1, 'go-on').rounds[0]?.winner).toBeDefined();
    expect(decided(2, 'go-on').status).toMatchObject({
      kind: 'paused',
      reason: expect.stringMatching(
        /^2 of 5 candidates failed for good \(.*out-of-memory, the trainer ran out of memory/,
      ),
    });
  });

  test('is not decided where nobody said that it may be', () => {
    expect(decided(1, 'pause').status).toMatchObject({ kind: 'paused' });
  });
});
