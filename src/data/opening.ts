/** From a configuration to a data set that has been looked at as a whole: everything wrong is said before training. */
import { createHash } from 'node:crypto';
import { X3dError } from '../errors.js';
import { testCrop } from '../network/index.js';
import type { DataConfiguration } from './configuration.js';
import type { DataLimits, Dataset, Part, SkippedFile, Video } from './dataset.js';
import type { VideoFacts } from './decoding.js';
import { type LabelledFile, type Layout, readLayout } from './layout.js';
import { type Probed, probeAll } from './probing.js';
import { type Shares, splitByShares } from './splitting.js';
import { commonRate, keepsTime, referenceFrames } from './timing.js';

const DEFAULT_SHARES: Shares = { train: 0.7, validation: 0.15, test: 0.15 };
const DEFAULT_SKIP_SHARE = 0.05;
/** Names in one message. */
const NAMED = 5;

export interface OpenOptions {
  /** Where what was learned about the files is kept. */
  readonly cacheFolder: string;
  /** Files looked at so far, of all. */
  readonly onProgress?: (done: number, of: number) => void;
  /** For what trains nothing: the part of videos that no folder or list divides; the others may be missing. */
  readonly undivided?: Part;
  /** Ends it, with the signal's reason as error; what was learned by then is kept. */
  readonly signal?: AbortSignal;
}

const named = (names: readonly string[]): string =>
  names.slice(0, NAMED).join(', ') + (names.length > NAMED ? ` and ${names.length - NAMED} more` : '');

function sharesOf(configuration: DataConfiguration, layout: Layout): Shares {
  const { shares } = configuration;
  if (!shares) return DEFAULT_SHARES;
  if (layout.divided) {
    throw new X3dError('invalid-input', {
      subject: 'data.shares',
      expected: 'no shares, since the folders or lists already divide the videos',
      got: JSON.stringify(shares),
      remedy: 'Leave data.shares out, or point data.path at class folders.',
    });
  }
  const sum = shares.train + shares.validation + shares.test;
  if (Math.abs(sum - 1) > 1e-6) {
    throw new X3dError('invalid-input', {
      subject: 'data.shares',
      expected: 'shares that sum to 1',
      got: `${shares.train} + ${shares.validation} + ${shares.test} = ${sum}`,
    });
  }
  return shares;
}

/** The group of each file by name; undefined where none is asked for. */
function grouping({ group }: DataConfiguration): (name: string) => string | undefined {
  if (group === undefined) return () => undefined;
  const refuse = (expected: string, got: string, cause?: unknown) =>
    new X3dError(
      'invalid-input',
      {
        subject: 'data.group',
        expected,
        got,
        remedy: 'For names like person_action.avi: ([^/_]+)_[^/]*$',
      },
      { cause },
    );
  let pattern: RegExp;
  try {
    pattern = new RegExp(group);
  } catch (error) {
    throw refuse(
      'a regular expression',
      `"${group}" (${error instanceof Error ? error.message : ''})`,
      error,
    );
  }
  if ((new RegExp(`${group}|`).exec('')?.length ?? 1) < 2)
    throw refuse('an expression with a group in parentheses', `"${group}"`);
  return (name) => {
    const found = pattern.exec(name)?.[1];
    if (found === undefined)
      throw refuse('an expression that matches every video', `"${group}", which does not match ${name}`);
    return found;
  };
}

function checkClasses(layout: Layout, subject: string): void {
  if (layout.classes.length < 2) {
    throw new X3dError('data', {
      subject,
      expected: 'at least two classes',
      got: layout.classes.length === 0 ? 'none' : `one, ${layout.classes[0]}`,
      remedy: 'Put the videos of each class into a folder of its own, or list them in train.csv and val.csv.',
    });
  }
  const present = new Set(layout.files.map(({ label }) => label));
  const empty = layout.classes.filter((_, label) => !present.has(label));
  if (empty.length > 0) {
    throw new X3dError('data', {
      subject,
      expected: 'videos in every class',
      got: `none in ${named(empty)}`,
      remedy: 'Add videos, or remove the class.',
    });
  }
}

/** Undecodable files up to the share are left out; more of them end it. */
function decodable(
  files: readonly LabelledFile[],
  probed: readonly Probed[],
  skipShare: number,
  subject: string,
): { usable: { file: LabelledFile; facts: Probed & { kind: 'video' } }[]; skipped: SkippedFile[] } {
  const usable: { file: LabelledFile; facts: Probed & { kind: 'video' } }[] = [];
  const skipped: SkippedFile[] = [];
  files.forEach((file, index) => {
    const facts = probed[index];
    if (facts?.kind === 'video') usable.push({ file, facts });
    else skipped.push({ path: file.name, reason: facts?.reason ?? 'not probed' });
  });
  if (skipped.length > skipShare * files.length || usable.length === 0) {
    throw new X3dError('data', {
      subject,
      expected: `at most ${skipShare * 100} % of the files undecodable`,
      got: `${skipped.length} of ${files.length}: ${named(skipped.map(({ path, reason }) => `${path} (${reason})`))}`,
      remedy: 'Repair or remove them, or raise data.skipShare.',
    });
  }
  return { usable, skipped };
}

function checkParts(videos: readonly Video[], classes: readonly string[], subject: string): void {
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

/** `training`: at least one video. */
function limitsOf(training: readonly Video[], rate: number): DataLimits {
  const spans = training.map((video) => referenceFrames(video, rate)).sort((a, b) => a - b);
  const sides = training.map(({ width, height }) => Math.min(width, height)).sort((a, b) => a - b);
  const side = sides[Math.floor(sides.length / 2)] ?? 0;
  let maxCrop = Math.ceil((1.25 * side * 7) / 8);
  while (testCrop(maxCrop + 1) <= 1.25 * side) maxCrop += 1;
  while (testCrop(maxCrop) > 1.25 * side) maxCrop -= 1;
  return { maxSpan: spans[Math.floor(spans.length / 10)] ?? 0, maxCrop };
}

/** To three digits, so that machines that add up otherwise say the same. */
const rounded = (value: number): number => Number(value.toPrecision(3));

function pixelsOf(training: readonly VideoFacts[]): Dataset['pixels'] {
  const mean = training.reduce((sum, { pixels }) => sum + pixels.mean, 0) / training.length;
  const meanSquare = training.reduce((sum, { pixels }) => sum + pixels.meanSquare, 0) / training.length;
  return { mean: rounded(mean), deviation: rounded(Math.sqrt(Math.max(0, meanSquare - mean ** 2))) };
}

function fingerprintOf(classes: readonly string[], videos: readonly Video[], rate: number): string {
  const hash = createHash('sha256').update(JSON.stringify(classes));
  for (const video of videos) {
    const { name, digest, frames, label, part, framesPerSecond, times = [] } = video;
    // Where its frames are not reference frames, what decides which of them are shown.
    const timing = keepsTime(video, rate) ? [] : [rate, framesPerSecond, times];
    // The frames too: another decoder may find others in the same file.
    hash.update(`\n${JSON.stringify([name, digest, frames, label, part, ...timing])}`);
  }
  return hash.digest('hex');
}

/**
 * Reads the layout, decodes every file once to know it, and divides the videos. Throws X3dError: invalid-input for
 * the configuration's own fields, data for what is found.
 */
export async function openDataset(configuration: DataConfiguration, options: OpenOptions): Promise<Dataset> {
  const subject = configuration.path;
  const groupOf = grouping(configuration);
  const layout = await readLayout(configuration);
  const shares = sharesOf(configuration, layout);
  checkClasses(layout, subject);
  const groups = layout.files.map(({ name }) => groupOf(name));
  const probed = await probeAll(
    layout.files.map(({ path }) => path),
    { subject: layout.root, ...options },
  );
  const { usable, skipped } = decodable(
    layout.files,
    probed,
    configuration.skipShare ?? DEFAULT_SKIP_SHARE,
    subject,
  );
  const groupByName = new Map(layout.files.map(({ name }, index) => [name, groups[index]]));
  const undivided = usable.map(({ file, facts }) => {
    const { kind: _, pixels: __, ...rest } = facts;
    const group = groupByName.get(file.name);
    return {
      ...file,
      ...rest,
      ...(group === undefined ? {} : { group }),
      seconds: rest.frames / rest.framesPerSecond,
    };
  });
  const split =
    layout.divided || options.undivided
      ? undefined
      : splitByShares(undivided, shares, configuration.splitSeed ?? 0);
  const videos: Video[] = undivided.map((video, index) => ({
    ...video,
    part: video.part ?? options.undivided ?? split?.[index] ?? 'train',
  }));
  if (!options.undivided) checkParts(videos, layout.classes, subject);
  const isTraining = ({ part }: Video) => part === 'train';
  // Where nothing is trained, all of them stand for it.
  const described = videos.some(isTraining) ? isTraining : () => true;
  const training = videos.filter(described);
  const rate = configuration.rate ?? commonRate(training);
  const count = (part: Part) => videos.filter((video) => video.part === part).length;
  return {
    classes: layout.classes,
    videos,
    parts: { train: count('train'), validation: count('validation'), test: count('test') },
    skipped,
    fingerprint: fingerprintOf(layout.classes, videos, rate),
    limits: limitsOf(training, rate),
    rate,
    pixels: pixelsOf(
      usable.flatMap(({ facts }, index) => (described(videos[index] as Video) ? [facts] : [])),
    ),
    dividedAsGiven: layout.divided,
    flip: configuration.flip ?? true,
  };
}
