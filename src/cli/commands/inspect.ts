/** `inspect`: what a set of videos holds, how it would be divided, and what that allows a search to ask for. */
import { Command } from 'commander';
import pc from 'picocolors';
import { type Dataset, openDataset, PARTS, type Part, type Video } from '../../data/index.js';
import { homeAt } from '../../home.js';
import { type DataOptions, dataFrom, VIDEOS, withData } from '../data.js';
import { example, homeOption, jsonOption } from '../flags.js';
import { fleetOf } from '../fleet.js';
import { guessGroups } from '../guessing.js';
import { planFor, planText } from '../planning.js';
import { print } from '../printing.js';
import { progressLine } from '../progress.js';
import { columns } from '../table.js';

interface InspectOptions extends DataOptions {
  readonly target?: string;
  readonly home: string;
  readonly json?: boolean;
}

/** Smallest, middle and largest of a figure over the videos. */
interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

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
  const { videos, classes, parts, skipped, noVideo, remarks, limits, rate, pixels, fingerprint } = dataset;
  const countIn = (own: readonly Video[], part: Part) => own.filter((video) => video.part === part).length;
  // Where the videos are divided here, and nothing was said of what belongs together.
  const isFree = !dataset.dividedAsGiven && videos.every(({ group }) => group === undefined);
  const guess = isFree ? guessGroups(videos, classes.length) : undefined;
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
    varyingRates: videos.filter(({ times }) => times !== undefined).length,
    rate,
    pixels,
    skipped,
    noVideo,
    remarks,
    limits,
    fingerprint,
    ...(guess ? { groupGuess: guess } : {}),
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
    `frame rates ${listed(found.frameRates)}${found.varyingRates > 0 ? `; varying in ${found.varyingRates}` : ''}`,
    `pixels      mean ${found.pixels.mean}, deviation ${found.pixels.deviation}, of values from 0 to 1`,
  ];
  for (const part of PARTS) {
    if (found.groups[part].length > 0) lines.push(`groups      ${part}: ${found.groups[part].join(', ')}`);
  }
  if (found.groupGuess) {
    const { pattern, groups } = found.groupGuess;
    lines.push(
      pc.yellow(
        `groups      none; the names look like ${groups.length} of them (${groups.slice(0, SHOWN).join(', ')}${groups.length > SHOWN ? ', …' : ''}). If these are people or places, --group '${pattern}' keeps each in one part; else the test is too easy.`,
      ),
    );
  }
  lines.push(
    `limits      clips of up to ${found.limits.maxSpan} frames at ${found.rate} per second, crops of up to ${found.limits.maxCrop} pixels`,
    `fingerprint ${found.fingerprint}`,
  );
  if (found.parts.test === 0) {
    lines.push(pc.yellow('No test part: the final figure would be on the videos that choose the network.'));
  }
  for (const { reason, files, first } of found.noVideo)
    lines.push(`no video    ${files} ${files === 1 ? 'file' : 'files'}, as ${first}: ${reason}`);
  for (const { path, remark } of found.remarks) lines.push(pc.yellow(`note        ${path}: ${remark}`));
  for (const { path, reason } of found.skipped) lines.push(pc.yellow(`skipped     ${path}: ${reason}`));
  return lines.join('\n');
}

async function inspect(path: string, options: InspectOptions): Promise<void> {
  const { json, home, target } = options;
  const data = { path, ...dataFrom(options) };
  const dataset = await openDataset(data, {
    cacheFolder: homeAt(home).cache,
    onProgress: progressLine('looking at videos'),
  });
  const found = inspection(dataset);
  const plan =
    target === undefined ? undefined : await planFor({ data, target }, fleetOf({ perDevice: 1 }), home);
  const text = () => [inspectionText(found), ...(plan ? [planText(plan)] : [])].join('\n');
  print(json, { ...found, ...(plan ? { plan } : {}) }, text);
}

/** Throws X3dError (data, invalid-input), which the caller shows. */
export function inspectCommand(): Command {
  const command = new Command('inspect')
    .description(
      'Say what a set of videos holds: classes, durations, sizes, the split, and the limits that follow',
    )
    .argument('<videos>', VIDEOS);
  return withData(command)
    .option(
      '--target <amount>',
      'say too what a search for a network of so many multiply-adds would take here',
    )
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText('after', example("inspect ~/videos/gestures --group '([^/_]+)_[^/]*$' --target 6M"))
    .action(inspect);
}
