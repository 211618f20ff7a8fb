/** What names of videos may say: who is in them, or where they were taken. */

import { grouping } from '../data/grouping.js';
import type { Video } from '../data/index.js';

/** Ways in which names carry a group, the usual first; of names as person_action.avi or class/person/clip.mp4. */
const PATTERNS = [
  '([^/_]+)_[^/]*$',
  '([^/-]+)-[^/]*$',
  '([^/.]+)\\.[^/]*\\.[^/.]*$',
  '[^/]+/([^/]+)/[^/]+$',
  '_([^/_]+)_[^/]*$',
  '_([^/_.]+)\\.[^/]*$',
] as const;

/** Fewer can't be divided into three parts in more than one way. */
const LEAST_GROUPS = 4;
/** Classes that a group is in, in the mean, as a share of all: a person is seen in most, a mark of a class in one. */
const LEAST_SHARE = 0.5;

export interface GroupGuess {
  readonly pattern: string;
  readonly groups: readonly string[];
}

/** The first pattern by which several videos of several classes belong together; undefined where none does. */
export function guessGroups(
  videos: readonly Pick<Video, 'name' | 'label'>[],
  classes: number,
): GroupGuess | undefined {
  for (const pattern of PATTERNS) {
    const groupOf = grouping(pattern);
    const labels = new Map<string, Set<number>>();
    try {
      for (const { name, label } of videos) {
        const group = groupOf(name) ?? '';
        labels.set(group, (labels.get(group) ?? new Set()).add(label));
      }
    } catch {
      // Not a way in which all of these are named.
      continue;
    }
    const groups = [...labels.keys()].sort();
    const seen = [...labels.values()].reduce((sum, own) => sum + own.size, 0) / groups.length;
    const share = seen / classes;
    if (groups.length >= LEAST_GROUPS && groups.length <= videos.length / 2 && share >= LEAST_SHARE)
      return { pattern, groups };
  }
  return undefined;
}
