/** The search with an evaluator of the caller's. */
import { describe, expect, it } from 'vitest';
import { type Evaluation, type Evaluator, search } from '../../src/search/evaluator.js';
import type { SearchEvent } from '../../src/search/events.js';

const SPACE = { target: '4M', classes: 10, recipe: { learningRate: 0.1, mixup: 0 } } as const;

/** The more frames the better, whatever else. */
const framesCount: Evaluator = async ({ factors }) => ({ accuracy: 1 - 0.8 / Math.sqrt(factors.frames) });

describe('a search with an evaluator', () => {
  it('finds what the evaluator prefers, within the target, and measures it in full at the end', async () => {
    const asked: Evaluation[] = [];
    const found = await search(SPACE, async (network, signal) => {
      asked.push(network);
      return framesCount(network, signal);
    });
    expect(found.status).toBe('ended');
    const { factors, cost } = found.final ?? {};
    expect(factors?.frames).toBe(Math.max(...asked.map((one) => one.factors.frames)));
    expect(cost?.multiplyAdds).toBeLessThanOrEqual(4e6);
    const final = asked.filter((one) => one.final);
    expect(final).toHaveLength(1);
    expect(final[0]?.recipe.steps).toBe(4 * (asked[0]?.recipe.steps ?? 0));
    expect(final[0]?.network.input.slice(0, 3)).toEqual([factors?.frames, factors?.crop, factors?.crop]);
  });

  it('measures as many side by side as it may, and comes to the same in any order', async () => {
    let now = 0;
    let most = 0;
    const slowly: Evaluator = async (network, signal) => {
      most = Math.max(most, ++now);
      await new Promise((done) => setTimeout(done, 1 + (network.cost.parameters % 5)));
      now--;
      return framesCount(network, signal);
    };
    const one = await search(SPACE, framesCount);
    const many = await search(SPACE, slowly, { parallel: 3 });
    expect(most).toBe(3);
    expect(many.final?.factors).toEqual(one.final?.factors);
  });

  it('goes on from its events where an error ended it', async () => {
    const events: SearchEvent[] = [];
    let calls = 0;
    const failing: Evaluator = async (network, signal) => {
      if (++calls === 5) throw new Error('the disk is full');
      return framesCount(network, signal);
    };
    const onEvent = (event: SearchEvent) => events.push(event);
    await expect(search(SPACE, failing, { onEvent })).rejects.toThrow('the disk is full');
    const measured = events.filter(({ kind }) => kind === 'training-finished').length;
    expect(measured).toBe(4);
    const resumed = await search(SPACE, failing, { events: JSON.parse(JSON.stringify(events)), onEvent });
    const whole = await search(SPACE, framesCount);
    expect(resumed.final?.factors).toEqual(whole.final?.factors);
    expect(events.filter(({ kind }) => kind === 'search-created')).toHaveLength(1);
    await expect(search({ ...SPACE, target: '5M' }, framesCount, { events })).rejects.toMatchObject({
      kind: 'conflict',
    });
  });

  it('tells what it measures that it is wanted no more when it is aborted', async () => {
    const stop = new AbortController();
    const signals: AbortSignal[] = [];
    const never: Evaluator = (_, signal) => {
      signals.push(signal);
      if (signals.length === 2) stop.abort(new Error('enough'));
      return new Promise(() => {});
    };
    await expect(search(SPACE, never, { parallel: 2, signal: stop.signal })).rejects.toThrow('enough');
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  });

  it.each([
    [{ accuracy: 1.5 }, 'what the evaluator gave back: accuracy'],
    [{}, 'what the evaluator gave back: accuracy'],
    [{ accuracy: 0.5, lost: 1 }, 'what the evaluator gave back: lost'],
    [Number.NaN, 'what the evaluator gave back'],
  ])('refuses %o as figures', async (figures, subject) => {
    await expect(search(SPACE, async () => figures as never)).rejects.toMatchObject({
      kind: 'invalid-input',
      facts: { subject },
    });
  });

  it.each([
    [{ classes: 1 }, 'classes'],
    [{ videos: 0 }, 'videos'],
    [{ maxCrop: 1.5 }, 'maxCrop'],
    [{ target: '10K' }, 'target'],
    [{ targets: 1 }, 'targets'],
  ])('refuses a space with %o', async (changes, subject) => {
    const space = { ...SPACE, ...changes } as never;
    await expect(search(space, framesCount)).rejects.toMatchObject({
      kind: 'invalid-input',
      facts: { subject },
    });
  });
});
