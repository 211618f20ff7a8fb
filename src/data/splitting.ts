/**
 * Divides videos into parts by shares. What is divided is groups (a video without a group is one of its own): each
 * part gets its share of them, rounded by largest remainders, and among the ways to do so each group goes where its
 * classes are most wanting, so that every part has every class about as often as the whole. Where groups are of very
 * different sizes (a camera with a hundred videos, another with five), a share of the groups may be next to no videos:
 * then other divisions are drawn, and the first counts whose parts have about their shares of the videos, or the nearest.
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

/** A part's videos may be so many times its share, or so many times less. */
const NEAR = 1.25;
/** Divisions drawn, at most, where the first is not near; of many groups fewer, so that it takes a second at most. */
const drawsOf = (groups: number): number => Math.min(300, Math.ceil(100_000 / groups));

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

function groupsOf(videos: readonly Divided[]): Group[] {
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
  return groups.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** One group of each class in turn, so that no class finds the training part full before it has a place there. */
function inTurns(groups: readonly Group[], seed: number, draw: number): Group[] {
  const random = draw === 0 ? randomOf('split', seed) : randomOf('split', seed, draw);
  const shuffled = groups.map((group) => ({ group, rank: random.uniform() })).sort((a, b) => a.rank - b.rank);
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

interface Division {
  readonly partOf: ReadonlyMap<Group, Part>;
  /** Videos of each class. */
  readonly videosIn: Readonly<Record<Part, ReadonlyMap<number, number>>>;
}

/** Each group goes where its classes are most wanting, of the parts that may still take one. */
function divide(groups: readonly Group[], shares: Shares, quota: Record<Part, number> | undefined): Division {
  const groupsIn: Record<Part, number> = { train: 0, validation: 0, test: 0 };
  const videosIn = {
    train: new Map(),
    validation: new Map(),
    test: new Map(),
  } satisfies Division['videosIn'];
  const held = (part: Part, label: number): number => videosIn[part].get(label) ?? 0;
  const partOf = new Map<Group, Part>();

  groups.forEach((group, placed) => {
    /** How many videos of the group's classes the part lacks, and how many groups. */
    const want = (part: Part) => {
      let classes = 0;
      for (const [label, own] of group.perClass) {
        const before = PARTS.reduce((sum, p) => sum + held(p, label), 0);
        classes += own * (shares[part] * (before + own) - held(part, label));
      }
      return { classes, groups: shares[part] * (placed + 1) - groupsIn[part] };
    };
    const open = PARTS.filter((part) =>
      quota === undefined ? shares[part] > 0 : groupsIn[part] < quota[part],
    );
    const part = open.reduce((best, other) => {
      const [a, b] = [want(best), want(other)];
      if (Math.abs(a.classes - b.classes) > TINY) return b.classes > a.classes ? other : best;
      return b.groups > a.groups + TINY ? other : best;
    });
    groupsIn[part] += 1;
    for (const [label, own] of group.perClass) videosIn[part].set(label, held(part, label) + own);
    partOf.set(group, part);
  });
  return { partOf, videosIn };
}

/** How far a division is from the shares: 0 where no part is further than NEAR and has every class. */
function farness({ videosIn }: Division, shares: Shares, classes: number): number {
  const counts = PARTS.map((part) => [...videosIn[part].values()].reduce((a, b) => a + b, 0));
  const all = counts.reduce((a, b) => a + b, 0);
  return PARTS.reduce((sum, part, i) => {
    if (shares[part] === 0) return sum;
    const off = Math.abs(Math.log(Math.max(counts[i] ?? 0, TINY) / (shares[part] * all)));
    const lacks = (classes - videosIn[part].size) / classes;
    return sum + Math.max(0, off - Math.log(NEAR)) + (part === 'train' ? classes : 1) * lacks;
  }, 0);
}

/** The part of each video, in their order: the same for the same names, groups and seed. */
export function splitByShares(videos: readonly Divided[], shares: Shares, seed: number): Part[] {
  const groups = groupsOf(videos);
  const classes = new Set(videos.map(({ label }) => label)).size;
  const uneven = groups.some(({ members }) => members.length !== groups[0]?.members.length);
  let best = divide(inTurns(groups, seed, 0), shares, quotas(groups.length, shares));
  let least = farness(best, shares, classes);
  for (let draw = 1; uneven && least > 0 && draw <= drawsOf(groups.length); draw++) {
    const drawn = divide(inTurns(groups, seed, draw), shares, undefined);
    const far = farness(drawn, shares, classes);
    if (far < least) [best, least] = [drawn, far];
  }
  const result = new Array<Part>(videos.length).fill('train');
  for (const [{ members }, part] of best.partOf) for (const index of members) result[index] = part;
  return result;
}
