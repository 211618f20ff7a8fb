/** A network's ONNX model in 8 bits: ranges from training clips, and what it costs on the validation part. */
import { type Dataset, viewBatches } from '../data/index.js';
import { X3dError } from '../errors.js';
import { tally } from '../training/evaluation.js';
import type { Evaluation } from '../training/training.js';
import { centerViews } from './clips.js';
import { onnxModel } from './exporting.js';
import type { NamedNetwork } from './named.js';
import { SCORES } from './onnx/drawing.js';
import { encodeModel } from './onnx/encoding.js';
import type { Graph } from './onnx/graph.js';
import { activationsIn, observed, quantised, type Range, rangeIn } from './onnx/quantizing.js';
import { openSession } from './onnx/runtime.js';
import { normalised } from './preprocessing.js';
import { timeGraph } from './timing.js';

/** Videos that ranges are taken from, a clip each, spread over the training part. */
const MOST_VIDEOS = 128;
/** K of K-Center. */
const VIEWS = 10;
const PATIENCE = { clock: 'processor', seconds: 1, calls: 5 } as const;

export interface Quantised {
  readonly model: Uint8Array;
  /** Training clips that the ranges are of. */
  readonly clips: number;
  readonly validation: {
    readonly videos: number;
    readonly float: Cost;
    readonly int8: Cost;
    /** Videos whose most probable class is the same. */
    readonly agreeing: number;
  };
}

export interface Cost {
  readonly metrics: Evaluation['metrics'];
  readonly bytes: number;
  /** For one clip on one thread of this machine, the median. */
  readonly milliseconds: number;
}

type Progress = (what: 'ranges' | 'validation', done: number, of: number) => void;

interface Places {
  readonly cacheFolder: string;
  readonly onProgress?: Progress;
}

const shapeOf = ({ saved }: NamedNetwork, views: number) => {
  const { frames, crop } = saved.preprocessing;
  return [views, 3, frames, crop, crop];
};

/** Every n-th training video, so that all classes are among them. */
function spread(dataset: Dataset): Dataset {
  const training = dataset.videos.filter(({ part }) => part === 'train');
  const every = Math.max(1, Math.ceil(training.length / MOST_VIDEOS));
  return { ...dataset, videos: training.filter((_, index) => index % every === 0) };
}

async function rangesOf(
  graph: Graph,
  named: NamedNetwork,
  dataset: Dataset,
  { cacheFolder, onProgress }: Places,
) {
  const activations = activationsIn(graph);
  const session = await openSession(encodeModel(observed(graph, activations), {}), { threads: 1 });
  const ranges = new Map<string, Range>();
  const chosen = spread(dataset);
  let clips = 0;
  try {
    const { preprocessing } = named.saved;
    const plan = { ...centerViews(preprocessing, chosen.videos, 1), cacheFolder, threads: 1, diskBytes: 0 };
    for await (const { clips: bytes, views } of viewBatches(chosen, 'train', plan)) {
      const outputs = await session.run(normalised(bytes, views, preprocessing), shapeOf(named, views));
      for (const name of activations) {
        const { least, most } = rangeIn(outputs, name);
        const known = ranges.get(name) ?? { least, most };
        ranges.set(name, { least: Math.min(least, known.least), most: Math.max(most, known.most) });
      }
      clips += views;
      onProgress?.('ranges', clips, chosen.videos.length);
    }
  } finally {
    await session.close();
  }
  return { ranges, clips };
}

/** Both models on the same views of the validation videos. */
async function compared(
  models: readonly [Uint8Array, Uint8Array],
  named: NamedNetwork,
  dataset: Dataset,
  { cacheFolder, onProgress }: Places,
) {
  const { classes, saved } = named;
  const sessions = await Promise.all(models.map((model) => openSession(model, { threads: 1 })));
  const tallies = models.map(() => tally(classes.length));
  const videos = dataset.parts.validation;
  let [done, agreeing] = [0, 0];
  try {
    const own = dataset.videos.filter(({ part }) => part === 'validation');
    const plan = { ...centerViews(saved.preprocessing, own, VIEWS), cacheFolder, threads: 1, diskBytes: 0 };
    for await (const { video, clips, views } of viewBatches(dataset, 'validation', plan)) {
      const values = normalised(clips, views, saved.preprocessing);
      const said = new Set<number | undefined>();
      for (const [index, session] of sessions.entries()) {
        const { [SCORES]: scores = new Float32Array() } = await session.run(values, shapeOf(named, views));
        said.add(tallies[index]?.add(video.label, scores, views).predicted);
      }
      agreeing += said.size === 1 ? 1 : 0;
      onProgress?.('validation', ++done, videos);
    }
  } finally {
    for (const session of sessions) await session.close();
  }
  const [float, int8] = tallies.map((one) => one.result()) as [Evaluation, Evaluation];
  return { float, int8, agreeing, videos };
}

/**
 * `dataset`: of the network's classes. Throws X3dError data where it has no training or no validation videos, or they
 * can't be read any more.
 */
export async function quantise(
  graph: Graph,
  named: NamedNetwork,
  dataset: Dataset,
  places: Places,
): Promise<Quantised> {
  for (const part of ['train', 'validation'] as const)
    if (dataset.parts[part] === 0)
      throw new X3dError('data', {
        subject: '--videos',
        expected: `videos in the ${part === 'train' ? 'training' : part} part`,
        got: 'none',
        remedy: 'Give the folder that the network was trained on, with the flags that divided it.',
      });
  const { ranges, clips } = await rangesOf(graph, named, dataset, places);
  const made = quantised(graph, ranges);
  const model = onnxModel(named, made);
  const whole = onnxModel(named, graph);
  const { float, int8, agreeing, videos } = await compared([whole, model], named, dataset, places);
  const timed = async (one: Graph) => (await timeGraph(one, shapeOf(named, 1), 1, PATIENCE)).median;
  return {
    model,
    clips,
    validation: {
      videos,
      agreeing,
      float: { metrics: float.metrics, bytes: whole.length, milliseconds: await timed(graph) },
      int8: { metrics: int8.metrics, bytes: model.length, milliseconds: await timed(made) },
    },
  };
}
