/** A trained network on the videos of one part, under both test strategies. */
import { timeOf, type Video, type ViewDraws, viewDraws } from '../data/index.js';
import { X3dError } from '../errors.js';
import { drawsFor, type Evaluated, evaluate } from './evaluating.js';
import { loadEngine } from './loading.js';
import type { VideoPrediction } from './predictions.js';
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

/** What one clip of a video was taken for. */
export interface WindowPrediction {
  /** Of its first and its last frame, seconds. */
  readonly from: number;
  readonly to: number;
  readonly predicted: number;
  readonly score: number;
  /** Score of the true class. */
  readonly likelihood: number;
}

/** Of K-Center: the mean of its windows, one for each clip. */
export interface AssessedVideo extends VideoPrediction {
  readonly windows: readonly WindowPrediction[];
}

export interface Assessment {
  readonly center: Evaluation;
  readonly leftCenterRight: Evaluation;
  readonly videos: readonly AssessedVideo[];
}

type Assessed = Evaluated['dataset'];

/** A view each, [views, classes], in the order of the clips. */
function windowsIn(video: Video, probabilities: Float32Array, draws: ViewDraws): WindowPrediction[] {
  const classes = probabilities.length / draws.views;
  return viewDraws(video, draws).map(({ frames }, view) => {
    const own = probabilities.subarray(view * classes, (view + 1) * classes);
    const score = Math.max(...own);
    const [first, last] = [Math.min(...frames), Math.max(...frames)];
    return {
      from: timeOf(video, first),
      to: timeOf(video, last) + 1 / video.framesPerSecond,
      predicted: own.indexOf(score),
      score,
      likelihood: own[video.label] ?? 0,
    };
  });
}

function refuseOtherClasses({ base, classes }: SavedNetwork, dataset: Assessed): void {
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
  dataset: Assessed,
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
    const draws = drawsFor(session.request, dataset.rate, 'center', views);
    const videos: AssessedVideo[] = [];
    const center = await evaluate(session, part, (prediction, video, probabilities) => {
      videos.push({ ...prediction, windows: windowsIn(video, probabilities, draws) });
    });
    return {
      center,
      leftCenterRight: await evaluate(session, `${part}-left-center-right`),
      videos,
    };
  } finally {
    engine.close();
  }
}
