/** `inspect`: what a set of videos holds, how it would be divided, and what that allows a search to ask for. */
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import {
  type DataConfiguration,
  type Dataset,
  openDataset,
  type Part,
  type Video,
} from '../../data/index.js';
import { columns } from '../table.js';

interface InspectOptions {
  readonly root?: string;
  readonly group?: string;
  readonly shares?: NonNullable<DataConfiguration['shares']>;
  readonly splitSeed?: number;
  readonly skipShare?: number;
  readonly home: string;
  readonly json?: boolean;
}

/** Smallest, middle and largest of a figure over the videos. */
interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

const PARTS = ['train', 'validation', 'test'] as const satisfies readonly Part[];

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    min: sorted[0] ?? 0,
    median: sorted[Math.floor(sorted.length / 2)] ?? 0,
    max: sorted.at(-1) ?? 0,
  };
}

/** Values with how often they occur, the most frequent first. */
function tally(values: readonly string[]): { readonly value: string; readonly videos: number }[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].map(([value, videos]) => ({ value, videos })).sort((a, b) => b.videos - a.videos);
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

/** Everything that `inspect` says, as data. */
export function inspection(dataset: Dataset) {
  const { videos, classes, parts, skipped, limits, fingerprint } = dataset;
  const countIn = (own: readonly Video[], part: Part) => own.filter((video) => video.part === part).length;
  const groupsIn = (part: Part) => [
    ...new Set(
      videos.flatMap((video) => (video.part === part && video.group !== undefined ? [video.group] : [])),
    ),
  ];
  return {
    videos: videos.length,
    parts,
    classes: classes.map((name, label) => {
      const own = videos.filter((video) => video.label === label);
      return {
        name,
        train: countIn(own, 'train'),
        validation: countIn(own, 'validation'),
        test: countIn(own, 'test'),
      };
    }),
    groups: { train: groupsIn('train'), validation: groupsIn('validation'), test: groupsIn('test') },
    frames: spread(videos.map(({ frames }) => frames)),
    seconds: spread(videos.map(({ seconds }) => rounded(seconds))),
    sizes: tally(videos.map(({ width, height }) => `${width}x${height}`)),
    frameRates: tally(videos.map(({ framesPerSecond }) => String(rounded(framesPerSecond)))),
    skipped,
    limits,
    fingerprint,
  };
}

type Inspection = ReturnType<typeof inspection>;

/** Kinds of a figure shown by name; the others are summed up. */
const SHOWN = 4;

function listed(kinds: Inspection['sizes']): string {
  const shown = kinds.slice(0, SHOWN).map(({ value, videos }) => `${value} (${videos})`);
  return shown.join(', ') + (kinds.length > SHOWN ? ` and ${kinds.length - SHOWN} more` : '');
}

export function inspectionText(found: Inspection): string {
  const table = columns({ class: 'left', train: 'right', validation: 'right', test: 'right' });
  for (const { name, train, validation, test } of found.classes) table.push([name, train, validation, test]);
  table.push(['all', ...PARTS.map((part) => found.parts[part])].map((cell) => pc.bold(String(cell))));
  const spreadText = ({ min, median, max }: Spread) => `${min} to ${max}, median ${median}`;
  const lines = [
    table.toString(),
    `frames      ${spreadText(found.frames)}`,
    `seconds     ${spreadText(found.seconds)}`,
    `sizes       ${listed(found.sizes)}`,
    `frame rates ${listed(found.frameRates)}`,
  ];
  for (const part of PARTS) {
    if (found.groups[part].length > 0) lines.push(`groups      ${part}: ${found.groups[part].join(', ')}`);
  }
  lines.push(
    `limits      clips of up to ${found.limits.maxSpan} source frames, crops of up to ${found.limits.maxCrop} pixels`,
    `fingerprint ${found.fingerprint}`,
  );
  if (found.parts.test === 0) {
    lines.push(pc.yellow('No test part: the final figure would be on the videos that choose the network.'));
  }
  for (const { path, reason } of found.skipped) lines.push(pc.yellow(`skipped     ${path}: ${reason}`));
  return lines.join('\n');
}

function parseShares(text: string): NonNullable<DataConfiguration['shares']> {
  const [train = Number.NaN, validation = Number.NaN, test = 0] = text.split(',').map(Number);
  if (![train, validation, test].every((share) => share >= 0 && share <= 1)) {
    throw new InvalidArgumentError(
      'Expected shares from 0 to 1 such as 0.7,0.15,0.15 (train, validation, test).',
    );
  }
  return { train, validation, test };
}

function parseSeed(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Expected a whole number from 0.');
  return Number(text);
}

function parseShare(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError('Expected a share from 0 to 1.');
  }
  return value;
}

/** Says on a terminal's last line how far the first look at the files is. */
function progressLine(): (done: number, of: number) => void {
  if (!process.stderr.isTTY) return () => {};
  return (done, of) => {
    process.stderr.write(done < of ? `\rlooking at videos: ${done} of ${of}` : '\r\x1b[K');
  };
}

async function inspect(path: string, options: InspectOptions): Promise<void> {
  const { json, home, ...rest } = options;
  const dataset = await openDataset(
    { path, ...rest },
    {
      cacheFolder: join(home, 'cache'),
      onProgress: progressLine(),
    },
  );
  const found = inspection(dataset);
  process.stdout.write(`${json ? JSON.stringify(found, undefined, 2) : inspectionText(found)}\n`);
}

/** Throws X3dError (data, invalid-input), which the caller shows. */
export function inspectCommand(): Command {
  return new Command('inspect')
    .description(
      'Say what a set of videos holds: classes, durations, sizes, the split, and the limits that follow',
    )
    .argument(
      '<path>',
      'class folders; or train, val and test folders of them; or train.csv, val.csv, test.csv',
    )
    .option('--root <folder>', 'what the paths in lists are relative to (default: the path itself)')
    .option('--group <regexp>', 'videos with the same first group stay in one part')
    .option('--shares <train,validation,test>', 'shares of the videos, such as 0.7,0.15,0.15', parseShares)
    .option('--split-seed <n>', 'which split by shares', parseSeed)
    .option('--skip-share <share>', 'share of the files that may be undecodable (default: 0.05)', parseShare)
    .option(
      '--home <folder>',
      'where what is learned about the files is kept',
      process.env.X3D_HOME ?? './x3d-search-data',
    )
    .option('--json', 'print one JSON object')
    .addHelpText('after', "\nExample:\n  $ x3d-search inspect ~/videos/gestures --group '([^/_]+)_[^/]*$'")
    .action(inspect);
}
