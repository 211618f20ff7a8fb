/** A trained network on the videos of one part, under both test strategies. */
import type { Dataset } from '../data/index.js';
import { X3dError } from '../errors.js';
import { describeNetwork } from '../network/index.js';
import { createEngine } from './engine/engine.js';
import { layoutOf } from './engine/parameters.js';
import { importWeights } from './engine/weights.js';
import { cropOf, evaluate, type Strategy } from './evaluating.js';
import { RECIPES } from './recipe.js';
import type { SavedNetwork } from './saved.js';
import type { Device, Evaluation, TrainingProgress } from './training.js';
import { readWeights } from './weights.js';

export interface AssessOptions {
  readonly part: 'validation' | 'test';
  /** Clips a video, K of K-Center. */
  readonly views: number;
  readonly device: Device;
  /** As in a training request. */
  readonly threads: number;
  readonly cacheFolder: string;
  readonly report?: (progress: TrainingProgress) => void;
}

export interface Assessment {
  readonly center: Evaluation;
  readonly leftCenterRight: Evaluation;
}

function refuseOtherClasses({ base, classes }: SavedNetwork, dataset: Dataset): void {
  const own = dataset.classes;
  const same = classes ? classes.join('\n') === own.join('\n') : own.length === base.classes;
  if (same) return;
  const named = (names: readonly string[]) =>
    `${names.length}: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ' …' : ''}`;
  throw new X3dError('data', {
    subject: 'classes',
    expected: `those of the network, ${classes ? named(classes) : base.classes}`,
    got: named(own),
    remedy: 'Give videos of the classes that the network was trained on, in folders of the same names.',
  });
}

/** Throws X3dError: data for weights, classes or videos that do not fit, environment for the device. */
export async function assess(
  saved: SavedNetwork,
  dataset: Dataset,
  { part, views, device, threads, cacheFolder, report = () => {} }: AssessOptions,
): Promise<Assessment> {
  refuseOtherClasses(saved, dataset);
  const { base, factors } = saved;
  const at = (strategy: Strategy) =>
    describeNetwork(base, factors, {
      classes: dataset.classes.length,
      crop: cropOf(strategy, factors.crop),
    });
  const network = at('center');
  const layout = layoutOf(network);
  const weights = importWeights(network, layout, await readWeights(saved.weights));
  const recipe = { ...RECIPES.x2d, views, batchSize: 1, averageDecay: 0, preciseBatchNorm: 0 };
  const engine = await createEngine({
    network,
    evaluations: [network, at('left-center-right')],
    recipe,
    microBatch: 1,
    seed: 0,
    device,
  });
  try {
    const momentum = new Float32Array(layout.parameterSize);
    engine.writeState({ ...weights, momentum, average: new Float32Array() });
    const session = {
      request: { factors, recipe, cacheFolder, device, threads },
      dataset,
      engine,
      report,
      signal: undefined,
    };
    return {
      center: await evaluate(session, part, 'center'),
      leftCenterRight: await evaluate(session, part, 'left-center-right'),
    };
  } finally {
    engine.close();
  }
}
