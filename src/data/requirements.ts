/** What a set of videos must have before anything is trained on it: everything wrong is said at once, by name. */
import { X3dError } from '../errors.js';
import type { Part, Video } from './dataset.js';
import type { Layout } from './layout.js';

/** Names in one message. */
const NAMED = 5;

export const named = (names: readonly string[]): string =>
  names.slice(0, NAMED).join(', ') + (names.length > NAMED ? ` and ${names.length - NAMED} more` : '');

/** Throws X3dError (data). */
export function checkClasses({ classes, files }: Layout, subject: string): void {
  if (classes.length < 2) {
    throw new X3dError('data', {
      subject,
      expected: 'at least two classes',
      got: classes.length === 0 ? 'none' : `one, ${classes[0]}`,
      remedy: 'Put the videos of each class into a folder of its own, or list them in train.csv and val.csv.',
    });
  }
  refuseEmptyClasses(classes, files, subject);
}

/** Throws X3dError (data). */
export function refuseEmptyClasses(
  classes: readonly string[],
  files: readonly { readonly label: number }[],
  subject: string,
): void {
  const present = new Set(files.map(({ label }) => label));
  const empty = classes.filter((_, label) => !present.has(label));
  if (empty.length > 0) {
    throw new X3dError('data', {
      subject,
      expected: 'videos in every class',
      got: `none in ${named(empty)}`,
      remedy: 'Add videos, or remove the class.',
    });
  }
}

/** Throws X3dError (data). */
export function checkParts(videos: readonly Video[], classes: readonly string[], subject: string): void {
  if (!videos.some(({ part }) => part === 'train')) {
    throw new X3dError('data', {
      subject,
      expected: 'videos to train on',
      got: 'none in the training part',
      remedy: 'Add a train folder or train.csv.',
    });
  }
  if (!videos.some(({ part }) => part === 'validation')) {
    throw new X3dError('data', {
      subject,
      expected: 'videos to validate on',
      got: 'none in the validation part',
      remedy: 'Add a val folder or val.csv, or a larger share of more groups.',
    });
  }
  const trained = new Set(videos.filter(({ part }) => part === 'train').map(({ label }) => label));
  const missing = classes.filter((_, label) => !trained.has(label));
  if (missing.length > 0) {
    throw new X3dError('data', {
      subject,
      expected: 'training videos in every class',
      got: `none in ${named(missing)}`,
      remedy:
        'Add videos of the class, or divide the videos otherwise (data.shares, data.splitSeed, data.group).',
    });
  }
  const partOf = new Map<string, Part>();
  for (const { group, part, name } of videos) {
    if (group === undefined) continue;
    const other = partOf.get(group);
    if (other !== undefined && other !== part) {
      throw new X3dError('data', {
        subject: name,
        expected: `the videos of group "${group}" in one part`,
        got: `one in ${other} and one in ${part}`,
        remedy: 'Move them, or leave data.group out.',
      });
    }
    partOf.set(group, part);
  }
}
