/** What holds for every search, whatever its trainings come to and in whatever order they end. */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { AXES, BASES } from '../../src/network/index.js';
import { METHOD_NAMES } from '../../src/search/configuration.js';
import { counted } from '../../src/search/counted.js';
import { decide } from '../../src/search/decide.js';
import { EVENTS_VERSION, type Phase, type SearchEvent, searchEvent } from '../../src/search/events.js';
import { apply, fold } from '../../src/search/fold.js';
import { compare } from '../../src/search/judge.js';
import { spendingOf } from '../../src/search/methods/budget.js';
import { atChance, measurementsOf, verdictOn } from '../../src/search/methods/measuring.js';
import {
  candidateNamed,
  candidatesIn,
  finalTraining,
  type SearchState,
  trainingsOf,
} from '../../src/search/state.js';
import { trajectoryOf } from '../../src/search/trajectory.js';
import { tableOfBase } from '../flops/tables.js';
import { draw, seed } from './arbitraries.js';
import {
  configured,
  dataset,
  diverged,
  nextEvents,
  type Results,
  scored,
  searched,
  withEvents,
} from './searching.js';

const few = {
  ...dataset,
  classes: dataset.classes.slice(0, 10),
  chance: { accuracy: 0.1, loss: Math.log(10) },
};

/** Accuracies of 20 videos, so that ties are common; every tenth training fails, and every tenth learns nothing. */
const random =
  (of: number): Results =>
  ({ round, training: { id }, axes }) => {
    if (round > 0 && draw(of, 'fails', id) < 0.1) return diverged;
    const learned = draw(of, 'learns', id) < 0.9;
    return scored(
      Math.floor(20 * draw(of, round, axes[0] ?? '', id)) / 20,
      2.5 * draw(of, 'loss', id),
      learned ? 0.5 : few.chance.loss,
    );
  };

/** Figures that the network decides, and some noise. */
const consistent =
  (of: number): Results =>
  ({ training: { id }, factors }) => {
    const own = draw(of, JSON.stringify(factors));
    const loss = 0.3 + 1.5 * own + 0.2 * (draw(of, id) - 0.5);
    return scored(Math.round(20 * (1 - own)) / 20, loss, 0.3);
  };

const COSTS = { x2d: 20.7e6, 'x2d-micro': 0.9e6 } as const;
const TABLES = { x2d: tableOfBase('x2d'), 'x2d-micro': tableOfBase('x2d-micro') } as const;
/** More than the bases', milliseconds. */
const LATENCIES = { x2d: 15, 'x2d-micro': 1.2 } as const;

const configuration = fc
  .record({
    method: fc.constantFrom(...METHOD_NAMES),
    base: fc.constantFrom('x2d' as const, 'x2d-micro' as const),
    inTime: fc.nat(7).map((one) => one === 0),
    times: fc.double({ min: 1, max: 20, noNaN: true }),
    criterion: fc.constantFrom('accuracy', 'loss'),
    stepRule: fc.constantFrom('at-most-double', 'nominal'),
    given: fc.constantFrom({}, { recipe: { learningRate: 0.1, mixup: 0 } }),
  })
  .map(({ base, times, given, inTime, ...rest }) =>
    configured({
      ...rest,
      ...given,
      base,
      ...(inTime
        ? { target: `${times * LATENCIES[base]}ms`, deviceTable: TABLES[base] }
        : { target: Math.ceil(times * COSTS[base]) }),
    }),
  );
const data = fc
  .record({
    maxSpan: fc.integer({ min: 1, max: 100 }),
    maxCrop: fc.integer({ min: 48, max: 200 }),
    folds: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ folds, ...limits }) => ({ ...few, limits, folds }));
const drawnBy = (methods: typeof configuration) => fc.record({ of: seed, configuration: methods, data });
const search = drawnBy(configuration);
type Drawn = typeof search extends fc.Arbitrary<infer Value> ? Value : never;
/** How far along a log. */
const share = fc.double({ min: 0, max: 1, noNaN: true });

/** What can't be written to: doing so throws. */
function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) frozen(part);
  return Object.freeze(value);
}

const done = new Map<string, ReturnType<typeof searched>>();
/** The search on random results: laws see the same cases, and each of them is searched once. */
function searchOn({ of, configuration, data }: Drawn): ReturnType<typeof searched> {
  const key = JSON.stringify([of, configuration, data]);
  const known = done.get(key) ?? searched(configuration, random(of), data);
  done.set(key, known);
  return known;
}

// Hundreds of searches: a machine with other work to do takes its time.
vi.setConfig({ testTimeout: 300_000 });
// Whole searches: fewer than usual, unless more were asked for.
const RUNS = { numRuns: Math.max(40, Number(process.env.X3D_PROPERTY_RUNS ?? 0)) };

describe('any search', () => {
  test('ends, and its events are all of the log', () => {
    fc.assert(
      fc.property(search, (drawn) => {
        const { state, events } = searchOn(drawn);
        expect(state.status.kind).not.toBe('running');
        expect(state.version).toBe(events.length);
        for (const event of events) expect(searchEvent.Check(event), JSON.stringify(event)).toBe(true);
      }),
      RUNS,
    );
  });

  test('is the fold of its events, and what is next follows from that alone, which it leaves as it is', () => {
    fc.assert(
      fc.property(search, share, (drawn, share) => {
        const { events } = searchOn(drawn);
        // As they come back from the log.
        const read = JSON.parse(JSON.stringify(events)) as typeof events;
        const cut = 1 + Math.floor(share * (read.length - 1));
        expect(fold(read)).toEqual(fold(events));
        const state = frozen(fold(read.slice(0, cut)) as SearchState);
        const next = decide(state);
        expect(decide(state)).toEqual(next);
        expect(decide(fold(events.slice(0, cut)) as SearchState)).toEqual(next);
      }),
      RUNS,
    );
  });

  test('is at the phase that its events have brought it to', () => {
    const brought: Readonly<Partial<Record<SearchEvent['kind'], Phase['kind']>>> = {
      'search-created': 'beginning',
      'round-started': 'round',
      'recipe-chosen': 'chosen',
      'winner-chosen': 'chosen',
      contracted: 'contraction',
      'final-proposed': 'final',
    };
    fc.assert(
      fc.property(search, (drawn) => {
        const { events } = searchOn(drawn);
        let state: SearchState | undefined;
        let kind: Phase['kind'] = 'beginning';
        for (const event of events) {
          state = apply(state, event);
          kind = brought[event.kind] ?? kind;
          const round = state.rounds.at(-1);
          expect(state.phase).toEqual(
            kind === 'round' || kind === 'chosen'
              ? { kind, step: round?.step, round: round?.round }
              : { kind },
          );
        }
      }),
      RUNS,
    );
  });

  test('that is cut off anywhere goes on to the same end, whatever order its trainings end in', () => {
    fc.assert(
      fc.property(search, share, seed, (drawn, share, order) => {
        const { state: whole, events, cuts } = searchOn(drawn);
        const anyOrder = <T>(items: readonly T[]) =>
          [...items].sort((a, b) => draw(order, JSON.stringify(a)) - draw(order, JSON.stringify(b)));
        const next = (state: SearchState) => nextEvents(state, random(drawn.of), anyOrder);
        let state = fold(events.slice(0, cuts[Math.floor(share * (cuts.length - 1))])) as SearchState;
        for (let more = next(state); more; more = next(state)) state = withEvents(state, more);
        const timeless = ({ createdAt, endedAt, ...rest }: ReturnType<typeof trajectoryOf>) => rest;
        expect(timeless(trajectoryOf(state))).toEqual(timeless(trajectoryOf(whole)));
      }),
      RUNS,
    );
  });

  test('has every axis of an expansion in a candidate, or left out with a reason', () => {
    fc.assert(
      fc.property(search, (drawn) => {
        const { state } = searchOn(drawn);
        for (const round of state.rounds) {
          if (round.step !== 'expansion' || round.entrants.length + round.skipped.length === 0) continue;
          const named = [
            ...round.entrants.flatMap(({ axes }) => axes),
            ...round.skipped.map(({ axis }) => axis),
          ];
          expect([...new Set(named)].sort()).toEqual([...AXES].sort());
          for (const { reason } of round.skipped) expect(reason).not.toBe('');
        }
      }),
      RUNS,
    );
  });

  test('never proposes what the data forbid, nor ends above the target', () => {
    fc.assert(
      fc.property(search, (drawn) => {
        const { configuration, data } = drawn;
        const { state } = searchOn(drawn);
        const { target, method } = configuration;
        for (const { factors, cost } of state.candidates) {
          const contracted = state.contraction?.to;
          if (JSON.stringify(contracted) !== JSON.stringify(factors))
            expect((factors.frames - 1) * factors.stride + 1).toBeLessThanOrEqual(data.limits.maxSpan);
          // The base is what the user chose.
          const least = BASES[configuration.base].factors.crop;
          expect(factors.crop).toBeLessThanOrEqual(Math.max(data.limits.maxCrop, least));
          if (method !== 'paper') expect(counted(cost, configuration.complexity)).toBeLessThanOrEqual(target);
        }
        if (state.final)
          expect(counted(state.final.cost, configuration.complexity)).toBeLessThanOrEqual(target);
      }),
      RUNS,
    );
  });

  test('asks for no training twice, and for none of what it has dropped', () => {
    fc.assert(
      fc.property(search, (drawn) => {
        const { state, events } = searchOn(drawn);
        const ids = trainingsOf(state).map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        const dropped = new Set<string>();
        for (const event of events) {
          if (event.kind === 'round-started') dropped.clear();
          if (event.kind === 'candidate-dropped') dropped.add(event.candidate);
          if (event.kind === 'training-proposed') expect(dropped.has(event.candidate ?? '')).toBe(false);
        }
      }),
      RUNS,
    );
  });

  test('says of each choice who was next, by how much, and whether that is beyond chance', () => {
    fc.assert(
      fc.property(search, (drawn) => {
        const { configuration } = drawn;
        const { state } = searchOn(drawn);
        for (const round of state.rounds) {
          if (!round.winner) continue;
          const { candidate, choice } = round.winner;
          expect(round.entrants.map((entrant) => entrant.candidate)).toContain(candidate);
          expect(choice.runnerUp).not.toBe(candidate);
          if (configuration.method === 'paper' || choice.runnerUp === undefined) continue;
          expect(choice.difference?.error).toBeGreaterThan(0);
          expect(choice.undecided).toBe((choice.probability ?? 0) < 0.9);
        }
      }),
      RUNS,
    );
  });
});

describe('a race', () => {
  const racing = drawnBy(configuration.filter(({ method }) => method !== 'paper'));

  test('trains a candidate at most five times at one length, and a try that learned nothing once more', () => {
    fc.assert(
      fc.property(racing, (drawn) => {
        const { state } = searchOn(drawn);
        for (const { trainings } of state.candidates) {
          const tries = new Map<string, number>();
          for (const { replicate, work } of trainings) {
            expect(replicate).toBeLessThan(5);
            const { steps, mixup } = work.recipe;
            const key = `${replicate} ${steps} ${mixup}`;
            tries.set(key, (tries.get(key) ?? 0) + 1);
          }
          // Two rates from the trials of the recipe, each of which may have been tried at a lower one.
          for (const count of tries.values()) expect(count).toBeLessThanOrEqual(3);
        }
      }),
      RUNS,
    );
  });

  test('never ends on a network that is clearly worse than one that it trained within the target', () => {
    fc.assert(
      fc.property(racing, fc.boolean(), ({ configuration, data, of }, noisy) => {
        const { state } = searched(configuration, noisy ? random(of) : consistent(of), data);
        if (state.final?.candidate === undefined) return;
        const found = state.final.candidate;
        const { target, complexity } = configuration;
        const fitting = state.candidates.filter(({ cost }) => counted(cost, complexity) <= target);
        const verdict = verdictOn(state, measurementsOf(state, fitting));
        const [best] = verdict?.judgement.estimates ?? [];
        if (!verdict || !best || best.candidate === found) return;
        expect(compare(verdict.judgement, best.candidate, found)?.probability ?? 0).toBeLessThan(0.9);
      }),
      RUNS,
    );
  });

  test('decides nothing where no candidate has learned, but trains all of them for longer', () => {
    fc.assert(
      fc.property(racing, ({ configuration, data, of }) => {
        const { state, events } = searched(
          configuration,
          ({ training, round }) => scored(draw(of, training.id), 2.3, round === 0 ? 0.5 : data.chance.loss),
          data,
        );
        const chosen = events.findIndex(({ kind }) => kind === 'winner-chosen');
        if (chosen < 0) return;
        const before = events.slice(0, chosen).filter(({ kind }) => kind === 'schedule-lengthened');
        expect(before.length).toBeGreaterThan(0);
        expect(state.lengthened?.steps).toBe(state.recipe.steps);
      }),
      RUNS,
    );
  });

  test('trains what it found again, at most twice, where it came out clearly worse, and keeps the best', () => {
    fc.assert(
      fc.property(racing, fc.nat(3), ({ configuration, data, of }, bad) => {
        let finals = 0;
        const { state } = searched(
          configuration,
          (asked) => {
            if (asked.round > 0) return consistent(of)(asked);
            finals += 1;
            return finals <= bad ? scored(0.1, 5, 2.25) : scored(0.9, 0.1, 0.05);
          },
          data,
        );
        if (!state.final) return;
        expect(finals).toBe(Math.min(bad + 1, 3));
        const progress = finalTraining(state)?.progress;
        const outcome = progress?.kind === 'finished' ? progress.outcome : undefined;
        expect(outcome && atChance(state, outcome)).toBe(bad >= 3);
      }),
      RUNS,
    );
  });

  test('spends no more than its budget, once its first round is trained', () => {
    fc.assert(
      fc.property(
        racing,
        fc.double({ min: 0.1, max: 2, noNaN: true }),
        ({ configuration, data, of }, share) => {
          const free = spendingOf(searched(configuration, consistent(of), data).state).multiplyAdds;
          const budget = { unit: 'multiply-adds' as const, amount: share * free };
          const { state } = searched({ ...configuration, budget }, consistent(of), data);
          expect(state.status.kind).toBe('ended');
          const spent = spendingOf(state).multiplyAdds;
          if (spent <= budget.amount) return;
          // More was spent than allowed: only what could not be done without.
          const chosen = state.rounds.filter(({ winner, step }) => winner && step !== 'recipe');
          expect(chosen.length).toBeLessThanOrEqual(1);
          for (const round of chosen)
            for (const { trainings } of candidatesIn(state, round))
              expect(trainings.filter(({ replicate }) => replicate > 0)).toEqual([]);
        },
      ),
      RUNS,
    );
  });
});

describe("the paper's search", () => {
  const published = drawnBy(configuration.filter(({ method }) => method === 'paper'));

  test('goes on from each winner, and each winner is the best of its round', () => {
    fc.assert(
      fc.property(published, (drawn) => {
        const { configuration } = drawn;
        const { state } = searchOn(drawn);
        for (const [index, round] of state.rounds.entries()) {
          const scores = candidatesIn(state, round).flatMap(({ id, trainings }) =>
            trainings.flatMap(({ progress }) =>
              progress.kind === 'finished' && progress.outcome.evaluations.validation
                ? [{ id, ...progress.outcome.evaluations.validation.metrics }]
                : [],
            ),
          );
          const won = scores.find(({ id }) => id === round.winner?.candidate);
          if (!won || !round.winner) {
            expect(round.winner).toBeUndefined();
            continue;
          }
          for (const other of scores)
            if (configuration.criterion === 'accuracy')
              expect(other.accuracy).toBeLessThanOrEqual(won.accuracy);
            else expect(other.loss).toBeGreaterThanOrEqual(won.loss);
          const next = state.rounds[index + 1];
          if (next) expect(next.factors).toEqual(candidateNamed(state, won.id).factors);
        }
      }),
      RUNS,
    );
  });

  test('ends, after its first round, on a network that has shown how accurate it is', () => {
    fc.assert(
      fc.property(published, (drawn) => {
        const { state } = searchOn(drawn);
        if (!state.final || state.rounds.length < 2) return;
        const tried = state.candidates.filter(({ trainings }) =>
          trainings.some(({ progress }) => progress.kind === 'finished'),
        );
        expect(tried.map(({ factors }) => factors)).toContainEqual(state.final.factors);
      }),
      RUNS,
    );
  });
});

describe('a log that is not one', () => {
  const [creation] = searched(configured({ target: 20_662_304 }), () => scored(0.5)).events;

  test('begins with something else, or begins twice', () => {
    expect(() => fold([{ kind: 'search-cancelled', v: EVENTS_VERSION, at: '' }])).toThrow(
      'a search began with search-cancelled',
    );
    expect(() => fold(creation ? [creation, creation] : [])).toThrow('search s1 was created twice');
    expect(fold([])).toBeUndefined();
  });
});
