/** What follows from a set's videos as a whole: limits of a search, pixels, remarks, the fingerprint. */
import { createHash } from 'node:crypto';
import { testCrop } from '../network/index.js';
import type { DataLimits, Dataset, Remark, Video } from './dataset.js';
import type { VideoFacts } from './decoding.js';
import { keepsTime, referenceFrames } from './timing.js';

/** `training`: at least one video. */
export function limitsOf(training: readonly Video[], rate: number): DataLimits {
  const spans = training.map((video) => referenceFrames(video, rate)).sort((a, b) => a - b);
  const sides = training.map(({ width, height }) => Math.min(width, height)).sort((a, b) => a - b);
  const side = sides[Math.floor(sides.length / 2)] ?? 0;
  let maxCrop = Math.ceil((1.25 * side * 7) / 8);
  while (testCrop(maxCrop + 1) <= 1.25 * side) maxCrop += 1;
  while (testCrop(maxCrop) > 1.25 * side) maxCrop -= 1;
  return { maxSpan: spans[Math.floor(spans.length / 10)] ?? 0, maxCrop };
}

/** To three digits, so that machines that add up otherwise say the same. */
const rounded = (value: number): number => Number(value.toPrecision(3));

export function pixelsOf(training: readonly VideoFacts[]): Dataset['pixels'] {
  const mean = training.reduce((sum, { pixels }) => sum + pixels.mean, 0) / training.length;
  const meanSquare = training.reduce((sum, { pixels }) => sum + pixels.meanSquare, 0) / training.length;
  return { mean: rounded(mean), deviation: rounded(Math.sqrt(Math.max(0, meanSquare - mean ** 2))) };
}

/** SHA-256 of what the videos are, how they are labelled and divided, and when their frames are shown. */
export function fingerprintOf(classes: readonly string[], videos: readonly Video[], rate: number): string {
  const hash = createHash('sha256').update(JSON.stringify(classes));
  for (const video of videos) {
    const { name, digest, frames, label, part, framesPerSecond, times = [] } = video;
    // Where its frames are not reference frames, what decides which of them are shown.
    const timing = keepsTime(video, rate) ? [] : [rate, framesPerSecond, times];
    // The frames too: another decoder may find others in the same file.
    hash.update(`\n${JSON.stringify([name, digest, frames, label, part, ...timing])}`);
  }
  return hash.digest('hex');
}

/** Headers that promise too much, and the same content in two classes or parts. */
export function remarksOn(
  videos: readonly Video[],
  facts: readonly VideoFacts[],
  classes: readonly string[],
): Remark[] {
  const remarks: Remark[] = [];
  const first = new Map<string, Video>();
  videos.forEach((video, index) => {
    const { name, digest, frames, label, part } = video;
    const { promised } = facts[index] ?? {};
    if (promised !== undefined)
      remarks.push({
        path: name,
        remark: `its header promises ${promised} frames, ${frames} could be decoded`,
      });
    const other = first.get(digest);
    if (!other) first.set(digest, video);
    else if (other.label !== label)
      remarks.push({
        path: name,
        remark: `the same content as ${other.name}, in class ${classes[label]} and not ${classes[other.label]}`,
      });
    else if (other.part !== part)
      remarks.push({
        path: name,
        remark: `the same content as ${other.name}, in the ${part} part and not ${other.part}`,
      });
  });
  return remarks;
}
