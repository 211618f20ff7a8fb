import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochOrder, type TrainingDraws, trainingDraws, viewDraws } from '../../src/data/sampling.js';
import { aVideo } from './videos.js';

const plan: TrainingDraws = {
  frames: 8,
  stride: 3,
  rate: 25,
  crop: 48,
  shortSides: { min: 54, max: 68 },
  flip: true,
  batchSize: 6,
  repeats: 1,
  seed: 7,
};
const set = (size: number) => Array.from({ length: size }, (_, i) => aVideo({ name: `${i}.mp4` }));

describe('clips for training', () => {
  it('come from each video once an epoch, in an order that changes, whatever the batch size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 12 }), (videos, batchSize) => {
        const draws = trainingDraws(set(videos), { ...plan, batchSize });
        const names = Array.from({ length: Math.ceil((2 * videos) / batchSize) }, (_, step) => draws(step))
          .flat()
          .map(({ video }) => video.name);
        expect(new Set(names.slice(0, videos)).size).toBe(videos);
        expect(new Set(names.slice(videos, 2 * videos)).size).toBe(videos);
      }),
    );
    expect(epochOrder(30, 7, 0)).not.toEqual(epochOrder(30, 7, 1));
    expect(epochOrder(30, 7, 0)).not.toEqual(epochOrder(30, 8, 0));
  });

  it('are the same for a step whether or not the steps before were drawn', () => {
    const [first, second] = [trainingDraws(set(10), plan), trainingDraws(set(10), plan)];
    for (let step = 0; step < 20; step++) first(step);
    expect(second(17)).toEqual(first(17));
    expect(second(17)).not.toEqual(first(18));
    expect(trainingDraws(set(10), { ...plan, seed: 8 })(17)).not.toEqual(first(17));
  });

  it('lie inside the video and inside the scaled frame', () => {
    const size = fc.integer({ min: 24, max: 400 });
    fc.assert(
      fc.property(
        size,
        size,
        fc.integer({ min: 1, max: 90 }),
        fc.nat(1000),
        (width, height, frames, step) => {
          const [draw] = trainingDraws([aVideo({ width, height, frames })], plan)(step);
          if (!draw) throw new Error('no draw');
          const short = Math.min(draw.width, draw.height);
          expect(short).toBeGreaterThanOrEqual(54);
          expect(short).toBeLessThanOrEqual(68);
          const scale = short / Math.min(width, height);
          expect(Math.abs(draw.width - width * scale)).toBeLessThanOrEqual(0.5 + 1e-9);
          expect(Math.abs(draw.height - height * scale)).toBeLessThanOrEqual(0.5 + 1e-9);
          expect(draw.x).toBeGreaterThanOrEqual(0);
          expect(draw.y).toBeGreaterThanOrEqual(0);
          expect(draw.x + draw.side).toBeLessThanOrEqual(draw.width);
          expect(draw.y + draw.side).toBeLessThanOrEqual(draw.height);
          draw.frames.forEach((index, i) => {
            const start = draw.frames[0] ?? 0;
            expect(index).toBe((start + 3 * i) % frames);
            if (frames >= 22) expect(index).toBe(start + 3 * i);
          });
        },
      ),
    );
  });

  it('start anywhere they fit, first and last place included, and are flipped half of the time', () => {
    const draws = trainingDraws([aVideo({ frames: 24 })], plan);
    const all = Array.from({ length: 100 }, (_, step) => draws(step)).flat();
    expect([...new Set(all.map(({ frames }) => frames[0]))].sort()).toEqual([0, 1, 2]);
    const flipped = all.filter(({ flip }) => flip).length / all.length;
    expect(flipped).toBeGreaterThan(0.42);
    expect(flipped).toBeLessThan(0.58);
    const unflipped = trainingDraws([aVideo()], { ...plan, flip: false });
    expect(
      Array.from({ length: 20 }, (_, step) => unflipped(step))
        .flat()
        .some(({ flip }) => flip),
    ).toBe(false);
  });

  it('take several different clips of the same video where augmentation is repeated', () => {
    const draws = trainingDraws(set(10), { ...plan, repeats: 3 })(0);
    const names = draws.map(({ video }) => video.name);
    expect(names[0]).toBe(names[1]);
    expect(names[0]).toBe(names[2]);
    expect(names[3]).not.toBe(names[0]);
    expect(draws[0]).not.toEqual(draws[1]);
  });
});

describe('views for testing', () => {
  const view = {
    frames: 8,
    stride: 3,
    rate: 25,
    shortSide: 54,
    crop: 48,
    strategy: 'center',
    views: 10,
  } as const;

  it('are spaced evenly from the first start to the last, in the middle of the frame', () => {
    const views = viewDraws(aVideo({ frames: 22 + 18 }), view);
    expect(views.map(({ frames }) => frames[0])).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
    expect(views[0]).toMatchObject({ width: 68, height: 54, x: 10, y: 3, side: 48, flip: false });
  });

  it('take the middle of the video where there is one of them', () => {
    expect(viewDraws(aVideo({ frames: 22 + 18 }), { ...view, views: 1 })[0]?.frames[0]).toBe(9);
  });

  it('cover the longer side with three windows for every clip', () => {
    const three = { ...view, strategy: 'left-center-right', crop: 54, views: 2 } as const;
    const wide = viewDraws(aVideo(), three);
    expect(wide.map(({ x, y }) => [x, y])).toEqual([
      [0, 0],
      [7, 0],
      [14, 0],
      [0, 0],
      [7, 0],
      [14, 0],
    ]);
    expect(wide[0]?.frames).toEqual(wide[2]?.frames);
    const tall = viewDraws(aVideo({ width: 144, height: 180 }), three);
    expect(tall.slice(0, 3).map(({ x, y }) => [x, y])).toEqual([
      [0, 0],
      [0, 7],
      [0, 14],
    ]);
  });

  it('loop a video that is shorter than a clip', () => {
    const [first] = viewDraws(aVideo({ frames: 10 }), view);
    expect(first?.frames).toEqual([0, 3, 6, 9, 2, 5, 8, 1]);
  });
});
