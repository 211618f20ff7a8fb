import { notANumber } from './failure.js';
import type { Evaluation } from './training.js';

/** Collects one prediction a video and sums them up. */
export interface Tally {
  /**
   * `probabilities`: [views x classes], the softmax of each view; they are averaged (the paper, section 4).
   * Throws TrainingError (not-a-number) where one is not a number.
   */
  add(label: number, probabilities: Float32Array, views: number): void;
  result(): Evaluation;
}

/** Probabilities below this count as this, so that one hopeless video leaves the mean loss finite. */
const SMALLEST_PROBABILITY = 1e-12;

/** Of equal scores the earlier class counts as the higher, so that the rank of the true class is one number. */
function rankOf(label: number, scores: Float64Array): number {
  const own = scores[label] ?? 0;
  return scores.reduce((rank, score, k) => rank + (score > own || (score === own && k < label) ? 1 : 0), 0);
}

export function tally(classes: number): Tally {
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  let videos = 0;
  let viewsPerVideo = 0;
  let top1 = 0;
  let top5 = 0;
  let loss = 0;
  return {
    add(label, probabilities, views) {
      const scores = new Float64Array(classes);
      for (let view = 0; view < views; view++) {
        for (let k = 0; k < classes; k++) {
          scores[k] = (scores[k] ?? 0) + (probabilities[view * classes + k] ?? 0) / views;
        }
      }
      if (!scores.every(Number.isFinite)) throw notANumber('a prediction in evaluation');
      const rank = rankOf(label, scores);
      const predicted = scores.indexOf(Math.max(...scores));
      const row = confusion[label];
      if (row) row[predicted] = (row[predicted] ?? 0) + 1;
      videos += 1;
      viewsPerVideo = views;
      top1 += rank === 0 ? 1 : 0;
      top5 += rank < 5 ? 1 : 0;
      loss -= Math.log(Math.max(scores[label] ?? 0, SMALLEST_PROBABILITY));
    },
    result: () => ({
      videos,
      viewsPerVideo,
      top1: top1 / videos,
      top5: top5 / videos,
      loss: loss / videos,
      confusion,
    }),
  };
}
