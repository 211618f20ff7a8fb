/** The folds of a set: who learns and who validates when each group but those that test takes a turn. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AS_DIVIDED, divided, foldsOf } from '../../src/data/folds.js';
import type { Part, Video } from '../../src/data/index.js';
import { splitByShares } from '../../src/data/splitting.js';

const shares = { train: 0.6, validation: 0.2, test: 0.2 };
const countOf = (videos: readonly { readonly part: Part }[]) => ({
  train: videos.filter(({ part }) => part === 'train').length,
  validation: videos.filter(({ part }) => part === 'validation').length,
  test: videos.filter(({ part }) => part === 'test').length,
});

type Drawn = { readonly label: number; readonly group?: string };
const setOf = (drawn: readonly Drawn[], dividedAsGiven = false) => {
  const named = drawn.map((one, i) => ({ name: `video ${i}.mp4`, ...one }));
  const parts = splitByShares(named, shares, 0);
  const videos = named.map(
    (one, i): Video => ({
      ...one,
      part: parts[i] as Part,
      path: `/videos/${one.name}`,
      frames: 60,
      width: 64,
      height: 48,
      framesPerSecond: 30,
      seconds: 2,
      digest: `${i}`,
    }),
  );
  const classes = [...new Set(drawn.map(({ label }) => label))].sort().map((label) => `class ${label}`);
  return { classes, videos, parts: countOf(videos), dividedAsGiven };
};

/** Labels are drawn in rows, so that the classes are numbered from 0 without gaps. */
const set = fc
  .record({
    classes: fc.integer({ min: 2, max: 5 }),
    groups: fc.integer({ min: 2, max: 12 }),
    more: fc.array(fc.tuple(fc.nat(99), fc.nat(99)), { maxLength: 40 }),
    grouped: fc.boolean(),
  })
  .map(({ classes, groups, more, grouped }) => {
    const each = Array.from({ length: groups }, (_, group) =>
      Array.from({ length: classes }, (_, label) => [label, group] as const),
    ).flat();
    const all = [...each, ...more.map(([label, group]) => [label % classes, group % groups] as const)];
    return setOf(all.map(([label, group]) => ({ label, ...(grouped ? { group: `g${group}` } : {}) })));
  });

const foldsIn = (of: ReturnType<typeof setOf>) => {
  const number = foldsOf(of);
  return Array.from({ length: number }, (_, fold) => divided(of, { kind: 'fold', fold, of: number }));
};

describe('the folds of any set', () => {
  it('have each video that does not test validate once, and no other', () => {
    fc.assert(
      fc.property(set, (whole) => {
        const folds = foldsIn(whole);
        for (const [i, { part, name }] of whole.videos.entries()) {
          const turns = folds.map((fold) => fold.videos[i]?.part);
          if (part === 'test') expect(new Set(turns), name).toEqual(new Set(['test']));
          // One fold is the set as it stands, and no more than that.
          else if (folds.length > 1) expect(turns.filter((turn) => turn === 'validation')).toHaveLength(1);
        }
      }),
    );
  });

  it('keep groups together, and train on every class', () => {
    fc.assert(
      fc.property(set, (whole) => {
        const folds = foldsIn(whole);
        for (const { videos, parts, classes } of folds) {
          const partOf = new Map(videos.map(({ group, part }) => [group, part]));
          for (const { group, part } of videos) if (group !== undefined) expect(part).toBe(partOf.get(group));
          expect(parts).toEqual(countOf(videos));
          if (folds.length === 1) continue;
          expect(parts.validation).toBeGreaterThan(0);
          const trained = videos.filter(({ part }) => part === 'train').map(({ label }) => label);
          expect(new Set(trained).size).toBe(classes.length);
        }
      }),
    );
  });

  it('are the same whenever they are asked for, and whatever order the videos stand in', () => {
    fc.assert(
      fc.property(set, fc.nat(1000), (whole, turn) => {
        const turned = [...whole.videos.slice(turn % 7), ...whole.videos.slice(0, turn % 7)];
        const other = { ...whole, videos: turned };
        expect(foldsOf(other)).toBe(foldsOf(whole));
        const parts = (of: typeof whole) =>
          foldsIn(of).map(
            ({ videos }) => new Map([...videos].map(({ name, part }) => [name, part] as const)),
          );
        expect(parts(other)).toEqual(parts(whole));
      }),
    );
  });

  it('begin with the set as it stands', () => {
    fc.assert(
      fc.property(set, (whole) => {
        expect(foldsIn(whole)[0]).toEqual(whole);
        expect(divided(whole, AS_DIVIDED)).toEqual(whole);
      }),
    );
  });
});

describe('a set', () => {
  const people = Array.from({ length: 90 }, (_, i) => ({
    label: i % 10,
    group: `person${Math.floor(i / 10)}`,
  }));

  it('of nine people, five to train and two to validate, has a fold for about each two of them', () => {
    const whole = setOf(people);
    expect(whole.parts).toEqual({ train: 50, validation: 20, test: 20 });
    const folds = foldsIn(whole);
    expect(folds.map(({ parts }) => parts.validation)).toEqual([20, 20, 20, 10].slice(0, folds.length));
    expect(folds.length).toBeGreaterThan(2);
  });

  it('that its owner divided has no other fold', () => {
    expect(foldsOf(setOf(people, true))).toBe(1);
  });

  it('in which one group has all of a class keeps that group in training, in whatever fold', () => {
    const whole = setOf([
      ...people.map(({ group, label }) => ({ group, label: label % 2 })),
      ...Array.from({ length: 10 }, () => ({ group: 'person0', label: 2 })),
    ]);
    for (const { videos, parts } of foldsIn(whole)) {
      if (parts.train === 0) continue;
      const trained = new Set(videos.filter(({ part }) => part === 'train').map(({ label }) => label));
      if (whole.videos.some(({ label, part }) => label === 2 && part === 'train'))
        expect(trained).toContain(2);
    }
  });

  it('trained on train and validation together leaves the test videos where they are', () => {
    const whole = setOf(people);
    const { parts, videos } = divided(whole, { kind: 'joined' });
    expect(parts).toEqual({ train: 70, validation: 0, test: 20 });
    expect(videos.map(({ part }) => part === 'test')).toEqual(
      whole.videos.map(({ part }) => part === 'test'),
    );
  });
});
