/** A candidate: one network to be trained in one way on one set of videos, known by what decides its result. */
import { createHash } from 'node:crypto';
import { networkCost } from '../flops/cost.js';
import { BASES, type BaseNetwork, describeNetwork, type Factors } from '../network/index.js';
import { microBatchWithin, trainingBytes } from '../training/memory.js';
import { searchRecipe } from '../training/recipe.js';
import type { TrainingRequest } from '../training/training.js';
import type { SearchConfiguration } from './configuration.js';
import type { CandidateCost, DatasetSummary } from './events.js';

/** Raised when a change to the engine, the sampling or the evaluation changes what a training comes to. */
export const ENGINE_VERSION = 3;

/** A training as the search asks for it; whoever runs it says where. */
export type Work = Omit<TrainingRequest, 'folder' | 'cacheFolder' | 'device' | 'threads'>;

/** The base with as many classes as the data have. */
export function baseOf(configuration: SearchConfiguration, dataset: DatasetSummary): BaseNetwork {
  return { ...BASES[configuration.base], classes: dataset.classes.length };
}

export function costOf(base: BaseNetwork, factors: Factors): CandidateCost {
  const { multiplyAdds, parameters, activationBytes } = networkCost(describeNetwork(base, factors));
  return { multiplyAdds, parameters, activationBytes };
}

/** What a candidate takes in memory at the least, one clip at a time, bytes. */
export function leastMemory(
  configuration: SearchConfiguration,
  dataset: DatasetSummary,
  factors: Factors,
): number {
  const network = describeNetwork(baseOf(configuration, dataset), factors);
  return trainingBytes(network, 1, searchRecipe(configuration.recipe).batchSize);
}

export function workOf(
  configuration: SearchConfiguration,
  dataset: DatasetSummary,
  factors: Factors,
  purpose: Work['purpose'],
): Work {
  const { data, seed } = configuration;
  const base = baseOf(configuration, dataset);
  const recipe = purpose === 'final' ? configuration.recipe : searchRecipe(configuration.recipe);
  const network = describeNetwork(base, factors);
  // A network that fits at no size is not proposed; see `proposals`.
  const microBatch = microBatchWithin(network, recipe, configuration.memory) ?? 1;
  return { purpose, base, factors, data, recipe, microBatch, seed };
}

/** JSON with sorted keys: equal content, equal text. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}

/**
 * The id of a training, from all that decides its result: two searches that come to the same one share it. Where the
 * videos lie does not matter, only what they are.
 */
export function candidateId(work: Work, fingerprint: string): string {
  const { data, ...rest } = work;
  const content = { ...rest, flip: data.flip ?? true, fingerprint, engine: ENGINE_VERSION };
  return `c${createHash('sha256').update(canonical(content)).digest('hex').slice(0, 24)}`;
}
