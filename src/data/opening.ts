/** From a configuration to a data set that has been looked at as a whole: everything wrong is said before training. */
import { setImmediate } from 'node:timers/promises';
import type { Bounds } from '../bounds.js';
import { X3dError } from '../errors.js';
import type { DataConfiguration } from './configuration.js';
import {
  countParts,
  type Dataset,
  type NoVideo,
  type Part,
  type SkippedFile,
  type Video,
} from './dataset.js';
import { fingerprintOf, limitsOf, pixelsOf, remarksOn } from './describing.js';
import { grouping } from './grouping.js';
import type { LabelledFile } from './labelled.js';
import { type Layout, readLayout } from './layout.js';
import { measured, type Probed, probeAll } from './probing.js';
import { checkClasses, checkParts, named, refuseEmptyClasses } from './requirements.js';
import { type Shares, splitByShares } from './splitting.js';
import { commonRate } from './timing.js';

const DEFAULT_SHARES: Shares = { train: 0.7, validation: 0.15, test: 0.15 };
const DEFAULT_SKIP_SHARE = 0.05;

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
  readonly bounds?: Bounds;
}

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
  if (layout.files.length === 0)
    throw new X3dError('data', {
      subject,
      expected: 'videos in folders named for their classes, or in lists',
      got: 'none',
      remedy: 'Put the videos of each class, also of one alone, into a folder with its name.',
    });
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

/** Long work for many files: the process goes on with what else it has to do meanwhile. */
const PAUSE_EVERY_MS = 20;

async function groupsOf(
  files: readonly LabelledFile[],
  groupOf: (name: string) => string | undefined,
  signal: AbortSignal | undefined,
): Promise<(string | undefined)[]> {
  const groups: (string | undefined)[] = [];
  let paused = performance.now();
  for (const { name } of files) {
    groups.push(groupOf(name));
    if (performance.now() - paused < PAUSE_EVERY_MS) continue;
    await setImmediate();
    signal?.throwIfAborted();
    paused = performance.now();
  }
  return groups;
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

/**
 * Reads the layout, decodes every file once to know it, and divides the videos. Throws X3dError: invalid-input for
 * the configuration's own fields, data for what is found.
 */
export async function openDataset(configuration: DataConfiguration, options: OpenOptions): Promise<Dataset> {
  const subject = configuration.path;
  const { part, signal, bounds, classes, undivided: whole } = options;
  const groupOf = grouping(configuration.group);
  const layout = labelledFor(await readLayout(configuration, { part, signal, bounds }), classes);
  const shares = sharesOf(configuration, layout);
  if (!whole) checkClasses(layout, subject);
  const groups = await groupsOf(layout.files, groupOf, signal);
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
    const group = groupByName.get(file.name);
    return { ...file, ...measured(facts), ...(group === undefined ? {} : { group }) };
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
  return {
    classes: layout.classes,
    videos,
    parts: countParts(videos),
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
