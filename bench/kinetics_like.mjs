/** Clips as Kinetics has them, generated: 340x256, 10 s at 30 frames a second, H.264, in two classes. */
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeVideo } from '../dist/data/demo/index.js';

/** Twelve clips of a textured ground that moves, so that the decoder has work to do. */
export function kineticsLike() {
  const folder = join(tmpdir(), 'x3d-bench-340x256');
  const [width, height, margin] = [340, 256, 64];
  const pitch = width + margin;
  let state = 1;
  const noise = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
  for (let video = 0; video < 12; video++) {
    const path = join(folder, video % 2 === 0 ? 'a' : 'b', `v${video}_.mp4`);
    if (existsSync(path)) continue;
    mkdirSync(join(folder, video % 2 === 0 ? 'a' : 'b'), { recursive: true });
    const ground = new Uint8Array(pitch * (height + margin) * 3);
    for (let at = 0; at < ground.length; at++) {
      ground[at] = 0.75 * (ground[at - 3] ?? 128) + 0.25 * noise();
    }
    function* frames() {
      for (let time = 0; time < 300; time++) {
        const x = Math.round((margin / 2) * (1 + Math.sin(time / 25)));
        const y = Math.round((margin / 2) * (1 + Math.cos(time / 40 + video)));
        const picture = new Uint8Array(width * height * 3);
        for (let row = 0; row < height; row++) {
          const from = ((row + y) * pitch + x) * 3;
          picture.set(ground.subarray(from, from + width * 3), row * width * 3);
        }
        yield picture;
      }
    }
    encodeVideo(path, { width, height, framesPerSecond: 30 }, frames());
  }
  return folder;
}
