/** When a process that has ended is started again. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type End, MOST_PAUSE_MS, openRestarts, PACE, sayable, UP_MS } from '../../src/cli/restarts.js';

const end = (why: string, more: Partial<End> = {}): End => ({ why, ranMs: 0, sent: false, ...more });
const restartsAfter = (ends: readonly End[]) => {
  const restarted = openRestarts(PACE);
  return ends.map(restarted);
};
const ends = fc.array(
  fc.record({
    why: fc.constantFrom('exit 1', 'SIGSEGV', 'exit 3: no room'),
    ranMs: fc.integer({ min: 0, max: 2 * UP_MS }),
    sent: fc.boolean(),
  }),
  { minLength: 1, maxLength: 40 },
);

describe('a process that ended', () => {
  test('is started again after pauses that double up to a minute, as long as it does not stay up', () => {
    const pauses = restartsAfter(Array(12).fill(end('exit 1'))).map(({ pauseMs }) => pauseMs);
    expect(pauses).toEqual([
      100,
      200,
      400,
      800,
      1600,
      3200,
      6400,
      12_800,
      25_600,
      51_200,
      MOST_PAUSE_MS,
      MOST_PAUSE_MS,
    ]);
    const [first, second] = restartsAfter([end('exit 1'), end('exit 1', { ranMs: UP_MS })]);
    expect(second).toEqual(first);
  });

  test('is counted each cause for itself, whatever comes between; numbers make no other one', () => {
    const causes = ['exit 1: port 80', 'SIGSEGV', 'exit 1: port 81', 'SIGSEGV', 'exit 1: port 82'];
    expect(restartsAfter(causes.map((why) => end(why))).map(({ times }) => times)).toEqual([1, 1, 2, 2, 3]);
  });

  test('by another process has no fault in it, however often', () => {
    const [last] = restartsAfter(Array(50).fill(end('SIGKILL', { sent: true }))).reverse();
    expect(last).toMatchObject({ times: 50, faults: 0, pauseMs: MOST_PAUSE_MS });
  });

  test('is never counted more often than it ended', () => {
    fc.assert(
      fc.property(ends, (all) => {
        for (const [index, { times, faults }] of restartsAfter(all).entries()) {
          expect(times).toBeLessThanOrEqual(index + 1);
          expect(faults).toBeLessThanOrEqual(times);
        }
      }),
    );
  });

  test('is spoken of ever more seldom, with how often it was', () => {
    const said = restartsAfter(Array(20).fill(end('exit 1'))).flatMap((one) => sayable(one, 'exit 1') ?? []);
    expect(said).toEqual(['exit 1', ...[2, 4, 8, 16].map((times) => `exit 1; ${times} times`)]);
  });
});
