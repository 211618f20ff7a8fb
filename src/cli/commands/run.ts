/** `run`: one search with everything it needs, in one process tree. */
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { X3dError } from '../../errors.js';
import { parseAmount } from '../../search/configuration.js';
import { METHODS } from '../../search/methods/index.js';
import { type DataOptions, dataFrom, VIDEOS, withData } from '../data.js';
import { EXIT } from '../failure.js';
import { example, homeOption, jsonOption, numeric } from '../flags.js';
import { type FleetOptions, fleetOf, withFleet } from '../fleet.js';
import { planFor, planText } from '../planning.js';
import { print } from '../printing.js';
import { recipeOption, type Value } from '../recipe.js';
import { searching } from '../searching.js';

interface RunOptions extends FleetOptions, DataOptions {
  readonly config?: string;
  readonly resume?: string;
  readonly home: string;
  readonly json?: boolean;
  readonly dryRun?: boolean;
  /** Fields of the configuration's schema, which checks them. */
  readonly name?: string;
  readonly target?: string;
  readonly base?: string;
  readonly method?: string;
  readonly finalOn?: string;
  readonly budget?: string;
  readonly criterion?: string;
  readonly complexity?: string;
  readonly stepRule?: string;
  readonly onFailure?: string;
  readonly seed?: Value;
  readonly memory?: Value;
  readonly from?: string;
  readonly recipe?: Readonly<Record<string, Value>>;
  readonly flip: boolean;
}

const SEARCH_FIELDS = [
  'name',
  'target',
  'base',
  'method',
  'finalOn',
  'budget',
  'criterion',
  'complexity',
  'stepRule',
  'onFailure',
  'seed',
  'memory',
  'from',
] as const;

function picked<Key extends string>(options: Partial<Record<Key, unknown>>, keys: readonly Key[]): object {
  return Object.fromEntries(keys.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])));
}

async function readConfiguration(path: string): Promise<Record<string, unknown>> {
  const refuse = (expected: string, cause: unknown) =>
    new X3dError(
      'invalid-input',
      { subject: '--config', expected, got: `${path} (${(cause as Error).message})` },
      { cause },
    );
  const text = await readFile(path, 'utf8').catch((error) => {
    throw refuse('a file that can be read', error);
  });
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
    throw new Error('no object');
  } catch (error) {
    throw refuse('a file with a JSON object', error);
  }
}

/** The configuration as the file and the flags have it; a flag goes before the file. Its schema checks it later. */
async function inputFrom(videos: string | undefined, options: RunOptions): Promise<object> {
  const file = options.config === undefined ? {} : await readConfiguration(options.config);
  const data = {
    ...(file.data as object | undefined),
    ...dataFrom(options),
    ...(options.flip ? {} : { flip: false }),
    ...(videos === undefined ? {} : { path: videos }),
  };
  if (!('path' in data))
    throw new X3dError('invalid-input', {
      subject: 'videos',
      expected: 'a folder of videos, as an argument or as data.path in --config',
      got: 'nothing',
    });
  const recipe = { ...(file.recipe as object | undefined), ...options.recipe };
  return {
    ...file,
    ...picked(options, SEARCH_FIELDS),
    data,
    ...(Object.keys(recipe).length === 0 ? {} : { recipe }),
  };
}

function refuseBesideResume(videos: string | undefined, options: RunOptions): void {
  const given = [
    ...(videos === undefined ? [] : ['videos']),
    ...Object.keys(picked(options, ['config', 'recipe', ...SEARCH_FIELDS])),
    ...Object.keys(dataFrom(options)),
    ...(options.flip ? [] : ['no-flip']),
    ...(options.dryRun ? ['dry-run'] : []),
  ];
  if (given.length === 0) return;
  throw new X3dError('invalid-input', {
    subject: '--resume',
    expected: 'no configuration beside it, as the search keeps its own',
    got: given.join(', '),
  });
}

async function run(videos: string | undefined, options: RunOptions): Promise<void> {
  const { resume, home, json = false } = options;
  if (resume !== undefined) refuseBesideResume(videos, options);
  const begin = resume === undefined ? { input: await inputFrom(videos, options) } : { resume };
  if (options.dryRun && 'input' in begin) return dryRun(begin.input, options);
  process.exitCode = await searching({ home, fleet: fleetOf(options), json, begin: () => begin });
}

/** Ends with 2 where a search would be refused. */
async function dryRun(input: object, options: RunOptions): Promise<void> {
  const plan = await planFor(input, fleetOf(options), options.home);
  print(options.json, plan, () => planText(plan));
  if (plan.checks.some(({ passed }) => !passed)) process.exitCode = EXIT.badInput;
}

const METHODS_TEXT = `how networks are proposed and chosen, race by default: ${Object.entries(METHODS)
  .map(([name, { description }]) => `${name} (${description})`)
  .join(', ')}`;

export function runCommand(): Command {
  const command = new Command('run')
    .description('Search the most accurate network for your videos within a target, and train it')
    .argument('[videos]', VIDEOS)
    .option(
      '--target <amount>',
      'multiply-adds (or --complexity) of the network wanted, as a number or like 6M',
    )
    .option('--config <file>', 'the configuration as JSON; flags override it')
    .option('--dry-run', 'only say what the search would take, and what to know before it begins')
    .option('--resume <id>', 'go on with a search that was stopped')
    .option('--name <text>', 'for people')
    .option('--base <name>', 'what the search starts from: x2d-micro (default) or x2d')
    .option('--method <name>', METHODS_TEXT)
    .option(
      '--budget <amount>',
      'what all trainings may take: multiply-adds, like 5T, or hours of workers, like 2h',
    )
    .option(
      '--final-on <videos>',
      'what the network found is trained on: train, or train-and-validation (default where there is a test part)',
    )
    .option(
      '--criterion <name>',
      'what decides where networks differ beyond chance: accuracy (default), top5 or loss',
    )
    .option(
      '--complexity <name>',
      'what the target counts: multiplyAdds (default), parameters, activationBytes',
    )
    .option('--step-rule <name>', 'how far a step goes: at-most-double (default) or nominal')
    .option(
      '--on-failure <what>',
      'where trainings of a round fail for good: pause (default) for a person, or go-on with four of six or more',
    )
    .option('--seed <n>', 'of every training', numeric)
    .option(
      '--memory <bytes>',
      'that one training may take, as a number or like 4G (default: the least that a worker has for one)',
      (text) => parseAmount(text, '--memory'),
    )
    .option(
      '--from <weights>',
      "weights that every training starts from: a run's id or folder, a network's folder, or a file (default: random ones)",
    )
    .addOption(recipeOption())
    .option('--no-flip', 'where mirrored videos are of another class');
  return withFleet(withData(command))
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        "run ~/videos/gestures --target 6M --group '([^/_]+)_[^/]*$' --workers 2",
        'run ~/videos/gestures --target 6M --dry-run',
        'run --resume s0123456789',
      ),
    )
    .action(run);
}
