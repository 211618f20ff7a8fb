/** A search begins: its configuration is settled, its data are opened, and its first event is written. */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { Redis } from 'ioredis';
import type { DataConfiguration, Dataset } from '../data/index.js';
import { X3dError } from '../errors.js';
import { baseOf, costOf, leastMemory } from './candidate.js';
import { resolveConfiguration, type SearchConfiguration } from './configuration.js';
import type { DatasetSummary } from './events.js';
import { appendEvents, searchNamed } from './log.js';
import type { SearchState } from './state.js';

const summaryOf = ({ classes, parts, skipped, fingerprint, limits }: Dataset): DatasetSummary => ({
  classes: [...classes],
  parts,
  skipped: skipped.length,
  fingerprint,
  limits,
});

function refuseTargetBelowBase(configuration: SearchConfiguration, dataset: DatasetSummary): void {
  const { base, complexity, target } = configuration;
  const network = baseOf(configuration, dataset);
  const least = costOf(network, network.factors)[complexity];
  if (target >= least) return;
  throw new X3dError('invalid-input', {
    subject: 'target',
    expected: `at least the ${complexity} of ${base} with ${dataset.classes.length} classes, ${least}`,
    got: String(target),
    remedy: 'Raise the target, or start from a smaller base.',
  });
}

function refuseMemoryBelowBase(configuration: SearchConfiguration, dataset: DatasetSummary): void {
  const { memory, base } = configuration;
  const least = leastMemory(configuration, dataset, baseOf(configuration, dataset).factors);
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
  const given = resolveConfiguration(input);
  const { memory = offers.memory } = given;
  const configuration = {
    ...given,
    data: withAbsolutePaths(given.data),
    ...(memory === undefined ? {} : { memory }),
  };
  const dataset = summaryOf(await open(configuration.data));
  refuseTargetBelowBase(configuration, dataset);
  refuseMemoryBelowBase(configuration, dataset);
  await appendEvents(redis, search, 0, [{ kind: 'search-created', search, configuration, dataset }]);
  return searchNamed(redis, search);
}
