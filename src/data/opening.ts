/** From a configuration to a data set that has been looked at as a whole: everything wrong is said before training. */
import { createHash } from 'node:crypto';
import { X3dError } from '../errors.js';
import { testCrop } from '../network/index.js';
import type { DataConfiguration } from './configuration.js';
import type { DataLimits, Dataset, NoVideo, Part, Remark, SkippedFile, Video } from './dataset.js';
import type { VideoFacts } from './decoding.js';
import { grouping } from './grouping.js';
import type { LabelledFile } from './labelled.js';
import { type Layout, readLayout } from './layout.js';
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
  /** The part that is needed: where the layout divides the videos, the others are not looked at. */
  readonly part?: Part;
  /** Those of a trained network, or how many: labels are theirs, and not each of them needs videos. */
  readonly classes?: readonly string[] | number;
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

function checkClasses({ classes, files }: Layout, subject: string): void {
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

function refuseEmptyClasses(
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

interface Usable {
  readonly file: LabelledFile;
  readonly facts: Probed & { kind: 'video' };
}

/** Undecodable files up to the share are left out, more of them end it; what is no video only counts as that. */
function decodable(
  layout: Layout,
  probed: readonly Probed[],
  skipShare: number,
  subject: string,
): { usable: Usable[]; skipped: SkippedFile[]; noVideo: NoVideo[] } {
  const usable: Usable[] = [];
  const skipped: SkippedFile[] = [];
  const noVideo = new Map(layout.noVideo.map((own) => [own.reason, own]));
  layout.files.forEach((file, index) => {
    const facts = probed[index];
    if (facts?.kind === 'video') usable.push({ file, facts });
    else if (facts?.kind === 'no-video') {
      const { reason } = facts;
      const { files, first } = noVideo.get(reason) ?? { files: 0, first: file.name };
      noVideo.set(reason, { reason, files: files + 1, first });
    } else skipped.push({ path: file.name, reason: facts?.reason ?? 'not probed' });
  });
  const files = usable.length + skipped.length;
  if (skipped.length > skipShare * files || usable.length === 0) {
    throw new X3dError('data', {
      subject,
      expected: usable.length === 0 ? 'videos' : `at most ${skipShare * 100} % of the files undecodable`,
      got:
        files === 0
          ? `none among ${layout.files.length} files`
          : `${skipped.length} of ${files}: ${named(skipped.map(({ path, reason }) => `${path} (${reason})`))}`,
      remedy: 'Repair or remove them, or raise data.skipShare.',
    });
  }
  return { usable, skipped, noVideo: [...noVideo.values()] };
}

/** Headers that promise too much, and the same content in two classes or parts. */
function remarksOn(
  videos: readonly Video[],
  facts: readonly VideoFacts[],
  classes: readonly string[],
): Remark[] {
  const remarks: Remark[] = [];
  const first = new Map<string, Video>();
  videos.forEach((video, index) => {
    const { name, digest, frames, label, part } = video;
    const { promised } = facts[index] ?? {};
    if (promised !== undefined)
      remarks.push({
        path: name,
        remark: `its header promises ${promised} frames, ${frames} could be decoded`,
      });
    const other = first.get(digest);
    if (!other) first.set(digest, video);
    else if (other.label !== label)
      remarks.push({
        path: name,
        remark: `the same content as ${other.name}, in class ${classes[label]} and not ${classes[other.label]}`,
      });
    else if (other.part !== part)
      remarks.push({
        path: name,
        remark: `the same content as ${other.name}, in the ${part} part and not ${other.part}`,
      });
  });
  return remarks;
}

/** With the labels of a network's classes, where all of these are among them; else as they are. */
function labelledFor(layout: Layout, classes: OpenOptions['classes']): Layout {
  if (classes === undefined) return layout;
  const own =
    typeof classes === 'number' ? Array.from({ length: classes }, (_, label) => String(label)) : classes;
  // Numbers in lists are the network's, whatever these are called.
  if (layout.numbered) return layout.classes.length <= own.length ? { ...layout, classes: own } : layout;
  if (typeof classes === 'number') return layout;
  const labels = new Map(own.map((name, label) => [name.normalize('NFC'), label]));
  const moved = layout.classes.map((name) => labels.get(name));
  if (moved.includes(undefined)) return layout;
  return {
    ...layout,
    classes: own,
    files: layout.files.map((file) => ({ ...file, label: moved[file.label] as number })),
  };
}

function checkParts(videos: readonly Video[], classes: readonly string[], subject: string): void {
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
  const { part, signal, classes, undivided: whole } = options;
  const groupOf = grouping(configuration.group);
  const layout = labelledFor(
    await readLayout(configuration, { ...(part ? { part } : {}), ...(signal ? { signal } : {}) }),
    classes,
  );
  const shares = sharesOf(configuration, layout);
  if (!whole) checkClasses(layout, subject);
  const groups = layout.files.map(({ name }) => groupOf(name));
  const probed = await probeAll(
    layout.files.map(({ path }) => path),
    { subject: layout.root, ...options },
  );
  const { usable, skipped, noVideo } = decodable(
    layout,
    probed,
    configuration.skipShare ?? DEFAULT_SKIP_SHARE,
    subject,
  );
  if (!whole)
    refuseEmptyClasses(
      layout.classes,
      // What can't be decoded is said of the parts.
      layout.files.filter((_, index) => probed[index]?.kind !== 'no-video'),
      subject,
    );
  const groupByName = new Map(layout.files.map(({ name }, index) => [name, groups[index]]));
  const undivided = usable.map(({ file, facts }) => {
    const { kind: _, pixels: __, promised: ___, ...rest } = facts;
    const group = groupByName.get(file.name);
    return {
      ...file,
      ...rest,
      ...(group === undefined ? {} : { group }),
      seconds: rest.frames / rest.framesPerSecond,
    };
  });
  const split =
    layout.divided || whole ? undefined : splitByShares(undivided, shares, configuration.splitSeed ?? 0);
  const videos: Video[] = undivided.map((video, index) => ({
    ...video,
    part: video.part ?? whole ?? split?.[index] ?? 'train',
  }));
  if (!whole) checkParts(videos, layout.classes, subject);
  const isTraining = ({ part }: Video) => part === 'train';
  // Where nothing is trained, all of them stand for it.
  const described = videos.some(isTraining) ? isTraining : () => true;
  const training = videos.filter(described);
  const rate = configuration.rate ?? commonRate(training);
  const count = (own: Part) => videos.filter((video) => video.part === own).length;
  return {
    classes: layout.classes,
    videos,
    parts: { train: count('train'), validation: count('validation'), test: count('test') },
    skipped,
    noVideo,
    remarks: [
      ...layout.leftOut.map((path) => ({ path, remark: 'a folder beside those of the parts, left out' })),
      ...remarksOn(
        videos,
        usable.map(({ facts }) => facts),
        layout.classes,
      ),
    ],
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
