/** `run`: one search with everything it needs, in one process tree. */
import { Command, Option } from 'commander';
import { X3dError } from '../../errors.js';
import { parseAmount, type SearchInput } from '../../search/configuration.js';
import { METHODS } from '../../search/methods/index.js';
import type { Plan } from '../../search/planning/plan.js';
import { cacheLimitOption } from '../cache-limit.js';
import { connectTo } from '../client.js';
import { readConfiguration } from '../config-file.js';
import { type DataOptions, dataFrom, seenFromHere, VIDEOS, withData } from '../data.js';
import { deviceTableOption, readLatencyTable } from '../device-table.js';
import { watching } from '../elsewhere.js';
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
  readonly service?: string;
  readonly cacheLimit?: number;
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
  readonly deviceTable?: string;
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
    ...(options.deviceTable === undefined
      ? {}
      : { deviceTable: await readLatencyTable(options.deviceTable) }),
    data,
    ...(Object.keys(recipe).length === 0 ? {} : { recipe }),
  };
}

function refuseBesideResume(videos: string | undefined, options: RunOptions): void {
  const given = [
    ...(videos === undefined ? [] : ['videos']),
    ...Object.keys(picked(options, ['config', 'recipe', 'deviceTable', ...SEARCH_FIELDS])),
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

/** A service has workers of its own. */
function refuseBesideService({ workers, threads, device, perDevice, cacheLimit }: RunOptions): void {
  const given = Object.entries({ workers, threads, device, 'cache-limit': cacheLimit })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => `--${name}`);
  if (perDevice !== 1) given.push('--per-device');
  if (given.length === 0) return;
  throw new X3dError('invalid-input', {
    subject: '--service',
    expected: 'no flags of workers beside it, as the service has its own',
    got: given.join(', '),
  });
}

/** Gives back the exit code: 2 where a search would be refused. */
function sayPlan(plan: Plan, json: boolean): number {
  print(json, plan, () => planText(plan));
  return plan.checks.some(({ passed }) => !passed) ? EXIT.badInput : 0;
}

async function runThere(service: string, videos: string | undefined, options: RunOptions): Promise<number> {
  const { resume, json = false } = options;
  refuseBesideService(options);
  // The service has to see the videos under the same paths.
  const input = async () =>
    seenFromHere((await inputFrom(videos, options)) as Pick<SearchInput, 'data' | 'from'>);
  const begin = resume === undefined ? { input } : { resume };
  const client = connectTo(service);
  if (options.dryRun) return sayPlan(await client.post<Plan>('/searches/plan', await input()), json);
  return watching({ client, reach: ['--service', service], json, begin });
}

async function run(videos: string | undefined, options: RunOptions): Promise<void> {
  const { resume, home, service, cacheLimit, json = false } = options;
  if (resume !== undefined) refuseBesideResume(videos, options);
  if (service !== undefined) {
    process.exitCode = await runThere(service, videos, options);
    return;
  }
  const begin = resume === undefined ? { input: await inputFrom(videos, options) } : { resume };
  process.exitCode =
    options.dryRun && 'input' in begin
      ? sayPlan(await planFor(begin.input, fleetOf(options), home), json)
      : await searching({ home, fleet: fleetOf(options), json, cacheLimit, begin: () => begin });
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
      'multiply-adds (or --complexity) of the network wanted, as a number or like 6M; or its latency, like 20ms',
    )
    .option('--config <file>', 'the configuration as YAML or JSON, as `init` writes it; flags override it')
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
      'what the target counts: multiplyAdds (default), parameters, activationBytes, latency',
    )
    .addOption(deviceTableOption())
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
    .addOption(cacheLimitOption())
    .addOption(homeOption())
    .addOption(new Option('--service <url>', 'of a service that runs the search instead, on its own workers'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        "run ~/videos/gestures --target 6M --group '([^/_]+)_[^/]*$' --workers 2",
        'run ~/videos/gestures --target 6M --dry-run',
        'run ~/videos/gestures --target 20ms --device-table phone.json',
        'run --resume s0123456789',
      ),
    )
    .action(run);
}
