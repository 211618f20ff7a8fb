/** Evaluation of the trained network on the videos of one part. */
import { viewBatches } from '../data/index.js';
import { testCrop } from '../network/index.js';
import { tally } from './evaluation.js';
import type { Session } from './session.js';
import { dataThreads, type Evaluation } from './training.js';

/** K-Center and K-LeftCenterRight (the paper, section 4): clips spaced evenly in time, one or three windows each. */
export type Strategy = 'center' | 'left-center-right';

export const cropOf = (strategy: Strategy, trainCrop: number) =>
  strategy === 'center' ? trainCrop : testCrop(trainCrop);

/** What an evaluation needs of a session. */
export type Evaluated = Pick<Session, 'dataset' | 'engine' | 'report' | 'signal'> & {
  readonly request: Pick<Session['request'], 'factors' | 'recipe' | 'cacheFolder' | 'device' | 'threads'>;
};

/** The predictions for every video of a part, summed up. */
export async function evaluate(
  session: Evaluated,
  part: 'validation' | 'test',
  strategy: Strategy,
): Promise<Evaluation> {
  const { request, dataset, engine, report, signal } = session;
  const { factors, recipe, cacheFolder } = request;
  const crop = cropOf(strategy, factors.crop);
  const videos = dataset.parts[part];
  const scores = tally(dataset.classes.length);
  let done = 0;
  for await (const { video, clips, views } of viewBatches(dataset, part, {
    frames: factors.frames,
    stride: factors.stride,
    rate: dataset.rate,
    shortSide: testCrop(factors.crop),
    crop,
    strategy,
    views: recipe.views,
    cacheFolder,
    threads: dataThreads(request),
  })) {
    signal?.throwIfAborted();
    scores.add(video.label, engine.evaluate(clips, { crop, views }), views);
    done += 1;
    report({ phase: 'evaluation', done, of: videos });
  }
  return scores.result();
}
