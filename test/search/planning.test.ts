/** A search before it begins: what is warned of, and what is foretold. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Dataset, Video } from '../../src/data/index.js';
import { planOf, type WorkerAtHand } from '../../src/search/planning/plan.js';
import { leastRight, warningsOn } from '../../src/search/planning/warnings.js';
import { fittedPace, type Speed, stepSeconds } from '../../src/training/speed.js';
import { aVideo } from '../data/videos.js';
import { configuredOn } from './searching.js';

const CLASSES = ['bend', 'jump', 'walk'];
const LENGTHS = { train: 6, validation: 3, test: 3 } as const;

/** Three people train, one validates, one tests; each does everything. */
const videos: Video[] = (['train', 'validation', 'test'] as const).flatMap((part) =>
  CLASSES.flatMap((name, label) =>
    Array.from({ length: LENGTHS[part] }, (_, i) =>
      aVideo({
        name: `${part}${i}_${name}.mp4`,
        label,
        part,
        group: `${part}${i}`,
        digest: `${part}${i}${name}`,
      }),
    ),
  ),
);

const opened = (own: readonly Video[] = videos, changes: Partial<Dataset> = {}): Dataset => {
  const count = (part: Video['part']) => own.filter((video) => video.part === part).length;
  return {
    classes: CLASSES,
    videos: own,
    parts: { train: count('train'), validation: count('validation'), test: count('test') },
    skipped: [],
    noVideo: [],
    remarks: [],
    fingerprint: 'f00d',
    limits: { maxSpan: 60, maxCrop: 150 },
    rate: 25,
    pixels: { mean: 0.5, deviation: 0.2 },
    dividedAsGiven: false,
    flip: true,
    ...changes,
  };
};

const changed = (index: number, change: Partial<Video>): Video[] =>
  videos.map((video, i) => (i === index ? { ...video, ...change } : video));

const codes = (dataset: Dataset) => warningsOn(dataset).map(({ code }) => code);
const warned = (dataset: Dataset, code: string) =>
  warningsOn(dataset).find((warning) => warning.code === code);

describe('a careful colleague', () => {
  test('has nothing to say of a set that is as it should be', () => {
    expect(codes(opened())).toEqual([]);
  });

  test('names the classes that nothing validates', () => {
    const own = videos.filter(({ part, label }) => part !== 'validation' || label !== 1);
    expect(warned(opened(own), 'no-validation-videos')).toMatchObject({
      names: ['jump'],
      message: expect.stringMatching(/^1 class has no validation videos: jump\./),
    });
  });

  test('says that without a test part the figure at the end is too high', () => {
    expect(codes(opened(videos.filter(({ part }) => part !== 'test')))).toContain('no-test-part');
  });

  test('finds the same content in two parts, and in two classes, but not twice in one', () => {
    const copy = (of: number, to: number) => changed(to, { digest: videos[of]?.digest ?? '' });
    expect(warned(opened(copy(0, 20)), 'same-content')?.names).toEqual([
      'validation2_bend.mp4 (validation) = train0_bend.mp4 (training)',
    ]);
    expect(codes(opened(copy(0, 6)))).toContain('same-content');
    expect(codes(opened(copy(0, 1)))).toEqual([]);
  });

  test('counts the videos that are shorter than a second', () => {
    expect(warned(opened(changed(3, { seconds: 0.96 })), 'short-videos')?.message).toMatch(
      /^1 video is shorter than a second: train3_bend\.mp4\./,
    );
    expect(codes(opened(changed(3, { seconds: 1 })))).toEqual([]);
  });

  test('tells frame rates apart, though not 29.97 from 30, and a class that has one to itself', () => {
    const at = (rate: (video: Video) => number) =>
      videos.map((video) => ({ ...video, framesPerSecond: rate(video) }));
    expect(codes(opened(at(({ label }) => (label === 0 ? 29.97 : 30))))).toEqual([]);
    expect(codes(opened(at(({ name }) => (name.includes('0') ? 50 : 25))))).toEqual(['mixed-rates']);
    expect(warned(opened(at(({ label }) => (label === 2 ? 50 : 25))), 'rate-tells-class')?.names).toEqual([
      'walk',
    ]);
    expect(warned(opened(changed(0, { times: [0, 1] })), 'mixed-rates')?.message).toMatch(
      /1 has a rate that varies/,
    );
  });

  test('names the classes whose few videos could all be right by luck', () => {
    const own = videos.filter(({ part, name }) => part !== 'test' || name.startsWith('test0'));
    expect(warned(opened(own), 'too-few-to-tell')).toMatchObject({
      names: CLASSES,
      message: expect.stringMatching(/3 classes have fewer than 3 test videos/),
    });
  });

  test('asks for groups where nothing says what belongs together', () => {
    const alone = videos.map(({ group: _, ...video }) => video);
    expect(codes(opened(alone))).toEqual(['no-groups']);
    expect(codes(opened(alone, { dividedAsGiven: true }))).toEqual([]);
  });
});

describe('what is more than guessing', () => {
  test('is what guessing comes to one time in twenty or less, by the sum over all ways to be right', () => {
    const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 2, max: 20 }), (count, classes) => {
        const chance = 1 / classes;
        const atLeast = (right: number) =>
          Array.from({ length: count - right + 1 }, (_, i) => right + i).reduce(
            (sum, k) => sum + choose(count, k) * chance ** k * (1 - chance) ** (count - k),
            0,
          );
        const least = leastRight(count, chance);
        if (least === undefined) expect(atLeast(count)).toBeGreaterThan(0.05);
        else {
          expect(atLeast(least)).toBeLessThanOrEqual(0.05);
          expect(atLeast(least - 1)).toBeGreaterThan(0.05);
        }
      }),
    );
  });
});

describe('a pace', () => {
  test('is found again from steps that took as long as it says', () => {
    const time = fc.double({ min: 1e-3, max: 1, noNaN: true });
    fc.assert(
      fc.property(time, time, time, (a, b, c) => {
        const pace = { perStep: a / 10, perMultiplyAdd: b * 1e-9, perActivationByte: c * 1e-8 };
        const sizes = [
          [1e6, 4e5],
          [4e6, 1.6e6],
          [3e6, 4e5],
          [2e6, 9e5],
          [1e7, 2e6],
        ].map(([multiplyAdds = 0, activationBytes = 0]) => ({ multiplyAdds, activationBytes, clips: 16 }));
        const found = fittedPace(sizes.map((size) => ({ ...size, seconds: stepSeconds(pace, 16, size) })));
        for (const size of sizes)
          expect(stepSeconds(found, 16, size) / stepSeconds(pace, 16, size)).toBeCloseTo(1, 2);
      }),
    );
  });
});

describe('a plan', () => {
  const speed: Speed = {
    device: 'cpu',
    threads: 1,
    beside: 1,
    base: 'x2d-micro',
    version: 1,
    at: '2026-11-27T12:00:00.000Z',
    start: 2,
    perStep: 1e-3,
    perMultiplyAdd: 1e-9,
    perActivationByte: 1e-9,
  };
  const workers = (count: number): WorkerAtHand[] => Array(count).fill({ device: 'cpu', threads: 1, speed });
  const dataset = opened();
  const configured = (changes: object = {}) =>
    configuredOn(
      { ...dataset, classes: CLASSES, skipped: 0, folds: 1, chance: { accuracy: 1 / 3, loss: Math.log(3) } },
      { base: 'x2d-micro', method: 'race', target: '3M', ...changes },
    );

  test('says how many rounds and trainings come before the target, how long they take and how much disk', async () => {
    const { checks, warnings, estimate } = await planOf(configured(), dataset, workers(1));
    expect(checks.every(({ passed }) => passed)).toBe(true);
    expect(warnings).toEqual([]);
    const { rounds, trainings, minutes, diskBytes, crews } = estimate ?? {};
    expect(rounds?.likely).toBeGreaterThanOrEqual(2);
    expect(trainings?.likely).toBeGreaterThan(5 * (rounds?.likely ?? 0));
    expect(minutes?.from).toBeLessThan(minutes?.likely ?? 0);
    expect(minutes?.experience).toMatchObject({ searches: expect.any(Number) });
    expect(crews).toEqual([{ device: 'cpu', threads: 1, workers: 1, measuredAt: speed.at }]);
    expect(diskBytes?.total).toBe((diskBytes?.frames ?? 0) + (diskBytes?.trainings ?? 0));
    // 60 frames of 36 videos at 80 x 64 pixels: what a search on crops of 48 pixels needs at the least.
    expect(diskBytes?.frames).toBeGreaterThanOrEqual(36 * 60 * 80 * 64 * 3);
  });

  test('of more workers takes less time, but no fewer trainings', async () => {
    const [one, six] = await Promise.all(
      [1, 6].map((count) => planOf(configured(), dataset, workers(count))),
    );
    expect(six?.estimate?.trainings).toEqual(one?.estimate?.trainings);
    const [slow = 0, fast = 0] = [one, six].map((plan) => plan?.estimate?.minutes?.likely);
    expect(fast).toBeLessThan(slow / 2);
    expect(fast).toBeGreaterThan(slow / 6);
  });

  test('without a measured speed has no minutes', async () => {
    const { estimate } = await planOf(configured(), dataset, [
      { device: 'cpu', threads: 1, measuring: true },
    ]);
    expect(estimate).toMatchObject({ measuring: true, trainings: { likely: expect.any(Number) } });
    expect(estimate).not.toHaveProperty('minutes');
  });

  test('of what a search is refused for has no estimate, but what is wrong', async () => {
    const { checks, estimate } = await planOf(configured({ target: '0.1M' }), dataset, workers(1));
    expect(estimate).toBeUndefined();
    expect(checks.filter(({ passed }) => !passed)).toMatchObject([
      { subject: 'target', expected: expect.stringMatching(/^at least the multiplyAdds of x2d-micro/) },
    ]);
  });

  test('says when the budget ends it before the target', async () => {
    const { warnings } = await planOf(configured({ budget: '0.2T' }), dataset, workers(1));
    expect(warnings).toMatchObject([
      {
        code: 'budget-ends-it',
        message: expect.stringMatching(/will probably end the search after 1 round,/),
      },
    ]);
  });
});
