/**
 * Which clips are cut from which videos: pure functions of the plan, the seed, the step and the slot. Nothing here
 * reads a pixel, and nothing remembers what was drawn before.
 */
import { clipSpan } from '../network/index.js';
import { randomOf } from '../random.js';
import type { Video } from './dataset.js';
import { frameAt, referenceFrames } from './timing.js';

/** A clip to be cut: frames by index, the size the video is scaled to, and a square window of it. */
export interface ClipDraw {
  readonly video: Video;
  /** Source frames, one for each frame of the clip. */
  readonly frames: readonly number[];
  /** The whole frame's size after scaling, pixels. */
  readonly width: number;
  readonly height: number;
  /** The window's left upper corner in the scaled frame, and its side. */
  readonly x: number;
  readonly y: number;
  readonly side: number;
  readonly flip: boolean;
}

interface ClipTimes {
  /** Frames of one clip. */
  readonly frames: number;
  /** Reference frames from one to the next. */
  readonly stride: number;
  /** Reference frames per second. */
  readonly rate: number;
}

export interface TrainingDraws extends ClipTimes {
  readonly crop: number;
  /** The range that the short side is drawn from, pixels, both ends included. */
  readonly shortSides: { readonly min: number; readonly max: number };
  readonly flip: boolean;
  /** Clips in a batch. */
  readonly batchSize: number;
  /** Clips of the same video in a batch (repeated augmentation); 1 is none. */
  readonly repeats: number;
  readonly seed: number;
}

export interface ViewDraws extends ClipTimes {
  /** The short side that the video is scaled to. */
  readonly shortSide: number;
  /** The side of the square windows. */
  readonly crop: number;
  /** One window in the middle, or three that cover the longer side. */
  readonly strategy: 'center' | 'left-center-right';
  /** Clips evenly spaced in time. */
  readonly views: number;
}

/** The size with the given short side; the long side is rounded. */
function scaledTo(video: Video, short: number): { width: number; height: number } {
  const { width, height } = video;
  return width < height
    ? { width: short, height: Math.round((height * short) / width) }
    : { width: Math.round((width * short) / height), height: short };
}

/**
 * The source frames that are shown at the reference frames start + i x stride; a video shorter than the clip is looped.
 */
function clipFrames(video: Video, { frames, stride, rate }: ClipTimes, start: number): number[] {
  const length = referenceFrames(video, rate);
  return Array.from({ length: frames }, (_, i) => frameAt(video, rate, (start + i * stride) % length));
}

/** The order of `length` videos in an epoch: a seeded permutation. */
export function epochOrder(length: number, seed: number, epoch: number): Uint32Array {
  const random = randomOf('epoch', seed, epoch);
  const order = Uint32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = random.whole(i + 1);
    const other = order[j] ?? 0;
    order[j] = order[i] ?? 0;
    order[i] = other;
  }
  return order;
}

/** The clip of a slot: uniform over the starts that fit (over the whole of a video that is looped). */
function drawClip(video: Video, plan: TrainingDraws, step: number, slot: number): ClipDraw {
  const random = randomOf('clip', plan.seed, step, slot);
  const length = referenceFrames(video, plan.rate);
  const fits = length - clipSpan(plan) + 1;
  const start = random.whole(fits > 0 ? fits : length);
  const { min, max } = plan.shortSides;
  const size = scaledTo(video, min + random.whole(max - min + 1));
  const x = random.whole(size.width - plan.crop + 1);
  const y = random.whole(size.height - plan.crop + 1);
  const flip = plan.flip && random.uniform() < 0.5;
  return { video, frames: clipFrames(video, plan, start), ...size, x, y, side: plan.crop, flip };
}

/**
 * The clips of a training step. Videos are taken in a new order each epoch; a batch that an epoch can't fill goes on
 * into the next one, as often as it must, so that a set smaller than a batch works.
 */
export function trainingDraws(videos: readonly Video[], plan: TrainingDraws): (step: number) => ClipDraw[] {
  const perBatch = Math.ceil(plan.batchSize / plan.repeats);
  let known: { epoch: number; order: Uint32Array } | undefined;
  const videoAt = (position: number): Video => {
    const epoch = Math.floor(position / videos.length);
    if (known?.epoch !== epoch) known = { epoch, order: epochOrder(videos.length, plan.seed, epoch) };
    return videos[known.order[position % videos.length] ?? 0] as Video;
  };
  return (step) =>
    Array.from({ length: plan.batchSize }, (_, slot) =>
      drawClip(videoAt(step * perBatch + Math.floor(slot / plan.repeats)), plan, step, slot),
    );
}

/** How many views of a video there are. */
export const viewsOf = ({ views, strategy }: Pick<ViewDraws, 'views' | 'strategy'>): number =>
  strategy === 'center' ? views : 3 * views;

/** A window's offset along a side of `length`: at its start, in its middle, at its end. */
const offsets = (length: number, crop: number) => ({
  start: 0,
  middle: Math.floor((length - crop) / 2),
  end: length - crop,
});

/**
 * All views of a video for testing, clip by clip: K-Center gives `views` of them, K-LeftCenterRight three times as
 * many (left or top, middle, right or bottom). Clips are spaced evenly from the first start that fits to the last.
 */
export function viewDraws(video: Video, plan: ViewDraws): ClipDraw[] {
  const size = scaledTo(video, plan.shortSide);
  const x = offsets(size.width, plan.crop);
  const y = offsets(size.height, plan.crop);
  const middle = { x: x.middle, y: y.middle };
  const windows =
    plan.strategy === 'center'
      ? [middle]
      : size.width >= size.height
        ? [{ ...middle, x: x.start }, middle, { ...middle, x: x.end }]
        : [{ ...middle, y: y.start }, middle, { ...middle, y: y.end }];
  const last = Math.max(0, referenceFrames(video, plan.rate) - clipSpan(plan));
  return Array.from({ length: plan.views }, (_, k) => {
    const start = plan.views === 1 ? Math.floor(last / 2) : Math.round((last * k) / (plan.views - 1));
    const frames = clipFrames(video, plan, start);
    return windows.map((at) => ({ video, frames, ...size, ...at, side: plan.crop, flip: false }));
  }).flat();
}
