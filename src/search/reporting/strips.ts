/** What a video shows in a few frames side by side, as one JPEG file kept in the run's folder. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Dataset, type Video, viewBatches } from '../../data/index.js';
import { jpegOf } from '../../data/picture.js';
import { writeWhole } from '../../files.js';

const FRAMES = 6;
/** Of a frame, pixels. */
const SIDE = 96;
const FOLDER = 'mistakes';

/** [1, V, H, W, 3] -> [H, V x W, 3]. */
function sideBySide(clips: Uint8Array, views: number): Uint8Array {
  const row = SIDE * 3;
  const out = new Uint8Array(views * SIDE * row);
  for (let view = 0; view < views; view++)
    for (let y = 0; y < SIDE; y++)
      out.set(clips.subarray((view * SIDE + y) * row, (view * SIDE + y + 1) * row), (y * views + view) * row);
  return out;
}

/** Undefined where the video is not what it was, or is not there. */
async function stripOf(video: Video, rate: number, cacheFolder: string): Promise<Buffer | undefined> {
  try {
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
  } catch {
    // A report without a picture is better than none.
  }
  return undefined;
}

/**
 * JPEG files of some videos by their names, evenly spaced frames cut in the middle; those that are in the run's folder
 * already are taken from there.
 */
export async function stripsOf(
  names: readonly string[],
  { videos, rate }: Dataset,
  run: string,
  cacheFolder: string,
): Promise<ReadonlyMap<string, Buffer>> {
  const strips = new Map<string, Buffer>();
  for (const name of names) {
    const video = videos.find((one) => one.name === name);
    if (!video) continue;
    const file = join(run, FOLDER, `${video.digest}.jpg`);
    const kept = await readFile(file).catch(() => undefined);
    const strip = kept ?? (await stripOf(video, rate, cacheFolder));
    if (!strip) continue;
    if (!kept) await writeWhole(file, strip);
    strips.set(name, strip);
  }
  return strips;
}
