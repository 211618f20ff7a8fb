/** Evaluation of the trained network on the videos of one part. */
import { type Dataset, type Video, viewBatches } from '../data/index.js';
import { testCrop } from '../network/index.js';
import { tally } from './evaluation.js';
import type { VideoPrediction } from './predictions.js';
import type { Session } from './session.js';
import { dataThreads, EVALUATIONS, type Evaluation, type EvaluationName, type Strategy } from './training.js';

export const cropOf = (strategy: Strategy, trainCrop: number) =>
  strategy === 'center' ? trainCrop : testCrop(trainCrop);

/** What an evaluation needs of a session. */
export type Evaluated = Pick<Session, 'engine' | 'report' | 'signal'> & {
  readonly dataset: Pick<Dataset, 'classes' | 'videos' | 'parts' | 'rate'>;
  readonly request: Pick<Session['request'], 'factors' | 'recipe' | 'cacheFolder' | 'device' | 'threads'>;
};

/** How the views of an evaluation are cut. */
export const drawsFor = (
  { factors }: Pick<Session['request'], 'factors'>,
  rate: number,
  strategy: Strategy,
  views: number,
) => ({
  frames: factors.frames,
  stride: factors.stride,
  rate,
  shortSide: testCrop(factors.crop),
  crop: cropOf(strategy, factors.crop),
  strategy,
  views,
});

/** The views of every video of an evaluation, in the order of the videos. */
export function viewsFor(
  { request, dataset }: Pick<Evaluated, 'request' | 'dataset'>,
  name: EvaluationName,
  views: number,
) {
  const { part, strategy } = EVALUATIONS[name];
  return viewBatches(dataset, part, {
    ...drawsFor(request, dataset.rate, strategy, views),
    cacheFolder: request.cacheFolder,
    threads: dataThreads(request),
  });
}

/** Of a video, with the probabilities that it is the mean of, [views, classes]. */
export type OnPrediction = (prediction: VideoPrediction, video: Video, probabilities: Float32Array) => void;

/** The predictions for every video of a part, summed up; `onPrediction` hears of each. */
export async function evaluate(
  session: Evaluated,
  name: EvaluationName,
  onPrediction: OnPrediction = () => {},
): Promise<Evaluation> {
  const { request, dataset, engine, report, signal } = session;
  const { part, strategy } = EVALUATIONS[name];
  const crop = cropOf(strategy, request.factors.crop);
  const videos = dataset.parts[part];
  const scores = tally(dataset.classes.length);
  let done = 0;
  for await (const { video, clips, views } of viewsFor(session, name, request.recipe.views)) {
    signal?.throwIfAborted();
    const probabilities = engine.evaluate(clips, { crop, views });
    const said = scores.add(video.label, probabilities, views);
    onPrediction({ evaluation: name, video: video.name, label: video.label, ...said }, video, probabilities);
    done += 1;
    report({ phase: 'evaluation', done, of: videos });
  }
  return scores.result();
}
