import { join } from 'node:path';
import fc from 'fast-check';
import { FF_ENCODER_MJPEG } from 'node-av/constants';
import { describe, expect, it } from 'vitest';
import { probeVideo } from '../../src/data/decoding.js';
import { openDataset } from '../../src/data/index.js';
import { type TrainingDraws, trainingDraws, viewDraws } from '../../src/data/sampling.js';
import { commonRate, frameAt, referenceFrames, timingOf } from '../../src/data/timing.js';
import { randomOf } from '../../src/random.js';
import { aVideo, retimed, temporaryFolder, writeClasses, writeGreys } from './videos.js';

const plan: TrainingDraws = {
  frames: 8,
  stride: 3,
  rate: 25,
  crop: 48,
  shortSides: { min: 54, max: 68 },
  flip: false,
  batchSize: 4,
  repeats: 1,
  seed: 7,
};
const view = { ...plan, shortSide: 54, strategy: 'center', views: 5 } as const;

/** The seconds at which a video of constant rate shows what a clip asks for. */
const secondsOf = (frames: readonly number[], rate: number) => frames.map((frame) => frame / rate);

describe('a video of the reference rate', () => {
  it('has its frames chosen by number: start + i x stride, from the first random number of the slot', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 400 }),
        fc.constantFrom(24, 25, 30000 / 1001, 59.94),
        fc.nat(1000),
        (frames, rate, step) => {
          const [draw] = trainingDraws([aVideo({ frames, framesPerSecond: rate })], { ...plan, rate })(step);
          const fits = frames - 22 + 1;
          const start = randomOf('clip', plan.seed, step, 0).whole(fits > 0 ? fits : frames);
          expect(draw?.frames).toEqual(Array.from({ length: 8 }, (_, i) => (start + 3 * i) % frames));
        },
      ),
    );
  });

  it('may state it a little otherwise: 29.97 is 30000/1001', () => {
    const video = aVideo({ frames: 3000, framesPerSecond: 30000 / 1001 });
    expect(referenceFrames(video, 29.97)).toBe(3000);
    expect(frameAt(video, 29.97, 2999)).toBe(2999);
  });
});

describe('a video of another rate', () => {
  it.each([10, 12.5, 24, 30, 50, 100])(
    'shows the same seconds at %s frames per second',
    (framesPerSecond) => {
      const same = viewDraws(aVideo({ frames: 60 }), view);
      const video = aVideo({ frames: Math.round(2.4 * framesPerSecond), framesPerSecond });
      const other = viewDraws(video, view);
      other.forEach(({ frames }, k) => {
        const wanted = secondsOf(same[k]?.frames ?? [], 25);
        secondsOf(frames, framesPerSecond).forEach((second, i) => {
          // The frame on screen: it came at most its own duration before.
          expect(second).toBeLessThanOrEqual((wanted[i] ?? 0) + 0.001);
          expect(second).toBeGreaterThan((wanted[i] ?? 0) - 1 / framesPerSecond);
        });
      });
    },
  );

  it('takes every fourth frame of four times the rate', () => {
    const [draw] = viewDraws(aVideo({ frames: 240, framesPerSecond: 100 }), { ...view, views: 1 });
    const start = draw?.frames[0] ?? 0;
    expect(draw?.frames).toEqual(Array.from({ length: 8 }, (_, i) => start + 12 * i));
  });

  it('loops in time where it is shorter than the clip', () => {
    const [draw] = viewDraws(aVideo({ frames: 20, framesPerSecond: 50 }), view);
    // 20 frames at 50 are 10 at 25.
    expect(draw?.frames).toEqual([0, 6, 12, 18, 4, 10, 16, 2]);
  });
});

describe('a video whose rate varies', () => {
  /** Ten frames in the first second, then one frame that stands for another. */
  const times = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.9];

  it('shows at each moment the last frame that has come', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 60 }),
        fc.nat(1000),
        (milliseconds, rate, reference) => {
          const own = [0, ...milliseconds.sort((a, b) => a - b).map((at) => at / 1000)];
          const video = aVideo({ frames: own.length, framesPerSecond: 10, times: own });
          const frame = frameAt(video, rate, reference);
          expect(own[frame]).toBeLessThanOrEqual(reference / rate + 0.001);
          if (frame + 1 < own.length) expect(own[frame + 1]).toBeGreaterThan(reference / rate + 0.001);
        },
      ),
    );
  });

  it('is told by its times, and one of a constant rate by their absence', () => {
    expect(timingOf(25, 11, times)).toEqual({ framesPerSecond: 10 / 1.9, times });
    const constant = Array.from({ length: 100 }, (_, i) => 7 + Math.round((1000 * i) / 29.97) / 1000);
    expect(timingOf(29.97, 100, constant)).toEqual({ framesPerSecond: 29.97 });
    // The container may be wrong about the mean.
    expect(timingOf(90, 100, constant).framesPerSecond).toBeCloseTo(29.97, 1);
    expect(timingOf(90, 100, constant).times).toBeUndefined();
  });

  it.each([
    ['are missing', 3, [0, 0.04]],
    ['go back', 3, [0, 0.08, 0.04]],
    ['stand still', 3, [1, 1, 1]],
    ['are no numbers', 3, [0, Number.NaN, 0.08]],
  ])('counts as constant where the times %s', (_, frames, seconds) => {
    expect(timingOf(30, frames, seconds)).toEqual({ framesPerSecond: 30 });
    expect(timingOf(Number.NaN, frames, seconds)).toEqual({ framesPerSecond: 25 });
  });

  it('is probed with the times that its file has', () => {
    const folder = temporaryFolder();
    const path = writeGreys(join(folder, 'a.mov'), 11, { codec: FF_ENCODER_MJPEG });
    const { times: probed, framesPerSecond } = probeVideo(
      retimed(path, join(folder, 'b.mkv'), (index) => times[index] ?? 0),
    );
    expect(probed).toEqual(times);
    expect(framesPerSecond).toBeCloseTo(10 / 1.9);
  });
});

describe('the reference rate of a set', () => {
  it('is that of most videos, the lower where two are as common, 29.97 and 30 counting together', () => {
    const rates = (...values: number[]) => values.map((framesPerSecond) => aVideo({ framesPerSecond }));
    expect(commonRate(rates(30, 25, 30, 50))).toBe(30);
    expect(commonRate(rates(50, 25))).toBe(25);
    expect(commonRate(rates(25, 25, 30000 / 1001, 30000 / 1001, 30))).toBe(29.97);
    expect(commonRate(rates(29.871, 30.012, 29.93, 25, 25))).toBe(29.871);
  });

  it('is that of the training videos, or the configured one, and decides the longest clip', async () => {
    const folder = temporaryFolder();
    writeClasses(join(folder, 'train'), { a: 2, b: 2 });
    writeClasses(join(folder, 'val'), { a: 5, b: 5 }, { framesPerSecond: 50 });
    const open = (rate?: number) =>
      openDataset({ path: folder, ...(rate ? { rate } : {}) }, { cacheFolder: temporaryFolder() });
    const dataset = await open();
    expect(dataset).toMatchObject({ rate: 25, limits: { maxSpan: 12 } });
    const slower = await open(12.5);
    expect(slower).toMatchObject({ rate: 12.5, limits: { maxSpan: 6 } });
    expect(slower.fingerprint).not.toBe(dataset.fingerprint);
    expect((await open(25)).fingerprint).toBe(dataset.fingerprint);
  });
});

describe('the pixels of a set', () => {
  it('are the mean and deviation over the training videos, each counting the same', async () => {
    const folder = temporaryFolder();
    // Greys of 20 to 20 + 8 x 11, evenly: a mean of 64, or of 24 for two frames.
    writeClasses(join(folder, 'train'), { a: 1 });
    writeGreys(join(folder, 'train', 'b', 'p0_b.mp4'), 2);
    writeClasses(join(folder, 'val'), { a: 1, b: 1 });
    const { pixels } = await openDataset({ path: folder }, { cacheFolder: temporaryFolder() });
    expect(pixels.mean).toBeCloseTo((64 + 24) / 2 / 255, 1);
    expect(pixels.deviation).toBeGreaterThan(0.08);
    expect(pixels.deviation).toBeLessThan(0.14);
    expect(String(pixels.mean).length).toBeLessThanOrEqual(5);
  });

  it('are measured on frames spread over the whole video', () => {
    const path = writeGreys(join(temporaryFolder(), 'a.mp4'), 28);
    const { mean } = probeVideo(path).pixels;
    // Off by half the space between them at most, since the first is one of them.
    expect(Math.abs(255 * mean - (20 + 8 * 13.5))).toBeLessThan(8 * 3.5);
  });
});
