/**
 * The clips of a video of any length, while it is decoded from start to end: no more frames are in memory than the clips
 * under way need. They are the same bytes that `viewBatches` makes of the same views.
 */
import { X3dError } from '../errors.js';
import type { Video } from './dataset.js';
import { decodeFrames } from './decoding.js';
import { cachedSize } from './frames.js';
import { shortSideKept } from './rendering.js';
import { resizer } from './resizing.js';
import { type ViewDraws, viewDraws } from './sampling.js';
import { timeOf } from './timing.js';
import { DecodingError } from './undecodable.js';

export interface TimedClip {
  /** [T, H, W, 3]; valid inside `visit` alone. */
  readonly clip: Uint8Array;
  /** Of its first and its last frame in the video, seconds. */
  readonly from: number;
  readonly to: number;
}

/**
 * Blocks while the video is decoded; `visit` gets the views in order. Throws X3dError (data) where the video has fewer
 * frames than it had when it was looked at.
 */
export function visitViews(video: Video, plan: ViewDraws, visit: (clip: TimedClip) => void): void {
  const draws = viewDraws(video, plan);
  const size = cachedSize(video, shortSideKept({ kind: 'views', ...plan }));
  const wanted = new Set(draws.flatMap(({ frames }) => frames));
  /** The last view that needs a frame. */
  const lastUse = new Map<number, number>();
  let last = 0;
  draws.forEach(({ frames }, view) => {
    for (const frame of frames) {
      lastUse.set(frame, view);
      last = Math.max(last, frame);
    }
  });
  const held = new Map<number, Uint8Array>();
  const clip = new Uint8Array(plan.frames * plan.crop * plan.crop * 3);
  let view = 0;
  const cutWhatIsThere = () => {
    for (let draw = draws[view]; draw?.frames.every((frame) => held.has(frame)); draw = draws[++view]) {
      const write = resizer(size, draw);
      draw.frames.forEach((frame, time) => {
        write(held.get(frame) as Uint8Array, clip, time * draw.side * draw.side * 3);
      });
      const [first, final] = [Math.min(...draw.frames), Math.max(...draw.frames)];
      visit({ clip, from: timeOf(video, first), to: timeOf(video, final) + 1 / video.framesPerSecond });
      for (const frame of draw.frames) if ((lastUse.get(frame) as number) <= view) held.delete(frame);
    }
  };
  const changed = (cause?: unknown) =>
    new X3dError(
      'data',
      {
        subject: video.path,
        expected: `the ${video.frames} frames that were decoded when it was looked at`,
        got: 'a file that has changed since',
      },
      { cause },
    );
  try {
    decodeFrames(
      video.path,
      size,
      last,
      (index) => wanted.has(index),
      (index, rgb) => {
        held.set(index, rgb.slice());
        cutWhatIsThere();
      },
    );
  } catch (error) {
    throw error instanceof DecodingError ? changed(error) : error;
  }
  if (view < draws.length) throw changed();
}
