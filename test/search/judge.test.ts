/** Who is best among noisy figures: held to brute force, to what must not matter, and to the truth of simulations. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { randomOf } from '../../src/random.js';
import { compare, type Judgement, judge, type Measurement, normalBelow } from '../../src/search/judge.js';
import type { MetricName } from '../../src/training/metrics.js';

/** `error` of the loss over the videos; accuracy's is the binomial one. */
const measured = (
  candidate: string,
  replicate: number,
  { accuracy = 0.5, loss = 1, error = 0.2, videos = 20 },
): Measurement => ({
  candidate,
  replicate,
  score: {
    videos,
    viewsPerVideo: 10,
    metrics: { accuracy, top5: 1, loss },
    errors: { accuracy: Math.sqrt((accuracy * (1 - accuracy)) / videos), top5: 0, loss: error },
  },
});

const judged = (metric: MetricName, table: readonly Measurement[]): Judgement => {
  const judgement = judge(metric, table);
  if (!judgement) throw new Error('nothing was measured');
  return judgement;
};
const estimate = ({ estimates }: Judgement, id: string) => {
  const found = estimates.find(({ candidate }) => candidate === id);
  if (!found) throw new Error(`no estimate of ${id}`);
  return found;
};

const loss = fc.double({ min: 0.1, max: 3, noNaN: true });
/** Some candidates with one to five replicates each, of which the first is always among them. */
const table = fc
  .array(fc.record({ losses: fc.array(loss, { minLength: 1, maxLength: 5 }) }), {
    minLength: 2,
    maxLength: 6,
  })
  .map((candidates) =>
    candidates.flatMap(({ losses }, index) =>
      losses.map((value, replicate) => measured(`n${index}`, replicate, { loss: value })),
    ),
  );

describe('the probability that a candidate is the best', () => {
  test('is what a hundred thousand draws come to', () => {
    fc.assert(
      fc.property(table, fc.nat(1000), (measurements, seed) => {
        const { estimates } = judged('loss', measurements);
        const random = randomOf('judge', seed);
        const wins = new Map<string, number>();
        const DRAWS = 100_000;
        for (let draw = 0; draw < DRAWS; draw++) {
          let best = '';
          let lowest = Number.POSITIVE_INFINITY;
          for (const { candidate, mean, error } of estimates) {
            const value = mean + error * random.normal();
            if (value < lowest) [lowest, best] = [value, candidate];
          }
          wins.set(best, (wins.get(best) ?? 0) + 1);
        }
        // Four standard errors of a share.
        for (const { candidate, probability } of estimates)
          expect(Math.abs(probability - (wins.get(candidate) ?? 0) / DRAWS)).toBeLessThan(
            4 * Math.sqrt(0.25 / DRAWS),
          );
      }),
      { numRuns: 12 },
    );
  });

  test('sums up to one over all of them, and grows with the rank', () => {
    fc.assert(
      fc.property(table, (measurements) => {
        const { estimates } = judged('loss', measurements);
        expect(estimates.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 3);
        const means = estimates.map(({ mean }) => mean);
        expect(means).toEqual([...means].sort((a, b) => a - b));
      }),
    );
  });

  test('is the same for equal figures', () => {
    fc.assert(
      fc.property(
        loss,
        fc.integer({ min: 2, max: 6 }),
        fc.integer({ min: 1, max: 5 }),
        (value, of, replicates) => {
          const equal = Array.from({ length: of }, (_, index) =>
            Array.from({ length: replicates }, (_, replicate) =>
              measured(`n${index}`, replicate, { loss: value }),
            ),
          ).flat();
          for (const { probability } of judged('loss', equal).estimates)
            expect(probability).toBeCloseTo(1 / of, 3);
        },
      ),
    );
  });

  test('of two is what their difference and its error say', () => {
    fc.assert(
      fc.property(loss, loss, (a, b) => {
        const judgement = judged('loss', [measured('a', 0, { loss: a }), measured('b', 0, { loss: b })]);
        const difference = compare(judgement, 'a', 'b');
        expect(difference?.value).toBeCloseTo(a - b, 9);
        expect(difference?.probability).toBeCloseTo(estimate(judgement, 'a').probability, 3);
        expect(compare(judgement, 'b', 'a')?.probability).toBeCloseTo(1 - (difference?.probability ?? 0), 9);
      }),
    );
  });
});

describe('a judgement', () => {
  test('does not depend on the order of the trainings, nor on what the candidates are called', () => {
    fc.assert(
      fc.property(table, fc.nat(1000), (measurements, seed) => {
        const random = randomOf('order', seed);
        const shuffled = measurements
          .map((one) => ({ one, rank: random.uniform() }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ one }) => one);
        const renamed = measurements.map((one) => ({ ...one, candidate: `other ${one.candidate}` }));
        const own = judged('loss', measurements);
        const [otherOrder, otherNames] = [judged('loss', shuffled), judged('loss', renamed)];
        for (const { candidate, mean, error, probability } of own.estimates) {
          for (const other of [estimate(otherOrder, candidate), estimate(otherNames, `other ${candidate}`)]) {
            expect(other.mean).toBeCloseTo(mean, 6);
            expect(other.error).toBeCloseTo(error, 6);
            expect(other.probability).toBeCloseTo(probability, 4);
          }
        }
        expect(otherOrder.regret).toBeCloseTo(own.regret, 6);
      }),
    );
  });

  test('is not changed by what a replicate does to all of them alike', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(loss, { minLength: 3, maxLength: 3 }), { minLength: 2, maxLength: 6 }),
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
        (losses, effects) => {
          const of = (shift: readonly number[]) =>
            judged(
              'loss',
              losses.flatMap((own, index) =>
                own.map((value, replicate) =>
                  measured(`n${index}`, replicate, { loss: value + (shift[replicate] ?? 0) }),
                ),
              ),
            );
          const [still, moved] = [of([0, 0, 0]), of(effects)];
          const level = effects.reduce((a, b) => a + b, 0) / 3;
          for (const { candidate, mean, error, probability } of still.estimates) {
            const other = estimate(moved, candidate);
            expect(other.mean).toBeCloseTo(mean + level, 6);
            expect(other.error).toBeCloseTo(error, 6);
            expect(other.probability).toBeCloseTo(probability, 4);
          }
        },
      ),
    );
  });

  test('compares candidates that do not have all replicates, through those that they share', () => {
    // Replicate 1 is harder by one; c has it alone.
    const judgement = judged('loss', [
      measured('a', 0, { loss: 1 }),
      measured('b', 0, { loss: 1.2 }),
      measured('a', 1, { loss: 2 }),
      measured('b', 1, { loss: 2.2 }),
      measured('c', 1, { loss: 2.1 }),
    ]);
    expect(compare(judgement, 'c', 'a')?.value).toBeCloseTo(0.1, 6);
    expect(compare(judgement, 'b', 'c')?.value).toBeCloseTo(0.1, 6);
  });

  test('errs less with each replicate', () => {
    const errors = [1, 2, 3, 4, 5].map((replicates) => {
      const measurements = ['a', 'b', 'c'].flatMap((id, index) =>
        Array.from({ length: replicates }, (_, replicate) =>
          measured(id, replicate, { loss: 1 + 0.1 * index }),
        ),
      );
      return estimate(judged('loss', measurements), 'a').error;
    });
    expect(errors).toEqual([...errors].sort((a, b) => b - a));
    expect(new Set(errors).size).toBe(5);
    expect(errors[4]).toBeLessThan((errors[0] ?? 0) / Math.sqrt(5) + 1e-9);
  });

  test('of nothing is none', () => {
    expect(judge('loss', [])).toBeUndefined();
    expect(compare(judged('loss', [measured('a', 0, {})]), 'a', 'b')).toBeUndefined();
  });

  test('expects to lose what the second best may be ahead by, and nothing where there is no second', () => {
    expect(judged('loss', [measured('a', 0, {})]).regret).toBe(0);
    const { estimates, regret } = judged('loss', [
      measured('a', 0, { loss: 1 }),
      measured('b', 0, { loss: 1.1 }),
    ]);
    const error = Math.hypot(...estimates.map((one) => one.error));
    const random = randomOf('regret');
    let lost = 0;
    const DRAWS = 200_000;
    for (let draw = 0; draw < DRAWS; draw++) lost += Math.max(0, -(0.1 + error * random.normal())) / DRAWS;
    expect(regret).toBeCloseTo(lost, 3);
  });
});

describe('the size of the noise', () => {
  /** Trainings of networks with a noise of `spread`, a replicate effect shared by all of them. */
  function simulated(spread: number, seed: number, candidates = 6, replicates = 5): Measurement[] {
    const random = randomOf('noise', seed);
    const worth = Array.from({ length: candidates }, () => 1 + 0.2 * random.normal());
    const shared = Array.from({ length: replicates }, () => 0.3 * random.normal());
    return worth.flatMap((own, index) =>
      shared.map((effect, replicate) =>
        measured(`n${index}`, replicate, { loss: own + effect + spread * random.normal() }),
      ),
    );
  }

  test.each([0.02, 0.1, 0.4])('of %d is found from trainings, whatever the prior', (spread) => {
    const errors = Array.from({ length: 60 }, (_, seed) => {
      // A search has other rounds to learn it from.
      const earlier = [1, 2, 3].map((round) => simulated(spread, 1000 * round + seed));
      const judgement = judge('loss', simulated(spread, seed), earlier);
      return Math.sqrt(5) * (judgement?.estimates[0]?.error ?? 0);
    });
    const mean = errors.reduce((a, b) => a + b, 0) / errors.length;
    // The prior says 0.8 of an error of 0.2, and counts for six of 86 degrees of freedom.
    expect(Math.abs(mean / Math.sqrt((6 * 0.16 ** 2 + 80 * spread ** 2) / 86) - 1)).toBeLessThan(0.05);
  });

  test('is what the fit leaves for each degree of freedom, with the prior for six', () => {
    // Both of two candidates are at 1.2, their replicates at 1.1 and 1.3: each figure is 0.1 off, one is free.
    const judgement = judged('loss', [
      measured('a', 0, { loss: 1 }),
      measured('a', 1, { loss: 1.4 }),
      measured('b', 0, { loss: 1.2 }),
      measured('b', 1, { loss: 1.2 }),
    ]);
    const variance = (6 * (0.8 * 0.2) ** 2 + 4 * 0.1 ** 2) / (6 + 1);
    for (const { mean, error } of judgement.estimates) {
      expect(mean).toBeCloseTo(1.2, 9);
      expect(error).toBeCloseTo(Math.sqrt(variance / 2), 9);
    }
  });

  test('makes probabilities that come true as often as they say', () => {
    const bins = Array.from({ length: 5 }, () => ({ claimed: 0, right: 0, count: 0 }));
    for (let seed = 0; seed < 400; seed++) {
      const random = randomOf('calibration', seed);
      const worth = Array.from({ length: 4 }, () => 1 + 0.1 * random.normal());
      const measurements = worth.flatMap((own, index) =>
        [0, 1].map((replicate) => measured(`n${index}`, replicate, { loss: own + 0.1 * random.normal() })),
      );
      const [first] = judged('loss', measurements).estimates;
      const truth = `n${worth.indexOf(Math.min(...worth))}`;
      const bin = bins[Math.min(4, Math.floor(5 * (first?.probability ?? 0)))];
      if (!bin || !first) continue;
      bin.claimed += first.probability;
      bin.right += first.candidate === truth ? 1 : 0;
      bin.count += 1;
    }
    for (const { claimed, right, count } of bins)
      if (count > 30) expect(Math.abs(claimed - right) / count).toBeLessThan(0.12);
  });
});

describe('one training each', () => {
  const two = (accuracies: readonly [number, number], videos: number) =>
    judged('accuracy', [
      measured('a', 0, { accuracy: accuracies[0], videos }),
      measured('b', 0, { accuracy: accuracies[1], videos }),
    ]);

  test('with a difference of one video in twenty is never beyond chance', () => {
    for (let right = 0; right < 20; right++)
      expect(estimate(two([right / 20, (right + 1) / 20], 20), 'b').probability).toBeLessThan(0.9);
  });

  test('with a difference of one point on 20,000 videos is', () => {
    for (const accuracy of [0.2, 0.5, 0.7, 0.85])
      expect(estimate(two([accuracy, accuracy + 0.01], 20_000), 'b').probability).toBeGreaterThan(0.9);
  });
});

describe('the normal distribution', () => {
  test('is that of tables', () => {
    for (const [z, below] of [
      [0, 0.5],
      [1, 0.841344746],
      [1.2815515655, 0.9],
      [1.96, 0.9750021],
      [-3, 0.001349898],
    ] as const)
      expect(normalBelow(z)).toBeCloseTo(below, 6);
    expect(normalBelow(Number.POSITIVE_INFINITY)).toBe(1);
    expect(normalBelow(Number.NEGATIVE_INFINITY)).toBe(0);
  });
});
