/**
 * Looks at the validation videos while a training runs: one clip of each, of so many videos that ten looks cost little
 * beside the training. They change nothing in it; they show whether it learns what carries over.
 */
import type { Dataset } from '../data/index.js';
import { type Evaluated, viewsFor } from './evaluating.js';
import { tally } from './evaluation.js';
import type { CurvePoint } from './training.js';

/** Looks in a training. */
export const LOOKS = 10;
const MOST_VIDEOS = 256;
/** A forward pass is about a third of a step: all looks together take about a fiftieth of the training. */
const CLIPS_OF_TRAINING_PER_LOOK = 150;

/** Every n-th validation video, and none of the others. */
function sampleOf<Set extends Pick<Dataset, 'videos' | 'parts'>>(dataset: Set, most: number): Set {
  const own = dataset.videos.filter(({ part }) => part === 'validation');
  const every = Math.max(1, Math.ceil(own.length / Math.max(1, most)));
  const videos = own.filter((_, index) => index % every === 0);
  return { ...dataset, videos, parts: { ...dataset.parts, validation: videos.length } };
}

/** Reads the clips, once; gives back what looks at them, or undefined where there is nothing to look at. */
export async function glimpsesOf(
  session: Omit<Evaluated, 'engine' | 'report'>,
): Promise<((engine: Evaluated['engine']) => NonNullable<CurvePoint['validation']>) | undefined> {
  const { request, dataset } = session;
  const { steps, batchSize } = request.recipe;
  const sample = sampleOf(
    dataset,
    Math.min(MOST_VIDEOS, Math.ceil((steps * batchSize) / CLIPS_OF_TRAINING_PER_LOOK)),
  );
  if (sample.videos.length === 0) return undefined;
  const seen: { label: number; clips: Uint8Array }[] = [];
  for await (const { video, clips } of viewsFor({ request, dataset: sample }, 'validation', 1))
    seen.push({ label: video.label, clips: clips.slice() });
  return (engine) => {
    const scores = tally(dataset.classes.length);
    for (const { label, clips } of seen)
      scores.add(label, engine.evaluate(clips, { crop: request.factors.crop, views: 1 }), 1);
    const { accuracy, loss } = scores.result().metrics;
    return { accuracy, loss };
  };
}
