/**
 * Which videos a training learns from and which it is judged on, where one division into parts is not enough. On small
 * sets the luck of which few groups validate is as large as that of a seed: the folds let every group but those that
 * test take a turn. Fold 0 is the division as it stands; the others divide its training part into shares of about the
 * validation part's size, one of which validates while the rest, and what validated before, trains.
 */
import Type, { type Static } from 'typebox';
import { randomOf } from '../random.js';
import { countParts, type Dataset, type Part, type Video } from './dataset.js';

export const Division = Type.Union(
  [
    Type.Object(
      { kind: Type.Literal('fold'), fold: Type.Integer({ minimum: 0 }), of: Type.Integer({ minimum: 1 }) },
      { additionalProperties: false },
    ),
    Type.Object({ kind: Type.Literal('joined') }, { additionalProperties: false }),
  ],
  { description: 'One of the folds (0: the parts as they stand), or training and validation part together.' },
);
export type Division = Static<typeof Division>;

export const AS_DIVIDED: Division = { kind: 'fold', fold: 0, of: 1 };

/** Replicates of a candidate are few, and so are folds. */
const MOST_FOLDS = 5;

type Divided = Pick<Dataset, 'classes' | 'videos' | 'parts'>;

const keyOf = (video: Video) => (video.group === undefined ? `video ${video.name}` : `group ${video.group}`);

/** The number of the share, from 1, of each of the training part's groups: as even in videos and classes as it goes. */
function sharesOf({ videos }: Divided, shares: number): Map<string, number> {
  const groups = new Map<string, Video[]>();
  for (const video of videos)
    if (video.part === 'train') groups.set(keyOf(video), [...(groups.get(keyOf(video)) ?? []), video]);
  const random = randomOf('folds', shares);
  const order = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, members]) => ({ key, members, rank: random.uniform() }))
    .sort((a, b) => b.members.length - a.members.length || a.rank - b.rank);
  const held = Array.from({ length: shares }, () => new Map<number, number>());
  const count = (share: number, label: number) => held[share]?.get(label) ?? 0;
  const shareOf = new Map<string, number>();
  for (const { key, members } of order) {
    // Squares, so that a share that has much of a class already counts for more.
    const load = (share: number) => members.reduce((sum, { label }) => sum + 1 + 2 * count(share, label), 0);
    const total = (share: number) => [...(held[share]?.values() ?? [])].reduce((a, b) => a + b, 0);
    const best = held
      .map((_, share) => share)
      .reduce((a, b) => (load(b) < load(a) || (load(b) === load(a) && total(b) < total(a)) ? b : a));
    for (const { label } of members) held[best]?.set(label, count(best, label) + 1);
    shareOf.set(key, best + 1);
  }
  return shareOf;
}

/** The same videos, each in the part that is said of it. */
export function withParts<Set extends Pick<Dataset, 'videos' | 'parts'>>(
  set: Set,
  partOf: (video: Video) => Part,
): Set {
  const videos = set.videos.map((video) => ({ ...video, part: partOf(video) }));
  return { ...set, videos, parts: countParts(videos) };
}

/** The set as a training sees it: the same videos, other parts. Test videos stay what they are. */
export function divided<Set extends Divided>(set: Set, division: Division): Set {
  if (division.kind === 'joined')
    return withParts(set, ({ part }) => (part === 'validation' ? 'train' : part));
  const { fold, of } = division;
  if (fold === 0) return set;
  const shareOf = sharesOf(set, of - 1);
  return withParts(set, (video) => {
    if (video.part === 'test') return 'test';
    return video.part === 'train' && shareOf.get(keyOf(video)) === fold ? 'validation' : 'train';
  });
}

/**
 * How many folds a set allows: every one has validation videos, and training videos of every class. One where its owner
 * divided it.
 */
export function foldsOf(set: Divided & Pick<Dataset, 'dividedAsGiven'>): number {
  if (set.dividedAsGiven) return 1;
  const { train, validation } = set.parts;
  const groups = new Set(set.videos.filter(({ part }) => part === 'train').map(keyOf)).size;
  const wanted = Math.min(MOST_FOLDS, Math.round((train + validation) / Math.max(1, validation)), groups + 1);
  for (let of = wanted; of > 1; of--) {
    const complete = Array.from({ length: of }, (_, fold) => divided(set, { kind: 'fold', fold, of })).every(
      ({ videos, parts }) => {
        const trained = new Set(videos.filter(({ part }) => part === 'train').map(({ label }) => label));
        return parts.validation > 0 && set.classes.every((_, label) => trained.has(label));
      },
    );
    if (complete) return of;
  }
  return 1;
}
