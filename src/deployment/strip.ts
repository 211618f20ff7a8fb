/** What a video shows in a few frames side by side, evenly spaced and cut in the middle. */
import { type Video, viewBatches } from '../data/index.js';
import { jpegOf } from '../data/picture.js';

const FRAMES = 6;
/** Of a frame, pixels. */
const SIDE = 96;

/** [1, V, H, W, 3] -> [H, V x W, 3]. */
function sideBySide(clips: Uint8Array, views: number): Uint8Array {
  const row = SIDE * 3;
  const out = new Uint8Array(views * SIDE * row);
  for (let view = 0; view < views; view++)
    for (let y = 0; y < SIDE; y++)
      out.set(clips.subarray((view * SIDE + y) * row, (view * SIDE + y + 1) * row), (y * views + view) * row);
  return out;
}

/** A JPEG file's bytes. Throws X3dError data where the video is not what it was, or is not there. */
export async function stripOf(video: Video, rate: number, cacheFolder: string): Promise<Buffer> {
  const plan = {
    frames: 1,
    stride: 1,
    rate,
    shortSide: SIDE,
    crop: SIDE,
    strategy: 'center',
    views: FRAMES,
  } as const;
  const own = { videos: [{ ...video, part: 'test' as const }] };
  for await (const { clips, views } of viewBatches(own, 'test', { ...plan, cacheFolder, diskBytes: 0 }))
    return jpegOf(sideBySide(clips, views), { width: views * SIDE, height: SIDE });
  throw new Error('no views of a video');
}
