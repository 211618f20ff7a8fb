import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PARTS } from '../../src/data/dataset.js';
import { quotas, splitByShares } from '../../src/data/splitting.js';

const shares = { train: 0.56, validation: 0.22, test: 0.22 };
const counts = (parts: readonly string[]) =>
  ['train', 'validation', 'test'].map((part) => parts.filter((own) => own === part).length);

/** 90 clips: each of nine people does each of ten things. */
const people = Array.from({ length: 90 }, (_, i) => ({
  name: `action${i % 10}/person${Math.floor(i / 10)}.avi`,
  label: i % 10,
  group: `person${Math.floor(i / 10)}`,
}));

describe('a split by shares', () => {
  it('gives nine people at .56, .22 and .22 as five, two and two, whatever the seed', () => {
    for (let seed = 0; seed < 20; seed++)
      expect(counts(splitByShares(people, shares, seed))).toEqual([50, 20, 20]);
  });

  it('is another one for another seed, and the same for the same', () => {
    expect(splitByShares(people, shares, 1)).toEqual(splitByShares(people, shares, 1));
    expect(splitByShares(people, shares, 1)).not.toEqual(splitByShares(people, shares, 2));
  });

  it('keeps groups together and leaves no part with a share empty, for any groups', () => {
    const videos = fc.array(fc.record({ label: fc.nat(4), group: fc.nat(12) }), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(videos, fc.nat(100), (drawn, seed) => {
        const named = drawn.map(({ label, group }, i) => ({ name: `${i}`, label, group: `${group}` }));
        const parts = splitByShares(named, shares, seed);
        const partOf = new Map(named.map(({ group }, i) => [group, parts[i]]));
        named.forEach(({ group }, i) => {
          expect(parts[i]).toBe(partOf.get(group));
        });
        const quota = quotas(partOf.size, shares);
        const groupsIn = counts([...partOf.values()].map(String));
        PARTS.forEach((part, i) => {
          if (quota[part] > 0) expect(groupsIn[i], part).toBeGreaterThan(0);
          else expect(groupsIn[i], part).toBe(0);
        });
      }),
    );
  });

  it('follows the quotas where groups are of one size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 4 }), (groups, size) => {
        const videos = Array.from({ length: groups * size }, (_, i) => ({
          name: `${i}`,
          label: i % 3,
          group: `${i % groups}`,
        }));
        const { train, validation, test } = quotas(groups, shares);
        expect(counts(splitByShares(videos, shares, 0))).toEqual(
          [train, validation, test].map((quota) => quota * size),
        );
      }),
    );
  });

  it('follows the shares of videos where a few groups hold most of them, whatever the seed', () => {
    // Ten cameras; four of them hold six videos of seven.
    const cameras = [132, 106, 99, 84, 31, 13, 12, 8, 5, 1];
    const videos = cameras.flatMap((size, camera) =>
      Array.from({ length: size }, (_, i) => ({
        name: `${camera}/${i}`,
        label: i % 4,
        group: `${camera}`,
      })),
    );
    for (let seed = 0; seed < 10; seed++) {
      const [train, validation, test] = counts(
        splitByShares(videos, { train: 0.7, validation: 0.15, test: 0.15 }, seed),
      ) as [number, number, number];
      expect(train).toBeGreaterThan(270);
      for (const part of [validation, test]) {
        expect(part).toBeGreaterThan(50);
        expect(part).toBeLessThan(100);
      }
    }
  });

  it('keeps the classes in proportion without groups, small ones included', () => {
    const sizes = [40, 20, 3, 2];
    const videos = sizes.flatMap((size, label) =>
      Array.from({ length: size }, (_, i) => ({ name: `${label}/${i}`, label })),
    );
    const parts = splitByShares(videos, { train: 0.7, validation: 0.15, test: 0.15 }, 3);
    const ofClass = (label: number) => counts(parts.filter((_, i) => videos[i]?.label === label));
    expect(ofClass(0)[0]).toBeGreaterThanOrEqual(27);
    expect(ofClass(0)[0]).toBeLessThanOrEqual(29);
    expect(ofClass(1)[0]).toBeGreaterThanOrEqual(13);
    for (const label of [0, 1]) for (const count of ofClass(label)) expect(count).toBeGreaterThan(0);
    for (const label of [2, 3]) expect(ofClass(label)[0]).toBeGreaterThan(0);
  });

  it('leaves no part with a share empty where there is enough, and a part without one empty', () => {
    expect(quotas(4, { train: 0.9, validation: 0.05, test: 0.05 })).toEqual({
      train: 2,
      validation: 1,
      test: 1,
    });
    expect(quotas(10, { train: 0.8, validation: 0.2, test: 0 })).toEqual({
      train: 8,
      validation: 2,
      test: 0,
    });
  });
});
