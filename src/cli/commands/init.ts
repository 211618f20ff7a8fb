/** `init`: a configuration for a search on a folder of videos, with what was found in it said beside each choice. */
import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { type Dataset, openDataset, PARTS } from '../../data/index.js';
import { X3dError } from '../../errors.js';
import { writeWhole } from '../../files.js';
import { networkCost } from '../../flops/cost.js';
import { homeAt } from '../../home.js';
import { BASES, describeNetwork } from '../../network/index.js';
import { configurationSchema } from '../../search/configuration.js';
import { amount } from '../figures.js';
import { example, homeOption, jsonOption } from '../flags.js';
import { type GroupGuess, guessGroups } from '../guessing.js';
import { invocation } from '../invocation.js';
import { print, say } from '../printing.js';
import { progressLine } from '../progress.js';

interface InitOptions {
  readonly output: string;
  readonly schema?: boolean;
  readonly home: string;
  readonly json?: boolean;
}

const BASE = 'x2d-micro';
/** Doublings of the base's cost: what a search of some rounds comes to. */
const TARGETS = [
  { doublings: 1, words: 'a first look' },
  { doublings: 3, words: 'what a CPU trains in an evening, for a set of some hundred short videos' },
  { doublings: 5, words: 'several workers, or a GPU' },
] as const;
/** Names of groups that are shown. */
const SHOWN = 6;

/** To two digits, so that it is a number that people write. */
const rounded = (value: number) => amount(Number(value.toPrecision(1)));

interface Found {
  readonly dataset: Dataset;
  readonly guess: GroupGuess | undefined;
  /** Whether the set divides by the guess. */
  readonly grouped: boolean;
}

async function look(path: string, home: string): Promise<Found> {
  const options = { cacheFolder: homeAt(home).cache, onProgress: progressLine('looking at videos') };
  const dataset = await openDataset({ path }, options);
  const guess = guessGroups(dataset.videos, dataset.classes.length);
  if (!guess || dataset.dividedAsGiven) return { dataset, guess, grouped: false };
  try {
    return { dataset: await openDataset({ path, group: guess.pattern }, options), guess, grouped: true };
  } catch (error) {
    // Too few groups for three parts, or a class in one of them only.
    if (error instanceof X3dError) return { dataset, guess, grouped: false };
    throw error;
  }
}

const comment = (text: string) => `# ${text}`;
/** "key: value" with the value as YAML writes it. */
const field = (key: string, value: unknown) => stringify({ [key]: value }, { lineWidth: 0 }).trimEnd();

function groupLines({ dataset, guess, grouped }: Found): string[] {
  if (!guess) {
    if (dataset.dividedAsGiven) return [];
    return [
      comment(
        'Are the same people or places in several videos? Then keep each in one part, by the first group of',
      ),
      comment('a regular expression on the names, or the figures at the end say too much:'),
      comment("group: '([^/_]+)_[^/]*$'   # what stands before the first underscore"),
    ];
  }
  const { pattern, groups } = guess;
  const names = groups.slice(0, SHOWN).join(', ') + (groups.length > SHOWN ? ', …' : '');
  return [
    comment(`Guessed from the names: ${groups.length} groups (${names}).`),
    ...(grouped
      ? [
          comment(
            'Videos of one group stay in one part. Check that they are people or places, or remove the line.',
          ),
        ]
      : [
          comment(
            dataset.dividedAsGiven
              ? 'The parts stay as they are; folds for repeated trainings follow the groups:'
              : 'They do not divide these videos into three parts that have every class:',
          ),
        ]),
    grouped ? field('group', pattern) : comment(field('group', pattern)),
  ];
}

/** The file's text; `videos` as it stands in it. */
function configurationText(found: Found, videos: string, output: string): string {
  const { dataset } = found;
  const { classes, parts, rate, limits, dividedAsGiven, skipped } = dataset;
  const network = describeNetwork(BASES[BASE], BASES[BASE].factors, { classes: classes.length });
  const least = networkCost(network).multiplyAdds;
  const [, middle] = TARGETS;
  const counts = PARTS.map(
    (part) => `${parts[part]} to ${part === 'train' ? part : part === 'test' ? 'test' : 'validate'}`,
  );
  const indented = (lines: readonly string[]) => lines.map((line) => `  ${line}`);
  const lines = [
    comment('A search for the most accurate network within a target. Run it with'),
    comment(`  ${invocation('run', '--config', output)}`),
    comment('Every field and its default: x3d-search init --schema'),
    '',
    'data:',
    ...indented([
      comment(`${dataset.videos.length} videos of ${classes.length} classes: ${counts.join(', ')};`),
      comment(
        dividedAsGiven
          ? 'divided by the folders or lists.'
          : 'divided by shares, since no folders or lists divide them.',
      ),
      ...(skipped.length > 0
        ? [comment(`${skipped.length} files can not be decoded; \`x3d-search inspect\` names them.`)]
        : []),
      field('path', videos),
      ...groupLines(found),
      ...(dividedAsGiven ? [] : [comment('shares: { train: 0.7, validation: 0.15, test: 0.15 }')]),
      comment(`Strides count at ${rate} frames per second, the rate of most of the training videos.`),
      comment(`Clips may span ${(limits.maxSpan / rate).toFixed(1)} s, crops ${limits.maxCrop} pixels.`),
      comment(field('rate', rate)),
      comment('Where a mirrored video would be of another class:'),
      comment('flip: false'),
    ]),
    '',
    comment(`Multiply-adds of one clip. The search starts at ${amount(least)} and doubles in each round:`),
    ...TARGETS.map(({ doublings, words }) =>
      comment(
        `  ${rounded(least * 2 ** doublings).padEnd(4)}  ${doublings} ${doublings === 1 ? 'round' : 'rounds'}: ${words}`,
      ),
    ),
    comment(
      'or milliseconds on a device, like 20ms, with its deviceTable (`x3d-search benchmark --table FILE`).',
    ),
    field('target', rounded(least * 2 ** middle.doublings)),
    '',
    comment('What all trainings may take, hours of workers or multiply-adds:'),
    comment('budget: 2h'),
    '',
    comment('method: race        # or paper, compound, random'),
    comment(`base: ${BASE}     # or x2d, the published start, for GPUs and large sets`),
    comment('seed: 0'),
  ];
  return `${lines.join('\n')}\n`;
}

async function init(path: string | undefined, { output, schema, home, json }: InitOptions): Promise<void> {
  if (schema) {
    say(JSON.stringify(configurationSchema(), undefined, 2));
    return;
  }
  if (path === undefined)
    throw new X3dError('invalid-input', {
      subject: 'videos',
      expected: 'a folder of videos',
      got: 'nothing',
    });
  const file = resolve(output);
  if (existsSync(file))
    throw new X3dError('conflict', {
      subject: '--output',
      expected: 'a file that is not there yet',
      got: output,
      remedy: 'Remove it, or give another name.',
    });
  const found = await look(path, home);
  const videos = relative(resolve(file, '..'), resolve(path));
  const text = configurationText(found, videos.startsWith('..') ? resolve(path) : videos || '.', output);
  await writeWhole(file, text);
  const { dataset, guess, grouped } = found;
  const facts = {
    file,
    classes: dataset.classes.length,
    parts: dataset.parts,
    rate: dataset.rate,
    ...(guess ? { group: guess.pattern, grouped } : {}),
  };
  print(json, facts, () => `wrote ${output}\nRead it, then: ${invocation('run', '--config', output)}`);
}

export function initCommand(): Command {
  return new Command('init')
    .description('Write a configuration for a search on your videos, with what was found in them')
    .argument('[videos]', 'a folder of videos, as `inspect` takes it')
    .option('--output <file>', 'to write', 'x3d-search.yaml')
    .option('--schema', 'instead, print what a configuration may hold, as JSON Schema')
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText('after', example('init ~/videos/gestures', 'init --schema > x3d-search.schema.json'))
    .action(init);
}
