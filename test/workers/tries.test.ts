/** When a training that failed is tried again, and what counts as its result. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TrainingFailure } from '../../src/training/training.js';
import type { Attempt } from '../../src/workers/job.js';
import { attemptsOf, isFinal, MOST_PAUSE_MS, noted } from '../../src/workers/tries.js';

const failure = (kind: TrainingFailure['kind'], retry: TrainingFailure['retry']): TrainingFailure => ({
  kind,
  retry,
  reason: kind,
});
const KILLED = failure('killed', 'later');
const DISK = failure('disk', 'later');
const REFUSED = failure('internal', 'later');
const CRASHED = failure('internal', 'here');
const MEMORY = failure('out-of-memory', 'elsewhere');
const kinds = fc.constantFrom(KILLED, DISK, REFUSED, CRASHED, MEMORY);

/** Tries that failed one after the other, each after `ranMs`. */
function triedAs(failures: readonly TrainingFailure[], ranMs = 0): readonly Attempt[] {
  let now = 0;
  return failures.reduce<readonly Attempt[]>((tries, one) => {
    const began = new Date(now);
    now += ranMs;
    const next = noted(tries, one, { place: 'here', began, now: new Date(now) });
    now = Date.parse(next.at(-1)?.until ?? '');
    return next;
  }, []);
}
const pauseAfter = (tries: readonly Attempt[]) => {
  const { until = '', at = '' } = tries.at(-1) ?? {};
  return Date.parse(until) - Date.parse(at);
};

describe('a fault of the world', () => {
  test('is never a result, however often it comes and whatever comes between', () => {
    fc.assert(
      fc.property(fc.array(kinds, { maxLength: 60 }), (before) => {
        expect(isFinal(triedAs([...before, KILLED]))).toBe(false);
      }),
    );
  });

  test('is waited for in pauses that double, up to a minute', () => {
    const pauses = Array.from({ length: 9 }, (_, i) => pauseAfter(triedAs(Array(i + 1).fill(DISK))));
    expect(pauses).toEqual([
      1000,
      2000,
      4000,
      8000,
      16_000,
      32_000,
      MOST_PAUSE_MS,
      MOST_PAUSE_MS,
      MOST_PAUSE_MS,
    ]);
  });

  test('is another one after a long time without one', () => {
    expect(pauseAfter(triedAs([KILLED, KILLED, KILLED], MOST_PAUSE_MS + 1))).toBe(1000);
  });
});

describe("a training's own failures", () => {
  test('count, each kind for itself, whatever the world does between them', () => {
    fc.assert(
      fc.property(fc.array(kinds, { maxLength: 15 }), (failures) => {
        const tries = triedAs(failures);
        const last = failures.at(-1);
        const own = failures.filter((one) => one === last).length;
        expect(isFinal(tries)).toBe(last !== undefined && own >= attemptsOf(last));
      }),
    );
  });

  test('are tried five times, and eight times over two minutes where nobody foresaw them', () => {
    const tries = (one: TrainingFailure) =>
      Array.from({ length: 20 }, (_, i) => isFinal(triedAs(Array(i + 1).fill(one)))).indexOf(true) + 1;
    expect([MEMORY, CRASHED].map(tries)).toEqual([5, 8]);
    const pauses = Array.from({ length: 7 }, (_, i) => pauseAfter(triedAs(Array(i + 1).fill(CRASHED))));
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, MOST_PAUSE_MS]);
  });

  test('are its result at once where another try makes no sense', () => {
    expect(isFinal(triedAs([failure('not-a-number', 'never')]))).toBe(true);
  });
});

test('what is noted of a training stays short', () => {
  fc.assert(
    fc.property(fc.array(kinds, { maxLength: 200 }), (failures) => {
      expect(triedAs(failures).length).toBeLessThanOrEqual(20);
    }),
  );
});
