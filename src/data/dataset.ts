/** What a set of labelled videos is once it has been opened: the types that all of data speaks in. */

export const PARTS = ['train', 'validation', 'test'] as const;
export type Part = (typeof PARTS)[number];

/** How many videos each part has. */
export function countParts(videos: readonly { readonly part: Part }[]): Record<Part, number> {
  const count = (own: Part) => videos.filter(({ part }) => part === own).length;
  return { train: count('train'), validation: count('validation'), test: count('test') };
}

export interface Video {
  /** Absolute. */
  readonly path: string;
  /** Relative to the data set's root, with `/`. */
  readonly name: string;
  /** Index into the data set's classes. */
  readonly label: number;
  readonly part: Part;
  /** What `group` matched: videos of one group are in one part. */
  readonly group?: string;
  /** Frames that really came out of the decoder, not what the container claims. */
  readonly frames: number;
  /** Pixels as shown: upright, and square. */
  readonly width: number;
  readonly height: number;
  /** The mean. */
  readonly framesPerSecond: number;
  /** Seconds of each frame since the first; only where the rate is not constant. */
  readonly times?: readonly number[];
  readonly seconds: number;
  /** Of the file's content: the same for every copy. */
  readonly digest: string;
}

export interface SkippedFile {
  /** As in Video.name. */
  readonly path: string;
  readonly reason: string;
}

/** Files among the videos that nobody means as videos: pictures, sound, playlists, unfinished downloads. */
export interface NoVideo {
  readonly reason: string;
  readonly files: number;
  /** The first of them that was met, relative to the root. */
  readonly first: string;
}

/** What a careful reader of the set would want to know of a video, though it is used as it is. */
export interface Remark {
  /** As in Video.name. */
  readonly path: string;
  readonly remark: string;
}

/** What the videos allow a search to ask for. */
export interface DataLimits {
  /** Reference frames that at least 90 % of the training videos are long: a longer clip would mostly loop. */
  readonly maxSpan: number;
  /** The largest training crop whose test crop is at most 1.25 times the median short side of the videos. */
  readonly maxCrop: number;
}

export interface Dataset {
  /** In the order of the labels: sorted names of folders, or the numbers (or names) of lists. */
  readonly classes: readonly string[];
  /** Sorted by name. */
  readonly videos: readonly Video[];
  /** Videos in each part. */
  readonly parts: Readonly<Record<Part, number>>;
  /** Files that ought to be videos and can't be decoded. */
  readonly skipped: readonly SkippedFile[];
  readonly noVideo: readonly NoVideo[];
  readonly remarks: readonly Remark[];
  /** SHA-256 of what the videos are and how they are labelled and divided: equal on every copy, on every machine. */
  readonly fingerprint: string;
  readonly limits: DataLimits;
  /** Reference frames per second: what strides and spans count in, whatever the rate of a video. */
  readonly rate: number;
  /** Of the training videos' values in [0, 1], over all channels, each video counting the same; 3 digits. */
  readonly pixels: { readonly mean: number; readonly deviation: number };
  /** Whether folders or lists divide the videos: then they stay divided so. */
  readonly dividedAsGiven: boolean;
  /** Whether training may flip clips. */
  readonly flip: boolean;
}
