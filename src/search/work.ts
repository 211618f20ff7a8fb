/** From a search's configuration and a network's factors to what is asked of the workers, and what it costs. */
import { createHash } from 'node:crypto';
import { AS_DIVIDED, type Division } from '../data/folds.js';
import { networkCost } from '../flops/cost.js';
import { type LatencyTable, predictLatency } from '../flops/latency.js';
import { BASES, type BaseNetwork, describeNetwork, type Factors } from '../network/index.js';
import { microBatchWithin, trainingBytes } from '../training/memory.js';
import type { Recipe } from '../training/recipe.js';
import type { EvaluationName, Work } from '../training/training.js';
import type { SearchConfiguration } from './configuration.js';
import type { CandidateCost, DatasetSummary } from './events.js';

/** What a search knows from its first event on. */
export interface Setting {
  readonly configuration: SearchConfiguration;
  readonly dataset: DatasetSummary;
}

/** The base with the set's classes, and the clip that the search begins with. */
export function baseOf({ configuration, dataset }: Setting): BaseNetwork {
  const base = BASES[configuration.base];
  const factors = { ...base.factors, stride: configuration.clip };
  return { ...base, factors, classes: dataset.classes.length };
}

/** With its latency where there is a table of the device. */
export function costOf(base: BaseNetwork, factors: Factors, device?: LatencyTable): CandidateCost {
  const network = describeNetwork(base, factors);
  const { multiplyAdds, parameters, activationBytes } = networkCost(network);
  return {
    multiplyAdds,
    parameters,
    activationBytes,
    // To the nanosecond, so that it is read as it was written.
    ...(device ? { latency: Math.round(1e6 * predictLatency(network, device)) / 1e6 } : {}),
  };
}

/** What a network costs in a search. */
export const costIn = (setting: Setting, factors: Factors): CandidateCost =>
  costOf(baseOf(setting), factors, setting.configuration.deviceTable);

/** What a network takes in memory at the least, one clip at a time, bytes. */
export const leastMemory = (setting: Setting, factors: Factors, batchSize: number): number =>
  trainingBytes(describeNetwork(baseOf(setting), factors), 1, batchSize);

/** How one training of a network differs from the others. */
export interface Variant {
  readonly recipe: Recipe;
  readonly seed: number;
  readonly division: Division;
  readonly evaluations: readonly EvaluationName[];
}

export function workOf(setting: Setting, factors: Factors, variant: Variant): Work {
  const { data, memory, from, trainer } = setting.configuration;
  const base = baseOf(setting);
  const network = describeNetwork(base, factors);
  const { recipe, evaluations, ...rest } = variant;
  // A network that fits at no size is not proposed; see `forbidden`.
  const microBatch = microBatchWithin(network, recipe, memory) ?? 1;
  return {
    base,
    factors,
    data,
    recipe,
    microBatch,
    evaluations: [...evaluations],
    ...rest,
    ...(from ? { ancestor: { weights: from.weights, rate: 1, frozen: 0 } } : {}),
    ...(trainer === undefined ? {} : { trainer }),
  };
}

/** A replicate changes the seed and, where the set has folds, the groups that validate. */
export function replicateOf({ configuration, dataset }: Setting, replicate: number, recipe: Recipe): Variant {
  const fold = replicate % dataset.folds;
  return {
    recipe,
    seed: configuration.seed + replicate,
    division: fold === 0 ? AS_DIVIDED : { kind: 'fold', fold, of: dataset.folds },
    evaluations: ['validation'],
  };
}

/** The training in full of the network found; each further attempt has another seed. */
export function finalVariant({ configuration }: Setting, recipe: Recipe, attempt: number): Variant {
  const joined = configuration.finalOn === 'train-and-validation';
  return {
    recipe,
    seed: configuration.seed + attempt,
    division: joined ? { kind: 'joined' } : AS_DIVIDED,
    evaluations: ['validation', 'test', 'test-left-center-right'],
  };
}

/** Names a network within a search. */
export function networkId(factors: Factors): string {
  const { frames, stride, crop, width, bottleneck, depth } = factors;
  const text = [frames, stride, crop, width, bottleneck, depth].join(' ');
  return `n${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
}

/** A step's backward pass is taken as twice its forward pass. */
const PASSES = 3;

/** What a training takes in all, multiply-adds. */
export const trainingMultiplyAdds = (
  { recipe }: Pick<Work, 'recipe'>,
  { multiplyAdds }: Pick<CandidateCost, 'multiplyAdds'>,
): number => PASSES * recipe.steps * recipe.batchSize * multiplyAdds;
