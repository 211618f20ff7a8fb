import { notANumber } from './failure.js';
import { METRICS, measures, type Prediction } from './metrics.js';
import type { Evaluation } from './training.js';

/** Collects one prediction a video and sums them up. */
export interface Tally {
  /**
   * `probabilities`: [views x classes], the softmax of each view; they are averaged (the paper, section 4).
   * Throws TrainingError (not-a-number) where one is not a number.
   */
  add(
    label: number,
    probabilities: Float32Array,
    views: number,
  ): { predicted: number; score: number; likelihood: number };
  result(): Evaluation;
}

/** Of equal scores the earlier class counts as the higher, so that the rank of the true class is one number. */
function rankOf(label: number, scores: Float64Array): number {
  const own = scores[label] ?? 0;
  return scores.reduce((rank, score, k) => rank + (score > own || (score === own && k < label) ? 1 : 0), 0);
}

const meanOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Of the mean of some values, as a sample of many; a single one says nothing of its error. */
function standardError(values: readonly number[]): number {
  const mean = meanOf(values);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1) / values.length);
}

export function tally(classes: number): Tally {
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const predictions: Prediction[] = [];
  let viewsPerVideo = 0;
  return {
    add(label, probabilities, views) {
      const scores = new Float64Array(classes);
      for (let view = 0; view < views; view++) {
        for (let k = 0; k < classes; k++) {
          scores[k] = (scores[k] ?? 0) + (probabilities[view * classes + k] ?? 0) / views;
        }
      }
      if (!scores.every(Number.isFinite)) throw notANumber('a prediction in evaluation');
      const predicted = scores.indexOf(Math.max(...scores));
      const row = confusion[label];
      if (row) row[predicted] = (row[predicted] ?? 0) + 1;
      viewsPerVideo = views;
      predictions.push({ likelihood: scores[label] ?? 0, rank: rankOf(label, scores) });
      return { predicted, score: scores[predicted] ?? 0, likelihood: scores[label] ?? 0 };
    },
    result: () => ({
      videos: predictions.length,
      viewsPerVideo,
      metrics: measures((metric) => meanOf(predictions.map(METRICS[metric].of))),
      errors: measures((metric) => standardError(predictions.map(METRICS[metric].of))),
      confusion,
    }),
  };
}
