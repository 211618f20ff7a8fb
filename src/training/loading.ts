/** A trained network from its files onto a device, ready to predict. */
import { describeNetwork } from '../network/index.js';
import { createEngine, type Engine } from './engine/engine.js';
import { layoutOf } from './engine/parameters.js';
import { importWeights, type Weights } from './engine/weights.js';
import { cropOf } from './evaluating.js';
import { RECIPES, type Recipe } from './recipe.js';
import type { SavedNetwork } from './saved.js';
import type { Device, Strategy } from './training.js';

export interface LoadOptions {
  /** What it is to predict. */
  readonly strategies: readonly Strategy[];
  /** Clips a video, K of K-Center. */
  readonly views: number;
  readonly device: Device;
}

export const classesOf = ({ base, classes }: SavedNetwork): number => classes?.length ?? base.classes;

/** The network at the crop of a strategy. */
export const savedNetworkAt = (saved: SavedNetwork, strategy: Strategy) =>
  describeNetwork(saved.base, saved.factors, {
    classes: classesOf(saved),
    crop: cropOf(strategy, saved.factors.crop),
  });

/** In the engine's layout. Throws X3dError data where they are of another network. */
export function savedWeights(saved: SavedNetwork): Weights {
  const network = savedNetworkAt(saved, 'center');
  return importWeights(network, layoutOf(network), saved.weights);
}

/** Throws X3dError: data for weights that do not fit, environment for the device. */
export async function loadEngine(
  saved: SavedNetwork,
  { strategies, views, device }: LoadOptions,
): Promise<{ readonly engine: Engine; readonly recipe: Recipe }> {
  const weights = savedWeights(saved);
  const network = savedNetworkAt(saved, 'center');
  const recipe = {
    ...RECIPES.x2d,
    pixelMean: saved.preprocessing.mean,
    pixelDeviation: saved.preprocessing.deviation,
    views,
    batchSize: 1,
    averageDecay: 0,
    preciseBatchNorm: 0,
  };
  const engine = await createEngine({
    network,
    evaluations: strategies.map((strategy) => savedNetworkAt(saved, strategy)),
    recipe,
    microBatch: 1,
    seed: 0,
    device,
  });
  const momentum = new Float32Array(weights.parameters.length);
  engine.writeState({ ...weights, momentum, average: new Float32Array() });
  return { engine, recipe };
}
