/** Rounds that race: what holds for each of them, whatever its trainings come to, and what single ones show. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { randomOf } from '../../src/random.js';
import { COMPLEXITIES } from '../../src/search/configuration.js';
import { counted } from '../../src/search/counted.js';
import type { DatasetSummary, SearchEvent } from '../../src/search/events.js';
import { judge } from '../../src/search/judge.js';
import { spendingOf, takenBy } from '../../src/search/methods/budget.js';
import { leastChance } from '../../src/search/methods/racing.js';
import { candidateNamed, candidatesIn, type SearchState, trainingsOf } from '../../src/search/state.js';
import { trajectoryOf } from '../../src/search/trajectory.js';
import { baseOf, costOf, trainingMultiplyAdds } from '../../src/search/work.js';
import { worse } from '../../src/training/metrics.js';
import type { Outcome, Score } from '../../src/training/training.js';
import { tableOfBase } from '../flops/tables.js';
import { fewClasses, jumped, RUNS, randomResults, searchesBy, searchOn, stuck } from './arbitraries.js';
import { configured, configuredOn, diverged, type Results, scored, searched, wonBy } from './searching.js';

const racing = searchesBy(['race', 'compound', 'random']);

/** Recipes that are given are not looked for. */
const GIVEN = { steps: 1000, learningRate: 0.1, mixup: 0 };
const raced = (results: Results, changes: object = {}, data: DatasetSummary = fewClasses) =>
  searched(
    configuredOn(data, { base: 'x2d-micro', method: 'race', target: '3M', recipe: GIVEN, ...changes }),
    results,
    data,
  );

const outcomeOf = (event: SearchEvent | undefined): Outcome | undefined =>
  event?.kind === 'training-finished' ? event.outcome : undefined;
const hasGoneAstray = (event: SearchEvent | undefined, { chance }: DatasetSummary): boolean => {
  if (event?.kind === 'training-failed') return event.failure.kind === 'not-a-number';
  const { trainingLoss = 0, lowestLoss = 0 } = outcomeOf(event) ?? {};
  return trainingLoss > 0.95 * chance.loss || trainingLoss > lowestLoss + 0.3 * chance.loss;
};
/** Proposals of rounds, without those of the recipe and of the network found. */
const proposalsIn = (events: readonly SearchEvent[]) => {
  let isRecipe = false;
  return events.flatMap((event) => {
    if (event.kind === 'round-started') isRecipe = event.step === 'recipe';
    return event.kind === 'training-proposed' && event.candidate !== undefined && !isRecipe ? [event] : [];
  });
};

describe('any search that races', () => {
  test('trains a candidate with at most five replicates, each a seed and a fold of its own', () => {
    fc.assert(
      fc.property(racing, (drawn) => {
        const { configuration, data } = drawn;
        for (const { replicate, work } of proposalsIn(searchOn(drawn).events)) {
          expect(replicate).toBeLessThan(5);
          expect(work.seed).toBe(configuration.seed + replicate);
          const fold = work.division.kind === 'fold' ? work.division.fold : -1;
          expect(fold).toBe(replicate % data.folds);
        }
      }),
      RUNS,
    );
  });

  test('tries again, once and at a third of the rate, what went astray, and nothing else', () => {
    fc.assert(
      fc.property(racing, (drawn) => {
        const { configuration, data } = drawn;
        const { events } = searchOn(drawn);
        const endings = new Map(
          events.flatMap((event) =>
            event.kind === 'training-finished' || event.kind === 'training-failed'
              ? [[event.training, event] as const]
              : [],
          ),
        );
        const proposals = proposalsIn(events);
        for (const { candidate, replicate, training, work } of proposals) {
          const tries = proposals.filter(
            (other) =>
              other.candidate === candidate &&
              other.replicate === replicate &&
              other.work.recipe.steps === work.recipe.steps,
          );
          const again = tries.filter((other) => other.work.recipe.learningRate < work.recipe.learningRate);
          if (again.length > 0) {
            expect(again).toHaveLength(1);
            expect(again[0]?.work.recipe.learningRate).toBeCloseTo(work.recipe.learningRate / 3, 12);
            expect(hasGoneAstray(endings.get(training), data)).toBe(true);
          } else if (tries.length === 1 && configuration.given.includes('learningRate'))
            expect(hasGoneAstray(endings.get(training), data)).toBe(false);
        }
      }),
      RUNS,
    );
  });

  test('says of each winner who was next, by how much and how surely', () => {
    fc.assert(
      fc.property(racing, (drawn) => {
        for (const { winner } of searchOn(drawn).state.rounds) {
          if (!winner) continue;
          const { choice } = winner;
          expect(choice.probability).toBeGreaterThan(0);
          if (choice.decidedBy === 'only-candidate') {
            expect(choice).not.toHaveProperty('difference');
            expect(choice.undecided).toBe(false);
            continue;
          }
          const { metric, value, error } = choice.difference ?? { metric: 'top5', value: 0, error: 0 };
          expect(metric).toBe(choice.decidedBy);
          // Never to the winner's disadvantage.
          expect(worse(metric as 'loss', value, 0)).toBeLessThanOrEqual(1e-9);
          expect(error).toBeGreaterThan(0);
          expect(choice.undecided).toBe((choice.probability ?? 0) < 0.9);
        }
      }),
      RUNS,
    );
  });

  test('raises no axis in an exchange whose candidates were all dropped when it was last tried', () => {
    const named = { frames: 'tau', crop: 's', depth: 'd', width: 'w', bottleneck: 'b' } as const;
    fc.assert(
      fc.property(racing, (drawn) => {
        const { rounds } = searchOn(drawn).state;
        for (const { entrants, round } of rounds.filter(({ step }) => step === 'exchange'))
          for (const { change = '' } of entrants) {
            const axis = named[change.split(' up')[0] as keyof typeof named];
            const tried = rounds
              .slice(0, round - 1)
              .map((other) => other.entrants.filter(({ axes }) => axes.includes(axis)))
              .findLast((along) => along.length > 0);
            expect(tried?.every(({ dropped }) => dropped !== undefined) ?? false).toBe(false);
          }
      }),
      RUNS,
    );
  });

  test('counts each training of its rounds once among what its choices took', () => {
    fc.assert(
      fc.property(racing, (drawn) => {
        const { state, events } = searchOn(drawn);
        if (state.status.kind !== 'ended') return;
        const choices = state.rounds.flatMap(({ winner }) => winner?.choice ?? []);
        const proposals = proposalsIn(events);
        const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
        expect(sum(choices.map(({ trainings }) => trainings))).toBe(proposals.length);
        const taken = takenBy(proposals);
        expect(sum(choices.map(({ multiplyAdds }) => multiplyAdds)) / (taken || 1)).toBeCloseTo(
          taken && 1,
          9,
        );
      }),
      RUNS,
    );
  });
});

describe('any search', () => {
  test('keeps its budget, but for the first look at the first round and one training in full', () => {
    fc.assert(
      fc.property(
        searchesBy(),
        fc.constantFrom(...COMPLEXITIES),
        fc.double({ min: 0.5, max: 60, noNaN: true }),
        ({ of, configuration: drawn, data }, complexity, finals) => {
          const least = baseOf({ configuration: drawn, dataset: data });
          const table = complexity === 'latency' ? { deviceTable: tableOfBase(drawn.base) } : {};
          const cost = costOf(least, least.factors, table.deviceTable);
          const target = Math.ceil((drawn.target * counted(cost, complexity)) / cost.multiplyAdds);
          const { recipe } = drawn;
          const amount = finals * trainingMultiplyAdds({ recipe }, { multiplyAdds: drawn.target });
          const budget = { unit: 'multiply-adds', amount } as const;
          const configuration = { ...drawn, complexity, ...table, target, budget };
          const { state, events } = searched(configuration, randomResults(of), data);
          const first = state.rounds.find(({ step }) => step !== 'recipe')?.round;
          let round = 0;
          let steps = 0;
          const exempt = events.filter((event) => {
            if (event.kind === 'round-started') round = event.round;
            if (event.kind !== 'training-proposed' || event.candidate === undefined) return false;
            if (round !== first) return round < (first ?? 0);
            steps ||= event.work.recipe.steps;
            if (configuration.method === 'paper') return true;
            const { learningRate } = state.recipe;
            return (
              event.replicate === 0 &&
              event.work.recipe.steps === steps &&
              event.work.recipe.learningRate === learningRate
            );
          });
          const takes = (
            ids: readonly { readonly work: SearchState['candidates'][0]['trainings'][0]['work'] }[],
          ) =>
            ids.reduce(
              (sum, { work }) => sum + trainingMultiplyAdds(work, costOf(work.base, work.factors)),
              0,
            );
          const trainings = state.final?.trainings ?? [];
          const [full] = trainings;
          // Where it came to nothing there has to be another, whatever the budget says.
          const needed = trainings.filter(
            (_, index) => index > 0 && trainings[index - 1]?.progress.kind === 'failed',
          );
          const needs = takenBy(exempt) + takes(full ? [full] : []);
          const { multiplyAdds } = spendingOf(state);
          expect(multiplyAdds).toBeLessThanOrEqual(1.000001 * (Math.max(amount, needs) + takes(needed)));
          if (state.spent !== undefined) expect(state.spent).not.toBe('');
        },
      ),
      RUNS,
    );
  });
});

describe('a round', () => {
  test('whose best candidate is far ahead is decided by one training each', () => {
    const { state } = raced(({ axes }) => (axes[0] === 's' ? scored(0.95, 0.2) : scored(0.3, 1.4)));
    const [first] = state.rounds;
    expect(first?.winner?.choice).toMatchObject({ decidedBy: 'accuracy', undecided: false });
    expect(first?.winner?.choice.trainings).toBe(first?.entrants.length);
    for (const { trainings } of candidatesIn(state, first as NonNullable<typeof first>))
      expect(trainings).toHaveLength(1);
  });

  test('of candidates that are all alike ends undecided, and before all have five replicates', () => {
    const { state } = raced(() => scored(0.5, 1));
    const [first] = state.rounds;
    expect(first?.winner?.choice).toMatchObject({ decidedBy: 'loss', undecided: true });
    expect(first?.winner?.choice.trainings).toBeLessThan(5 * (first?.entrants.length ?? 0));
  });

  test('in which one video makes the difference in accuracy is not decided by it', () => {
    const { state } = raced(({ axes }) => scored(axes[0] === 's' ? 0.55 : 0.5, 1));
    for (const { winner } of state.rounds)
      if (winner?.choice.decidedBy === 'accuracy') expect(winner.choice.undecided).toBe(true);
    expect(state.rounds[0]?.winner?.choice.decidedBy).toBe('loss');
  });

  test('that is close gets other seeds and other groups to validate, for those that are close only', () => {
    const data = { ...fewClasses, folds: 3 };
    const { state } = raced(
      ({ axes, training: { replicate } }) =>
        axes[0] === 's' || axes[0] === 'd'
          ? scored(0.6, 0.8 + (axes[0] === 's' ? 0.05 : 0) + 0.2 * (replicate % 2))
          : scored(0.1, 1.6),
      {},
      data,
    );
    const [first] = state.rounds;
    const candidates = first ? candidatesIn(state, first) : [];
    for (const { axes, trainings, dropped } of candidates) {
      const close = axes[0] === 's' || axes[0] === 'd';
      expect(dropped !== undefined, axes[0]).toBe(!close);
      expect(trainings.length > 1, axes[0]).toBe(close);
      expect(trainings.map(({ work }) => work.division)).toEqual(
        trainings.map((_, replicate) =>
          replicate % 3 === 0
            ? { kind: 'fold', fold: 0, of: 1 }
            : { kind: 'fold', fold: replicate % 3, of: 3 },
        ),
      );
    }
  });

  test('is won by one that was dropped where it turned out ahead of those that went on', () => {
    // Some go on for their loss, one for its accuracy; with other seeds none is as far ahead of those that were dropped.
    const goOn: Readonly<Record<string, readonly [accuracy: number, loss: readonly number[]]>> = {
      tau: [0.5, [4, 24, 14, 14, 14]],
      t: [0.55, [60, 10, 10, 10, 10]],
    };
    const { state } = raced(({ round, axes: [axis = ''], training: { replicate } }) => {
      if (round !== 1) return stuck;
      const [accuracy, losses] = goOn[axis] ?? [0.2, axis === 's' ? [11.4] : [11.6]];
      const { evaluations, ...rest } = scored(accuracy, losses[replicate] ?? 40, 1);
      const score = evaluations.validation as Score;
      return { ...rest, evaluations: { validation: { ...score, errors: { ...score.errors, loss: 4 } } } };
    });
    const [first] = state.rounds;
    expect(first?.winner).toMatchObject({ axes: ['s'], choice: { decidedBy: 'loss', undecided: true } });
    expect(first?.entrants.find(({ axes }) => axes[0] === 's')?.dropped).toBeDefined();
  });

  test('that no replicate settles ends after five of them, undecided', () => {
    // Videos that differ as much say little of a mean.
    const { evaluations, ...rest } = scored(0.5, 1);
    const score = evaluations.validation as Score;
    const vague = {
      ...rest,
      evaluations: { validation: { ...score, errors: { ...score.errors, loss: 0.6 } } },
    };
    const [first] = raced(() => vague).state.rounds;
    expect(first?.winner?.choice).toMatchObject({
      undecided: true,
      trainings: 5 * (first?.entrants.length ?? 0),
    });
  });

  test('at the target tries the clip longer and shorter, and is followed by one more such round at most', () => {
    // Whatever is new is better, so that exchanges would never end.
    const { state } = raced(({ round, axes: [axis = 'tau'] }) =>
      axis === 'tau' ? scored(Math.min(0.95, 0.1 + 0.2 * round), Math.max(0.05, 1.4 - 0.25 * round)) : stuck,
    );
    const exchanges = state.rounds.filter(({ step }) => step === 'exchange');
    expect(exchanges).toHaveLength(2);
    for (const { entrants } of exchanges)
      expect(entrants.map(({ change }) => change)).toEqual(
        expect.arrayContaining(['as it is', 'a longer clip', 'a shorter clip']),
      );
  });

  test('takes a training that learned nothing for no word about its network: it is tried at a lower rate', () => {
    const { state } = raced(({ axes, training: { work } }) => {
      if (axes[0] !== 's') return scored(0.3, 1.4);
      return work.recipe.learningRate < 0.1 ? scored(0.95, 0.2) : stuck;
    });
    const [first] = state.rounds;
    expect(first?.winner?.axes).toEqual(['s']);
    const { trainings } = candidateNamed(state, first?.winner?.candidate ?? '');
    expect(trainings.map(({ replicate, work }) => [replicate, work.recipe.learningRate])).toEqual([
      [0, 0.1],
      [0, 0.1 / 3],
    ]);
  });

  test.each([
    ['whose loss was no number', diverged],
    ['whose loss jumped', jumped],
  ])('tries a training %s again at a lower rate', (_, ending) => {
    const { state } = raced(({ axes, training: { work } }) =>
      axes[0] === 's' && work.recipe.learningRate === 0.1 ? ending : scored(axes[0] === 's' ? 0.95 : 0.3),
    );
    expect(state.rounds[0]?.winner?.axes).toEqual(['s']);
  });

  test('drops a candidate that has no result, and says why', () => {
    const { state } = raced(({ axes }) => (axes[0] === 's' ? diverged : scored(0.5, 1)));
    const [first] = state.rounds;
    const entrant = first?.entrants.find(({ axes }) => axes[0] === 's');
    expect(entrant?.dropped).toBe('no result: the loss is not a number');
    expect(candidateNamed(state, entrant?.candidate ?? '').trainings).toHaveLength(2);
  });

  test('whose candidates have all no result waits for a person, with what each came to', () => {
    const { state } = raced(() => diverged);
    expect(state.status).toMatchObject({
      kind: 'paused',
      reason: expect.stringMatching(
        /^(\d) of \1 candidates failed for good \(tau: not-a-number, the loss is not a number; /,
      ),
    });
  });

  test('whose candidates all learned nothing is trained longer, not decided on that', () => {
    const { state, events } = raced(({ axes, training: { work } }) => {
      if (work.recipe.steps < 500) return stuck;
      return scored(axes[0] === 'd' ? 0.9 : 0.3, axes[0] === 'd' ? 0.3 : 1.4);
    });
    expect(state.lengthened).toEqual({
      round: 1,
      steps: 500,
      reason: 'after 250 steps no candidate had learned more than guessing',
    });
    const kinds = events.map(({ kind }) => kind);
    expect(kinds.indexOf('schedule-lengthened')).toBeLessThan(kinds.indexOf('winner-chosen'));
    expect(state.rounds[0]?.winner).toMatchObject({ axes: ['d'], choice: { undecided: false } });
    // From here on trainings are so long.
    for (const { entrants } of state.rounds.slice(1))
      for (const { candidate } of entrants)
        for (const { work } of candidateNamed(state, candidate).trainings)
          expect(work.recipe.steps).toBeGreaterThanOrEqual(500);
    expect(trajectoryOf(state).lengthened?.steps).toBe(500);
  });

  test('that learns nothing however long ends all the same', () => {
    const { state } = raced(() => stuck);
    expect(state.lengthened?.steps).toBe(GIVEN.steps);
    expect(state.rounds[0]?.winner?.choice.undecided).toBe(true);
    expect(state.status.kind).toBe('ended');
  });

  test.each([6, 12, 24])(
    'of %i candidates gives away little by dropping after one training each',
    (count) => {
      const DRAWS = 40;
      let lost = 0;
      for (let index = 0; index < DRAWS; index++) {
        const random = randomOf('dropping', count, index);
        const truths = Array.from({ length: count }, () => 1 + 0.2 * random.normal());
        // The noise that the judge takes for given: 0.8 of the error over the videos.
        const measured = truths.map((truth, candidate) => ({
          candidate: String(candidate),
          replicate: 0,
          score: {
            videos: 20,
            viewsPerVideo: 1,
            metrics: { accuracy: 0.5, top5: 1, loss: truth + 0.16 * random.normal() },
            errors: { accuracy: 0.1, top5: 0, loss: 0.2 },
          },
        }));
        const left = (judge('loss', measured)?.estimates ?? []).filter(
          ({ probability }, rank) => rank === 0 || probability >= leastChance(count),
        );
        lost +=
          Math.min(...left.map(({ candidate }) => truths[Number(candidate)] ?? 0)) - Math.min(...truths);
      }
      // At the bound for six, 24 candidates would lose 0.026.
      expect(lost / DRAWS).toBeLessThan(0.015);
    },
  );

  test('of many candidates that are alike keeps some of them', () => {
    const { state } = raced(() => scored(0.5, 1), { method: 'random', target: '6M' });
    expect(state.status.kind).toBe('ended');
    expect(state.rounds[0]?.entrants.length).toBeGreaterThan(10);
  });
});

describe('a budget', () => {
  const noisy: Results = ({ training: { id } }) => {
    const digit = Number.parseInt(id.slice(1, 3), 16) / 256;
    return scored(0.5, 0.9 + 0.2 * digit);
  };

  test('in multiply-adds ends the search early, and says so', () => {
    const free = raced(noisy).state;
    const { multiplyAdds } = spendingOf(free);
    expect(free.spent).toBeUndefined();
    const { state } = raced(noisy, { budget: String(Math.round(0.6 * multiplyAdds)) });
    expect(spendingOf(state).multiplyAdds).toBeLessThanOrEqual(0.6 * multiplyAdds);
    expect(state.spent).toMatch(
      /^the next trainings and the last one would bring the search to [\d.]+[GT] multiply-adds; the budget is [\d.]+[GT] multiply-adds$/,
    );
    expect(state.status.kind).toBe('ended');
    expect(trajectoryOf(state).notes).toContainEqual(expect.stringMatching(/^The budget ended the search/));
  });

  test('ends the published search at the network that it stood at', () => {
    const published = (changes: object = {}) =>
      searched(configured({ target: '2G', ...changes }), wonBy('b', 'tau', 's', 'd', 't')).state;
    const { multiplyAdds } = spendingOf(published());
    const state = published({ budget: String(Math.round(0.8 * multiplyAdds)) });
    expect(spendingOf(state).multiplyAdds).toBeLessThanOrEqual(0.8 * multiplyAdds);
    expect(state.spent).toMatch(/^the next trainings and the last one would bring the search to /);
    expect(state.final).toMatchObject({
      candidate: state.rounds.findLast(({ winner }) => winner)?.winner?.candidate,
      reason: 'the last winner: the budget has no room for another round',
    });
    expect(state.status.kind).toBe('ended');
  });

  test('in hours counts what the workers took', () => {
    // Each training takes a second.
    const free = raced(noisy).state;
    const seconds = trainingsOf(free).length;
    const { state } = raced(noisy, { budget: `${(0.5 * seconds) / 60}min` });
    expect(state.spent).toMatch(/ hours; the budget is /);
    expect(trainingsOf(state).length).toBeLessThan(seconds);
    expect(state.status.kind).toBe('ended');
  });

  test('that is too small for anything is spent on one look at one round and the network found', () => {
    const { state } = raced(noisy, { budget: '1', recipe: { steps: 1000 } });
    expect(state.recipeChoice?.reason).toBe('the budget leaves no room to try others');
    expect(state.rounds.map(({ step }) => step)).toEqual(['recipe', 'expansion']);
    expect(state.candidates.flatMap(({ trainings }) => trainings).map(({ replicate }) => replicate)).toEqual(
      state.rounds[1]?.entrants.map(() => 0),
    );
    expect(state.status.kind).toBe('ended');
  });
});
