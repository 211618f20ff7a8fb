/**
 * The process that looks at one video for the service: decoding and TensorFlow block, may take much memory, and can be
 * killed here.
 */
import { workApart } from '../apart/child.js';
import { decodeFrames, probeVideo } from '../data/decoding.js';
import { encodeVideo } from '../data/demo/encoding.js';
import { X3dError } from '../errors.js';
import { writeWhole } from '../files.js';
import { type Home, homeAt } from '../home.js';
import { lookAt } from './clips.js';
import { type NamedNetwork, networkNamed } from './named.js';
import { predictions } from './predicting.js';
import { stripOf } from './strip.js';
import type { PredictionOrder, ViewingAnswer, ViewingOrder } from './viewing.js';

/** As evaluation takes them. */
const VIEWS = 10;
/** Of a video that is shown: the longer side in pixels, and frames. */
const MOST_SIDE = 360;
const MOST_FRAMES = 600;
const MOST_RATE = 60;

/** Of a search that has ended: that its network can't be used is no fault of the video, nor of who sends it. */
const networkOf = (search: string, home: Home): Promise<NamedNetwork> =>
  networkNamed(search, home).catch((error: unknown) => {
    if (!(error instanceof X3dError)) throw error;
    const { subject, ...facts } = error.facts;
    throw new X3dError('environment', { subject: `the network of search ${search}, ${subject}`, ...facts });
  });

async function predict({ home, search, video }: PredictionOrder): Promise<ViewingAnswer> {
  const at = homeAt(home);
  const named = await networkOf(search, at);
  const looked = await lookAt([video], { cacheFolder: at.cache });
  const refuse = (got: string) => new X3dError('data', { subject: 'video', expected: 'a video', got });
  const [failed] = looked.failed;
  if (failed) throw refuse(failed.reason);
  const { loadEngine } = await import('../training/loading.js');
  const { engine } = await loadEngine(named.saved, { strategies: ['center'], views: VIEWS, device: 'cpu' });
  const options = { views: VIEWS, cacheFolder: at.cache, threads: 1 };
  for await (const found of predictions(engine, named, looked.videos, options)) {
    if ('reason' in found) throw refuse(found.reason);
    return { seconds: found.video.seconds, classes: [...named.classes], scores: [...found.scores] };
  }
  throw refuse('nothing');
}

const even = (side: number) => Math.max(2, 2 * Math.round(side / 2));

/** Writes a video as browsers play it: H.264, small, without sound. */
function show(video: string, to: string): void {
  const { frames, width, height, framesPerSecond } = probeVideo(video);
  const scale = Math.min(1, MOST_SIDE / Math.max(width, height));
  const size = { width: even(scale * width), height: even(scale * height) };
  const rate = Math.max(1, Math.min(MOST_RATE, Math.round(framesPerSecond)));
  const pictures: Uint8Array[] = [];
  decodeFrames(
    video,
    size,
    Math.min(frames, MOST_FRAMES) - 1,
    () => true,
    (_, rgb) => pictures.push(rgb.slice()),
  );
  encodeVideo(to, { ...size, framesPerSecond: rate }, pictures);
}

async function carryOut(order: ViewingOrder): Promise<ViewingAnswer> {
  if (order.kind === 'predict') return predict(order);
  if (order.kind === 'show') show(order.video, order.to);
  else await writeWhole(order.to, await stripOf(order.video, order.rate, order.cacheFolder));
  return undefined;
}

workApart<ViewingOrder, ViewingAnswer>(async (order) => {
  try {
    return await carryOut(order);
  } catch (error) {
    if (error instanceof X3dError) throw error;
    const got = error instanceof Error ? error.message : String(error);
    throw new X3dError(
      'data',
      { subject: 'video', expected: 'one that can be decoded', got },
      { cause: error },
    );
  }
});
