/**
 * Divides videos into parts by shares. What is divided is groups (a video without a group is one of its own): each
 * part gets its share of them, rounded by largest remainders, and among the ways to do so each group goes where its
 * classes are most wanting, so that every part has every class about as often as the whole.
 */
import { randomOf } from '../random.js';
import { PARTS, type Part } from './dataset.js';

export type Shares = Readonly<Record<Part, number>>;

interface Divided {
  readonly name: string;
  readonly label: number;
  readonly group?: string;
}

interface Group {
  readonly key: string;
  readonly members: readonly number[];
  /** Videos of each class. */
  readonly perClass: ReadonlyMap<number, number>;
  /** The class that most of its videos have. */
  readonly main: number;
}

/** Differences below this are rounding. */
const TINY = 1e-9;

/** Whole numbers that sum to `count`; a part that has a share gets one where there is enough. */
export function quotas(count: number, shares: Shares): Record<Part, number> {
  const exact = PARTS.map((part) => shares[part] * count);
  const whole = exact.map((value) => Math.floor(value + TINY));
  const left = count - whole.reduce((a, b) => a + b, 0);
  const byRemainder = PARTS.map((_, i) => i).sort(
    (a, b) => (exact[b] ?? 0) - (whole[b] ?? 0) - ((exact[a] ?? 0) - (whole[a] ?? 0)) || a - b,
  );
  for (const i of byRemainder.slice(0, left)) whole[i] = (whole[i] ?? 0) + 1;
  const [train = 0, validation = 0, test = 0] = whole;
  const result = { train, validation, test };
  for (const part of ['validation', 'test'] as const) {
    if (shares[part] > 0 && result[part] === 0 && result.train > 1) {
      result[part] += 1;
      result.train -= 1;
    }
  }
  return result;
}

function groupsOf(videos: readonly Divided[], seed: number): Group[] {
  const members = new Map<string, number[]>();
  videos.forEach((video, index) => {
    const key = video.group === undefined ? `video ${video.name}` : `group ${video.group}`;
    const own = members.get(key);
    if (own) own.push(index);
    else members.set(key, [index]);
  });
  const groups = [...members].map(([key, own]) => {
    const perClass = new Map<number, number>();
    for (const index of own) {
      const label = videos[index]?.label ?? 0;
      perClass.set(label, (perClass.get(label) ?? 0) + 1);
    }
    const [main] = [...perClass].reduce((a, b) => (b[1] > a[1] || (b[1] === a[1] && b[0] < a[0]) ? b : a));
    return { key, members: own, perClass, main };
  });
  groups.sort((a, b) => (a.key < b.key ? -1 : 1));
  const random = randomOf('split', seed);
  const shuffled = groups.map((group) => ({ group, rank: random.uniform() })).sort((a, b) => a.rank - b.rank);
  // One group of each class in turn, so that no class finds the training part full before it has a place there.
  const turn = new Map<number, number>();
  return shuffled
    .map(({ group }) => {
      const round = turn.get(group.main) ?? 0;
      turn.set(group.main, round + 1);
      return { group, round };
    })
    .sort((a, b) => a.round - b.round || a.group.main - b.group.main)
    .map(({ group }) => group);
}

/** The part of each video, in their order: the same for the same names, groups and seed. */
export function splitByShares(videos: readonly Divided[], shares: Shares, seed: number): Part[] {
  const groups = groupsOf(videos, seed);
  const quota = quotas(groups.length, shares);
  const groupsIn: Record<Part, number> = { train: 0, validation: 0, test: 0 };
  const videosIn: Record<Part, Map<number, number>> = {
    train: new Map(),
    validation: new Map(),
    test: new Map(),
  };
  const result = new Array<Part>(videos.length).fill('train');

  groups.forEach((group, placed) => {
    /** How many videos of the group's classes the part lacks, and how many groups. */
    const want = (part: Part) => {
      let classes = 0;
      for (const [label, own] of group.perClass) {
        const before = PARTS.reduce((sum, p) => sum + (videosIn[p].get(label) ?? 0), 0);
        classes += own * (shares[part] * (before + own) - (videosIn[part].get(label) ?? 0));
      }
      return { classes, groups: shares[part] * (placed + 1) - groupsIn[part] };
    };
    const open = PARTS.filter((part) => groupsIn[part] < quota[part]);
    const part = open.reduce((best, other) => {
      const [a, b] = [want(best), want(other)];
      if (Math.abs(a.classes - b.classes) > TINY) return b.classes > a.classes ? other : best;
      return b.groups > a.groups + TINY ? other : best;
    });
    groupsIn[part] += 1;
    for (const [label, own] of group.perClass) {
      videosIn[part].set(label, (videosIn[part].get(label) ?? 0) + own);
    }
    for (const index of group.members) result[index] = part;
  });
  return result;
}
