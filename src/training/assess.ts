/** A trained network on the videos of one part, under both test strategies. */
import type { Dataset } from '../data/index.js';
import { X3dError } from '../errors.js';
import { evaluate } from './evaluating.js';
import { loadEngine } from './loading.js';
import type { SavedNetwork } from './saved.js';
import type { Device, Evaluation, TrainingProgress } from './training.js';

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
  const { engine, recipe } = await loadEngine(saved, {
    strategies: ['center', 'left-center-right'],
    views,
    device,
  });
  try {
    const session = {
      request: { factors: saved.factors, recipe, cacheFolder, device, threads },
      dataset,
      engine,
      report,
      signal: undefined,
    };
    return {
      center: await evaluate(session, part),
      leftCenterRight: await evaluate(session, `${part}-left-center-right`),
    };
  } finally {
    engine.close();
  }
}
