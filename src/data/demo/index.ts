/** A small set of real video files to try everything on: moving shapes in class folders. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DataConfiguration } from '../configuration.js';
import { encodeVideo } from './encoding.js';
import { SHAPE_CLASSES, shapeFrames } from './shapes.js';

export { encodeVideo, type VideoFormat } from './encoding.js';
export { SHAPE_CLASSES, type ShapeClass, type ShapeVideo, shapeFrames } from './shapes.js';

export interface DemoOptions {
  /** Each has one video of every class and is one group; default 15, which makes 90 videos. */
  readonly scenes?: number;
  readonly seed?: number;
  /** Videos there are by now, of all. */
  readonly onProgress?: (done: number, of: number) => void;
}

const SIZE = { width: 96, height: 72, frames: 50 };
const FRAMES_PER_SECOND = 25;

/**
 * Writes <folder>/<class>/scene<number>_<class>.mp4 and says how to open it: scenes never stand on both sides, three
 * fifths of them train. Files that are there already are kept, since the H.264 encoder does not always write the same
 * bytes for the same pictures. Blocks for a second or two.
 */
export function makeDemoVideos(folder: string, options: DemoOptions = {}): DataConfiguration {
  const { scenes = 15, seed = 0, onProgress } = options;
  let done = 0;
  for (const kind of SHAPE_CLASSES) {
    mkdirSync(join(folder, kind), { recursive: true });
    for (let scene = 0; scene < scenes; scene++) {
      const path = join(folder, kind, `scene${String(scene).padStart(2, '0')}_${kind}.mp4`);
      if (!existsSync(path)) {
        encodeVideo(
          path,
          { ...SIZE, framesPerSecond: FRAMES_PER_SECOND },
          shapeFrames(kind, scene, seed, SIZE),
        );
      }
      onProgress?.(++done, scenes * SHAPE_CLASSES.length);
    }
  }
  return {
    path: folder,
    group: '([^/_]+)_[^/]*$',
    shares: { train: 0.6, validation: 0.2, test: 0.2 },
  };
}
