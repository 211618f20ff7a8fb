/** A search begins: its configuration is settled, its data are opened, and its first event is written. */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { Redis } from 'ioredis';
import { foldsOf } from '../data/folds.js';
import type { DataConfiguration, Dataset } from '../data/index.js';
import { X3dError } from '../errors.js';
import { type Ground, resolveConfiguration } from './configuration.js';
import type { DatasetSummary } from './events.js';
import { appendEvents, searchNamed } from './log.js';
import type { SearchState } from './state.js';
import { baseOf, costOf, leastMemory, type Setting } from './work.js';

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

function refuseTargetBelowBase(setting: Setting): void {
  const { base, complexity, target } = setting.configuration;
  const network = baseOf(setting);
  const least = costOf(network, network.factors)[complexity];
  if (target >= least) return;
  throw new X3dError('invalid-input', {
    subject: 'target',
    expected: `at least the ${complexity} of ${base} with ${setting.dataset.classes.length} classes, ${least}`,
    got: String(target),
    remedy: 'Raise the target, or start from a smaller base.',
  });
}

function refuseMemoryBelowBase(setting: Setting): void {
  const { memory, base, recipe } = setting.configuration;
  const least = leastMemory(setting, baseOf(setting).factors, recipe.batchSize);
  if (memory === undefined || memory >= least) return;
  throw new X3dError('invalid-input', {
    subject: 'memory',
    expected: `at least what training ${base} takes one clip at a time, about ${least} bytes`,
    got: String(memory),
    remedy: 'Raise it, or start from a smaller base.',
  });
}

/** Workers may run in other folders than this process. */
const withAbsolutePaths = ({ path, root, ...rest }: DataConfiguration): DataConfiguration => ({
  ...rest,
  path: resolve(path),
  ...(root === undefined ? {} : { root: resolve(root) }),
});

export interface Surroundings {
  readonly redis: Redis;
  /** Of the search. One that there is already is given back as it stands. Default: a new one. */
  readonly id?: string;
  readonly open: (data: DataConfiguration) => Promise<Dataset>;
  /** What a training may take where the user does not say. */
  readonly memory: number | undefined;
}

/**
 * Creates a search from what a user wrote. Throws X3dError: invalid-input for the configuration, and what `open` throws
 * for videos that can't be used.
 */
export async function createSearch(
  input: unknown,
  { redis, open, id: search = `s${randomBytes(5).toString('hex')}`, ...offers }: Surroundings,
): Promise<SearchState> {
  // Refused before the videos are looked at, settled by them.
  const { data } = resolveConfiguration(input);
  const opened = await open(withAbsolutePaths(data));
  const given = resolveConfiguration(input, groundOf(opened));
  const { memory = offers.memory } = given;
  const configuration = {
    ...given,
    data: withAbsolutePaths(data),
    ...(memory === undefined ? {} : { memory }),
  };
  const dataset = summaryOf(opened);
  refuseTargetBelowBase({ configuration, dataset });
  refuseMemoryBelowBase({ configuration, dataset });
  await appendEvents(redis, search, 0, [{ kind: 'search-created', search, configuration, dataset }]);
  return searchNamed(redis, search);
}
