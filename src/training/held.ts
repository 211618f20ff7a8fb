/** Which videos say something about a network: those that it has not seen in its search. */
import { withParts } from '../data/folds.js';
import type { Dataset, Part, Video } from '../data/index.js';
import { X3dError } from '../errors.js';
import type { TrainedOn } from './saved.js';

/** Videos as a search divided them, and which of them its network was trained on. */
export interface SearchVideos {
  readonly videos: readonly Pick<Video, 'digest' | 'part'>[];
  readonly trainedOn: TrainedOn;
}

export interface Held<Set> {
  readonly dataset: Set;
  /** Of the search's own part that is asked for. */
  readonly own: number;
  /** Left out, by the search's part that they are of. */
  readonly leftOut: Readonly<Record<Part, number>>;
}

/**
 * The videos in the parts that a search had them in, however they are divided here; those that it did not have as they
 * are. They are known by their content.
 */
export function partedAs<Set extends Pick<Dataset, 'videos' | 'parts'>>(
  dataset: Set,
  search: Pick<SearchVideos, 'videos'>,
): Set {
  const parts = new Map(search.videos.map(({ digest, part }) => [digest, part]));
  return withParts(dataset, ({ digest, part }) => parts.get(digest) ?? part);
}

/**
 * The videos of a part without those that another part of the search has: they are known by their content, so that copies
 * under other names and in other folders count as the same. Throws X3dError data where none is left.
 */
export function heldOut<Set extends Pick<Dataset, 'videos' | 'parts'>>(
  dataset: Set,
  part: 'validation' | 'test',
  search: SearchVideos | undefined,
  subject: string,
): Held<Set> {
  const seen = new Map(search?.videos.map((video) => [video.digest, video.part]));
  const leftOut = { train: 0, validation: 0, test: 0 };
  let own = 0;
  const videos = dataset.videos.flatMap((video) => {
    const known = seen.get(video.digest);
    if (known === undefined) return video.part === part ? [video] : [];
    // What the search had them for is what counts, however they are divided here.
    if (known === part && !(part === 'validation' && search?.trainedOn === 'train-and-validation')) {
      own += 1;
      return [{ ...video, part }];
    }
    leftOut[known] += 1;
    return [];
  });
  if (videos.length === 0) {
    const { train, validation, test } = leftOut;
    const trained = search?.trainedOn === 'train-and-validation' ? train + validation : train;
    throw new X3dError('data', {
      subject,
      expected: `videos in the ${part} part that the network was not made with`,
      got:
        train + validation + test === 0
          ? 'none'
          : `${train + validation + test} videos of its run, of which ${trained} trained it`,
      remedy: 'Give other videos, or name another --part.',
    });
  }
  return {
    dataset: { ...dataset, videos, parts: { ...dataset.parts, [part]: videos.length } },
    own,
    leftOut,
  };
}
