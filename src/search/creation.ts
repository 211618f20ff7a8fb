/** A search begins: its configuration is settled, its data are opened, and its first event is written. */
import type { Redis } from 'ioredis';
import { foldsOf } from '../data/folds.js';
import { type DataConfiguration, type Dataset, withAbsolutePaths } from '../data/index.js';
import { type ErrorFacts, X3dError } from '../errors.js';
import {
  type Ground,
  resolveConfiguration,
  type SearchConfiguration,
  type SearchInput,
} from './configuration.js';
import { counted } from './counted.js';
import type { DatasetSummary } from './events.js';
import { appendEvents, searchNamed } from './log.js';
import type { Beginning } from './reporting/record.js';
import type { SearchState } from './state.js';
import { baseOf, costIn, leastMemory, type Setting } from './work.js';

/** What guessing by the frequency of the training videos' classes comes to. */
function chanceOf({ classes, videos }: Dataset): DatasetSummary['chance'] {
  const training = videos.filter(({ part }) => part === 'train');
  const shares = classes.map(
    (_, label) => training.filter((video) => video.label === label).length / Math.max(1, training.length),
  );
  return {
    accuracy: Math.max(...shares),
    loss: -shares.reduce((sum, share) => sum + (share > 0 ? share * Math.log(share) : 0), 0),
  };
}

export function summaryOf(dataset: Dataset): DatasetSummary {
  const { classes, parts, skipped, fingerprint, limits, rate } = dataset;
  return {
    classes: [...classes],
    parts,
    skipped: skipped.length,
    fingerprint,
    limits,
    rate,
    folds: foldsOf(dataset),
    chance: chanceOf(dataset),
  };
}

export const groundOf = ({ parts, pixels, rate, limits }: Dataset): Ground => ({
  videos: parts.train,
  pixels,
  rate,
  maxSpan: limits.maxSpan,
  tested: parts.test > 0,
});

/** What a search needs of its configuration, and whether it has it. */
export interface Check extends Required<ErrorFacts> {
  readonly passed: boolean;
}

/** A search begins where all of them are passed. */
export function checksOn(setting: Setting): Check[] {
  const { base, complexity, target, memory, recipe } = setting.configuration;
  const network = baseOf(setting);
  const leastCost = counted(costIn(setting, network.factors), complexity);
  const leastBytes = leastMemory(setting, network.factors, recipe.batchSize);
  return [
    {
      subject: 'target',
      passed: target >= leastCost,
      expected: `at least the ${complexity} of ${base} with ${setting.dataset.classes.length} classes, ${leastCost}`,
      got: String(target),
      remedy: 'Raise the target, or start from a smaller base.',
    },
    {
      subject: 'memory',
      passed: memory === undefined || memory >= leastBytes,
      expected: `at least what training ${base} takes one clip at a time, about ${leastBytes} bytes`,
      got: memory === undefined ? 'no bound' : String(memory),
      remedy: 'Raise it, or start from a smaller base.',
    },
  ];
}

/** Throws X3dError invalid-input for the first check that is not passed. */
export function refuseUnfit(setting: Setting): void {
  for (const { passed, ...facts } of checksOn(setting))
    if (!passed) throw new X3dError('invalid-input', facts);
}

export interface Offers {
  readonly open: (data: DataConfiguration) => Promise<Dataset>;
  /** Keeps the weights that the user names, and gives back what they are kept as. */
  readonly start: (named: string) => Promise<string>;
  /** What a training may take where the user does not say. */
  readonly memory: number | undefined;
  /** The command that trains, where it is the user's own. */
  readonly trainer?: string;
}

/**
 * What a user wrote, complete by what the videos are. Throws X3dError: invalid-input for the configuration, and what
 * `open` and `start` throw for videos and weights that can't be used.
 */
export async function settle(
  input: unknown,
  { open, start, memory: offered, trainer }: Offers,
): Promise<{ readonly configuration: SearchConfiguration; readonly opened: Dataset }> {
  // Refused before the videos are looked at, settled by them.
  const { data } = resolveConfiguration(input);
  const { from: named } = input as SearchInput;
  const from = named === undefined ? undefined : { named, weights: await start(named) };
  const opened = await open(withAbsolutePaths(data));
  const given = resolveConfiguration(input, groundOf(opened));
  const { memory = offered } = given;
  const configuration = {
    ...given,
    data: withAbsolutePaths(data),
    ...(from ? { from } : {}),
    ...(memory === undefined ? {} : { memory }),
    ...(trainer === undefined ? {} : { trainer }),
  };
  return { configuration, opened };
}

export interface Surroundings extends Offers {
  readonly redis: Redis;
  /** Keeps what the search begins from, before it begins. */
  readonly record: (search: string, beginning: Beginning) => Promise<void>;
  /** Of the search. One that there is already is given back as it stands. */
  readonly id: string;
}

/**
 * Creates a search from what a user wrote. Throws X3dError: invalid-input for the configuration, and what `open` throws
 * for videos that can't be used.
 */
export async function createSearch(
  input: unknown,
  { redis, record, id: search, ...surroundings }: Surroundings,
): Promise<SearchState> {
  const { configuration, opened } = await settle(input, surroundings);
  const dataset = summaryOf(opened);
  refuseUnfit({ configuration, dataset });
  await record(search, { given: input, configuration, opened });
  await appendEvents(redis, search, 0, [{ kind: 'search-created', search, configuration, dataset }]);
  return searchNamed(redis, search);
}
