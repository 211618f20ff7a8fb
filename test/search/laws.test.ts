/** What holds for every search, whatever its trainings come to and in whatever order they end. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AXES } from '../../src/network/index.js';
import { decide } from '../../src/search/decide.js';
import { searchEvent } from '../../src/search/events.js';
import { candidatesOf, fold, type SearchState } from '../../src/search/state.js';
import { trajectoryOf } from '../../src/search/trajectory.js';
import {
  configured,
  created,
  dataset,
  diverged,
  nextEvents,
  type Results,
  scored,
  searched,
  withEvents,
} from './searching.js';

const seed = fc.integer({ min: 0, max: 2 ** 31 });
/** A number from 0 to 1 that depends on all that is given and on nothing else. */
const draw = (...keys: readonly (number | string)[]) => {
  let hash = 2166136261;
  for (const character of keys.join('/')) hash = Math.imul(hash ^ character.charCodeAt(0), 16777619);
  return (hash >>> 0) / 2 ** 32;
};
/** Accuracies of 20 videos, so that ties are common; every tenth candidate fails. */
const random =
  (of: number): Results =>
  (round, { id, axes }) =>
    round > 0 && draw(of, 'fails', id) < 0.1
      ? diverged
      : scored(Math.floor(20 * draw(of, round, axes[0] ?? '')) / 20, Math.floor(4 * draw(of, 'loss', id)));

const search = fc.record({
  results: seed.map(random),
  configuration: fc
    .record({
      base: fc.constantFrom('x2d', 'x2d-micro'),
      times: fc.double({ min: 1, max: 30, noNaN: true }),
      criterion: fc.constantFrom('accuracy', 'loss'),
      stepRule: fc.constantFrom('at-most-double', 'nominal'),
    })
    .map(({ base, times, ...rest }) =>
      configured({ ...rest, base, target: Math.ceil(times * (base === 'x2d' ? 20.7e6 : 0.9e6)) }),
    ),
  limits: fc.record({
    maxSpan: fc.integer({ min: 1, max: 100 }),
    maxCrop: fc.integer({ min: 48, max: 200 }),
  }),
});
// Whole searches: fewer than usual, unless more were asked for.
const RUNS = { numRuns: Math.max(60, Number(process.env.X3D_PROPERTY_RUNS ?? 0)) };

describe('any search', () => {
  test('ends, and its events are all of the log', () => {
    fc.assert(
      fc.property(search, ({ configuration, results, limits }) => {
        const { state, events } = searched(configuration, results, { ...dataset, limits });
        expect(state.status.kind).not.toBe('running');
        expect(state.version).toBe(events.length);
        for (const event of events) expect(searchEvent.Check(event), JSON.stringify(event)).toBe(true);
      }),
      RUNS,
    );
  });

  test('is the fold of its events, from wherever the fold begins again', () => {
    fc.assert(
      fc.property(
        search,
        fc.double({ min: 0, max: 1, noNaN: true }),
        ({ configuration, results, limits }, share) => {
          const { events } = searched(configuration, results, { ...dataset, limits });
          // As they come back from the log.
          const read = JSON.parse(JSON.stringify(events)) as typeof events;
          const cut = 1 + Math.floor(share * (read.length - 1));
          expect(fold(read)).toEqual(fold(events));
          expect(decide(fold(read.slice(0, cut)) as SearchState)).toEqual(
            decide(fold(events.slice(0, cut)) as SearchState),
          );
        },
      ),
      RUNS,
    );
  });

  test('goes the same way whatever order its trainings end in', () => {
    fc.assert(
      fc.property(search, seed, ({ configuration, results, limits }, order) => {
        const inOrder = searched(configuration, results, { ...dataset, limits }).state;
        let state = created(configuration, { ...dataset, limits });
        const anyOrder = <T>(items: readonly T[]) =>
          [...items].sort((a, b) => draw(order, JSON.stringify(a)) - draw(order, JSON.stringify(b)));
        for (
          let next = nextEvents(state, results, anyOrder);
          next;
          next = nextEvents(state, results, anyOrder)
        )
          state = withEvents(state, next);
        const timeless = ({ createdAt, endedAt, ...rest }: ReturnType<typeof trajectoryOf>) => rest;
        expect(timeless(trajectoryOf(state))).toEqual(timeless(trajectoryOf(inOrder)));
      }),
      RUNS,
    );
  });

  test('has every axis of a round in one candidate, or left out with a reason', () => {
    fc.assert(
      fc.property(search, ({ configuration, results, limits }) => {
        const { state } = searched(configuration, results, { ...dataset, limits });
        const [first, ...rest] = state.rounds;
        for (const { candidates, skipped } of [...rest, ...(first?.winner ? [first] : [])]) {
          const axes = [...candidates.flatMap(({ axes }) => axes), ...skipped.map(({ axis }) => axis)];
          expect([...axes].sort()).toEqual([...AXES].sort());
          for (const { reason } of skipped) expect(reason).not.toBe('');
        }
      }),
      RUNS,
    );
  });

  test('never proposes a candidate above the bound, nor one that the data forbid', () => {
    fc.assert(
      fc.property(search, ({ configuration, results, limits }) => {
        const { state } = searched(configuration, results, { ...dataset, limits });
        for (const { cost, candidates } of state.rounds)
          for (const candidate of candidates) {
            expect(candidate.cost.multiplyAdds).toBeGreaterThan(cost.multiplyAdds);
            if (configuration.stepRule === 'at-most-double')
              expect(candidate.cost.multiplyAdds).toBeLessThanOrEqual(2.5 * cost.multiplyAdds);
            expect((candidate.factors.frames - 1) * candidate.factors.stride + 1).toBeLessThanOrEqual(
              limits.maxSpan,
            );
            expect(candidate.factors.crop).toBeLessThanOrEqual(limits.maxCrop);
          }
        expect(state.final?.cost.multiplyAdds ?? 0).toBeLessThanOrEqual(configuration.target);
      }),
      RUNS,
    );
  });

  test('goes on from each winner, and each winner is the best of its round', () => {
    fc.assert(
      fc.property(search, ({ configuration, results, limits }) => {
        const { rounds } = searched(configuration, results, { ...dataset, limits }).state;
        for (const [index, { candidates, winner }] of rounds.entries()) {
          const won = candidates.find(({ id }) => id === winner?.candidate);
          if (won?.progress.kind !== 'finished') {
            expect(winner).toBeUndefined();
            continue;
          }
          const score = won.progress.outcome.validation;
          for (const { progress } of candidates)
            if (progress.kind === 'finished') {
              const other = progress.outcome.validation;
              if (configuration.criterion === 'accuracy') expect(other.top1).toBeLessThanOrEqual(score.top1);
              else expect(other.loss).toBeGreaterThanOrEqual(score.loss);
            }
          const next = rounds[index + 1];
          if (next) expect(next.factors).toEqual(won.factors);
        }
      }),
      RUNS,
    );
  });

  test('ends, after its first round, on a network that has shown how accurate it is', () => {
    fc.assert(
      fc.property(search, ({ configuration, results, limits }) => {
        const { state } = searched(configuration, results, { ...dataset, limits });
        if (!state.final || state.rounds.length < 2) return;
        const { factors } = state.final;
        const tried = candidatesOf(state).filter(
          ({ id, progress }) => id !== state.final?.id && progress.kind === 'finished',
        );
        expect(tried.map((candidate) => candidate.factors)).toContainEqual(factors);
      }),
      RUNS,
    );
  });

  test('asks for no network twice in one way', () => {
    fc.assert(
      fc.property(search, ({ configuration, results, limits }) => {
        const { state } = searched(configuration, results, { ...dataset, limits });
        const ids = candidatesOf(state).map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
      }),
      RUNS,
    );
  });
});

describe('a log that is not one', () => {
  const [creation] = searched(configured({ target: 20_662_304 }), () => scored(0.5)).events;

  test('begins with something else, or begins twice', () => {
    expect(() => fold([{ kind: 'search-cancelled', at: '' }])).toThrow(
      'a search began with search-cancelled',
    );
    expect(() => fold(creation ? [creation, creation] : [])).toThrow('search s1 was created twice');
    expect(fold([])).toBeUndefined();
  });
});
