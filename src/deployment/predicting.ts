/** What a network says about videos that nobody has labelled. */
import { commonRate, type Video, visitViews } from '../data/index.js';
import { X3dError } from '../errors.js';
import { clipSpan } from '../network/index.js';
import type { Engine } from '../training/engine/engine.js';
import { type ClipOptions, centerViews, clipsOf } from './clips.js';
import type { NamedNetwork } from './named.js';

/** Scores of all classes, in their order; they sum to 1. */
export type Scores = Float64Array;

export interface Prediction {
  readonly video: Video;
  readonly scores: Scores;
}

/** Of a window in time. */
export interface WindowScores {
  /** Seconds in the video. */
  readonly from: number;
  readonly to: number;
  readonly scores: Scores;
}

export interface TimedPrediction extends Prediction {
  readonly windows: readonly WindowScores[];
}

/** The mean over rows of [rows, classes]. */
export function meanScores(rows: Float32Array | Float64Array, classes: number): Scores {
  const count = rows.length / classes;
  const mean = new Float64Array(classes);
  for (let row = 0; row < count; row++)
    for (let k = 0; k < classes; k++)
      mean[k] = (mean[k] as number) + (rows[row * classes + k] as number) / count;
  return mean;
}

/** A video that could be looked at, but not be read again. */
export interface Unread {
  readonly video: Video;
  readonly reason: string;
}

const reasonOf = (error: unknown): string => {
  if (error instanceof X3dError && error.kind === 'data') return error.facts.got ?? error.message;
  throw error;
};

/**
 * The mean score of clips evenly spaced in time, as evaluation's K-Center counts it, video by video. What can't be read
 * is passed over with its reason.
 */
export async function* predictions(
  engine: Engine,
  { classes, saved: { preprocessing } }: NamedNetwork,
  videos: readonly Video[],
  options: ClipOptions,
): AsyncGenerator<Prediction | Unread, void, undefined> {
  // Of all the videos, also where some of them turn out to be gone.
  const settled = { ...preprocessing, rate: preprocessing.rate ?? commonRate(videos) };
  let done = 0;
  while (done < videos.length) {
    try {
      for await (const { video, clips, views } of clipsOf(videos.slice(done), settled, options)) {
        const rows = engine.evaluate(clips, { crop: preprocessing.crop, views });
        done += 1;
        yield { video, scores: meanScores(rows, classes.length) };
      }
    } catch (error) {
      const video = videos[done++] as Video;
      yield { video, reason: reasonOf(error) };
    }
  }
}

/** Windows that start about `every` seconds, from the video's first frame to its last. */
export function windowsOf({ seconds, framesPerSecond }: Video, clipSeconds: number, every: number): number {
  const last = seconds - Math.max(clipSeconds, 1 / framesPerSecond);
  return Math.max(1, Math.round(last / every) + 1);
}

/** Windows predicted at once. */
const AT_ONCE = 2;

/**
 * A video's windows in time, one clip each, and their mean as the video's own scores. Blocks while the video is decoded.
 */
export function timedPrediction(
  engine: Engine,
  { classes, saved: { preprocessing } }: NamedNetwork,
  video: Video,
  every: number,
  onProgress: (done: number, of: number) => void = () => {},
): TimedPrediction | Unread {
  const { frames, crop } = preprocessing;
  const plan = centerViews(preprocessing, [video], 1);
  const count = windowsOf(video, clipSpan(plan) / plan.rate, every);
  const windows: WindowScores[] = [];
  const frameBytes = crop * crop * 3;
  const batch = new Uint8Array(frames * AT_ONCE * frameBytes);
  let waiting: { from: number; to: number }[] = [];
  const predict = () => {
    const rows = engine.evaluate(batch, { crop, views: AT_ONCE });
    waiting.forEach((window, slot) => {
      const own = rows.subarray(slot * classes.length, (slot + 1) * classes.length);
      windows.push({ ...window, scores: Float64Array.from(own) });
    });
    waiting = [];
    onProgress(windows.length, count);
  };
  try {
    visitViews(video, { ...plan, views: count }, ({ clip, from, to }) => {
      for (let t = 0; t < frames; t++)
        batch.set(
          clip.subarray(t * frameBytes, (t + 1) * frameBytes),
          (t * AT_ONCE + waiting.length) * frameBytes,
        );
      waiting.push({ from, to });
      if (waiting.length === AT_ONCE) predict();
    });
  } catch (error) {
    return { video, reason: reasonOf(error) };
  }
  if (waiting.length > 0) predict();
  const all = new Float64Array(windows.length * classes.length);
  windows.forEach(({ scores }, i) => {
    all.set(scores, i * classes.length);
  });
  return { video, scores: meanScores(all, classes.length), windows };
}

/** Weights of a window and its neighbours: two before it and two after it. */
const SMOOTHING = [1, 2, 3, 2, 1];

/** Each window's scores as the weighted mean of its own and its neighbours'; at the ends, of those that there are. */
export function smoothed(windows: readonly WindowScores[]): WindowScores[] {
  const reach = (SMOOTHING.length - 1) / 2;
  return windows.map((window, i) => {
    const scores = new Float64Array(window.scores.length);
    let total = 0;
    SMOOTHING.forEach((weight, j) => {
      const neighbour = windows[i + j - reach];
      if (!neighbour) return;
      total += weight;
      neighbour.scores.forEach((score, k) => {
        scores[k] = (scores[k] as number) + weight * score;
      });
    });
    return { ...window, scores: scores.map((score) => score / total) };
  });
}

/** The classes with the highest scores, the highest first; of equal ones the earlier. */
export function topClasses(
  scores: Scores,
  count: number,
): { readonly label: number; readonly score: number }[] {
  return [...scores]
    .map((score, label) => ({ label, score }))
    .sort((a, b) => b.score - a.score || a.label - b.label)
    .slice(0, count);
}

/** A stretch of time with the same most probable class. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly label: number;
  /** Mean over its windows. */
  readonly score: number;
}

/** What is most probable when: neighbours meet half-way between the middles of their windows. */
export function stretchesOf(windows: readonly WindowScores[], seconds: number): Stretch[] {
  const middle = ({ from, to }: WindowScores) => (from + to) / 2;
  const stretches: { from: number; to: number; label: number; score: number; windows: number }[] = [];
  windows.forEach((window, i) => {
    const next = windows[i + 1];
    const to = next ? (middle(window) + middle(next)) / 2 : seconds;
    const [{ label, score } = { label: 0, score: 0 }] = topClasses(window.scores, 1);
    const last = stretches.at(-1);
    if (last?.label === label) {
      last.to = to;
      last.score = (last.score * last.windows + score) / ++last.windows;
    } else stretches.push({ from: last?.to ?? 0, to, label, score, windows: 1 });
  });
  return stretches.map(({ windows: _, ...stretch }) => stretch);
}
