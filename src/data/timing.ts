/**
 * Time in videos. Clips count in reference frames, of which a data set has `rate` a second, so that a stride is the
 * same time in a video of 25, of 30 and of 100 frames per second, or of a rate that varies. At each moment a video
 * shows the last frame whose time has come.
 */
import type { Video } from './dataset.js';

/** What sampling needs to know of a video. */
export type Timed = Pick<Video, 'frames' | 'framesPerSecond' | 'times'>;

/** Containers round times, some to a millisecond: a frame that is late by this much counts as on time. */
const LATE_SECONDS = 0.001;
/** Frames that a video may be off a constant rate, anywhere in it, and still count as one of that rate. */
const OFF_FRAMES = 0.25;
/** Rates that a container is believed. */
const SLOWEST = 1 / 60;
const FASTEST = 1000;
/** Where a container states no rate. */
const DEFAULT_RATE = 25;

const believed = (rate: number): number => (rate >= SLOWEST && rate <= FASTEST ? rate : DEFAULT_RATE);

export interface Timing {
  /** The mean. */
  readonly framesPerSecond: number;
  /** Seconds of each frame since the first, to the millisecond; only where the rate is not constant. */
  readonly times?: readonly number[];
}

/**
 * `stated`: the container's mean rate, frames per second, or NaN. `seconds`: when each frame is shown. These are
 * believed where there is one for each of the frames and none goes back.
 */
export function timingOf(stated: number, frames: number, seconds: readonly number[]): Timing {
  const assumed = { framesPerSecond: believed(stated) };
  const first = seconds[0] ?? 0;
  const span = (seconds.at(-1) ?? 0) - first;
  const measured = (frames - 1) / span;
  if (seconds.length !== frames || believed(measured) !== measured) return assumed;
  if (!seconds.every((second, i) => second >= (seconds[i - 1] ?? first))) return assumed;
  const isConstant = (rate: number) =>
    seconds.every((second, i) => Math.abs((second - first) * rate - i) <= OFF_FRAMES);
  if (isConstant(assumed.framesPerSecond)) return assumed;
  if (isConstant(measured)) return { framesPerSecond: measured };
  return {
    framesPerSecond: measured,
    times: seconds.map((second) => Math.round(1000 * (second - first)) / 1000),
  };
}

/** Whether each of a video's frames is a reference frame. */
export const keepsTime = ({ frames, framesPerSecond, times }: Timed, rate: number): boolean =>
  times === undefined && Math.abs(framesPerSecond / rate - 1) * frames <= OFF_FRAMES;

/** When a frame is shown, seconds since the first. */
export const timeOf = ({ times, framesPerSecond }: Timed, frame: number): number =>
  times?.[frame] ?? frame / framesPerSecond;

/** How long a video is in reference frames: at least 1. */
export const referenceFrames = (video: Timed, rate: number): number =>
  keepsTime(video, rate)
    ? video.frames
    : Math.max(1, Math.round((video.frames / video.framesPerSecond) * rate));

/** The index of the last time that is at most `second`. */
function lastBy(times: readonly number[], second: number): number {
  let low = 0;
  let high = times.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) <= second) low = middle;
    else high = middle;
  }
  return low;
}

/** The source frame that is shown at a reference frame, counted from 0. */
export function frameAt(video: Timed, rate: number, reference: number): number {
  if (keepsTime(video, rate)) return reference;
  const second = reference / rate + LATE_SECONDS;
  const { frames, framesPerSecond, times } = video;
  return times ? lastBy(times, second) : Math.min(frames - 1, Math.floor(second * framesPerSecond));
}

/** The most common of these values, the lowest of those that are equally common. */
function mostCommon(values: readonly number[]): number | undefined {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [first] = [...counts].sort(([a, often], [b, oftener]) => oftener - often || a - b);
  return first?.[0];
}

/**
 * The rate of most videos, to a thousandth. Rates that round to the same whole number count together at first: 29.97
 * and 30, or the many rates that a phone makes of 30.
 */
export function commonRate(videos: readonly Timed[]): number {
  const rates = videos.map(({ framesPerSecond }) =>
    Math.max(0.001, Math.round(1000 * framesPerSecond) / 1000),
  );
  const whole = mostCommon(rates.map(Math.round));
  return mostCommon(rates.filter((rate) => Math.round(rate) === whole)) ?? DEFAULT_RATE;
}
