/** When a search that runs will be over, as it is foretold on the way. */
import { describe, expect, test } from 'vitest';
import { stamped } from '../../src/search/events.js';
import { apply } from '../../src/search/fold.js';
import { endingOf } from '../../src/search/planning/ending.js';
import { takingOn } from '../../src/search/planning/plan.js';
import { type SearchState, trainingsOf } from '../../src/search/state.js';
import type { Speed } from '../../src/training/speed.js';
import { configuredOn, created, dataset, nextEvents, scored, withEvents } from './searching.js';

const speed: Speed = {
  ...{ device: 'cpu', threads: 1, beside: 1, base: 'x2d-micro', version: 1, at: '2026-01-01T00:00:00.000Z' },
  ...{ start: 3, perStep: 0.01, perMultiplyAdd: 1e-9, perActivationByte: 0 },
};
const begun = created(configuredOn(dataset, { base: 'x2d-micro', target: '6M' }), dataset);
const taking = takingOn(begun, speed);
/** This machine is slower than it was when its speed was measured. */
const SLOWER = 3;

interface Moment {
  readonly state: SearchState;
  /** Since the search began, seconds. */
  readonly at: number;
}

const iso = (seconds: number) => new Date(1000 * seconds).toISOString();
const workOf = (state: SearchState, id: string) => {
  const training = trainingsOf(state).find((one) => one.id === id);
  if (!training) throw new Error(`no training ${id}`);
  return training.work;
};

/** A search by one worker, after each event. */
function* going(): Generator<Moment> {
  let state = begun;
  let at = 0;
  for (;;) {
    yield { state, at };
    let begins: string | undefined;
    const events = nextEvents(state, ({ training }) => {
      begins = training.id;
      at += SLOWER * taking(training.work);
      return scored(0.5);
    });
    if (!events) return;
    const before = at - (begins === undefined ? 0 : SLOWER * taking(workOf(state, begins)));
    if (begins !== undefined)
      state = apply(
        state,
        stamped({ kind: 'training-started', training: begins, worker: 'w1' }, iso(before)),
      );
    for (const event of events) state = apply(state, stamped(event, iso(at)));
  }
}
const moments = [...going()];
const whole = moments.at(-1)?.at ?? 0;
const isFinished = ({ state }: Moment) =>
  trainingsOf(state).some(({ progress }) => progress.kind === 'finished');

const secondsLeft = ({ state, at }: Moment, speeds: readonly (Speed | undefined)[]) => {
  const now = new Date(1000 * at);
  const ending = endingOf(state, speeds, now);
  return ending && (Date.parse(ending.likely) - now.getTime()) / 1000;
};

describe('the end of a search', () => {
  test('is what is left of the plan, at the pace that its trainings had', () => {
    const some = moments.filter((moment, index) => isFinished(moment) && index % 3 === 0);
    expect(some.length).toBeGreaterThan(4);
    for (const moment of some.filter(({ state }) => state.status.kind === 'running')) {
      const left = secondsLeft(moment, [speed]);
      expect(left).toBeGreaterThanOrEqual(0.6 * (whole - moment.at));
      expect(left).toBeLessThanOrEqual(1.6 * (whole - moment.at));
    }
  });

  test('of the last training alone is known to the second, less what it took by now', () => {
    const last = moments.find(({ state }) => state.final?.trainings[0]);
    const training = last?.state.final?.trainings[0];
    if (!last || !training) throw new Error('a search without a last training');
    const whole = SLOWER * taking(training.work);
    expect(secondsLeft(last, [speed])).toBeCloseTo(whole, 2);
    const started = withEvents(last.state, [
      { kind: 'training-started', training: training.id, worker: 'w1' },
    ]);
    const progress = started.final?.trainings[0]?.progress;
    const began = Date.parse(progress?.kind === 'started' ? progress.at : '') / 1000;
    expect(secondsLeft({ state: started, at: began + 1 }, [speed])).toBeCloseTo(whole - 1, 2);
    expect(secondsLeft({ state: started, at: began + 2 * whole }, [speed])).toBe(0);
  });

  test('is foretold by its trainings alone where no speed was measured', () => {
    const [before] = moments.filter((moment) => !isFinished(moment) && moment.state.candidates.length > 0);
    const after = moments.find(({ at }) => at > whole / 3);
    if (!before || !after) throw new Error('a search without trainings');
    expect(secondsLeft(before, [undefined])).toBeUndefined();
    expect(secondsLeft(before, [speed])).toBeGreaterThan(0);
    expect(secondsLeft(after, [undefined])).toBeGreaterThan(0);
  });

  test('is nothing of one that nobody trains, or that does not run', () => {
    const [first] = moments.filter(isFinished);
    const last = moments.at(-1);
    if (!first || !last) throw new Error('a search without trainings');
    expect(secondsLeft(first, [])).toBeUndefined();
    expect(secondsLeft(last, [speed])).toBeUndefined();
  });
});
