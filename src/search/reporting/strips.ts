/** Pictures of videos, each one JPEG file kept in the run's folder. */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Dataset } from '../../data/index.js';
import { openViewing } from '../../deployment/viewing.js';
import { isAsWritten, writeSums } from '../../sums.js';

const FOLDER = 'mistakes';

/**
 * JPEG files of some videos by their names; those that are in the run's folder already are taken from there. The others are
 * made in a process apart. One that is not what it was, or is not there, is left out: a report without a picture is better
 * than none.
 */
export async function stripsOf(
  names: readonly string[],
  { videos, rate }: Dataset,
  run: string,
  cacheFolder: string,
): Promise<ReadonlyMap<string, Buffer>> {
  const viewing = openViewing();
  const strips = new Map<string, Buffer>();
  try {
    for (const name of names) {
      const video = videos.find((one) => one.name === name);
      if (!video) continue;
      const file = join(run, FOLDER, `${video.digest}.jpg`);
      const read = async () => {
        const bytes = await readFile(file).catch(() => undefined);
        return bytes && (await isAsWritten(file, bytes)) ? bytes : undefined;
      };
      const make = () =>
        viewing
          .write({ kind: 'strip', video, rate, cacheFolder, to: file })
          .then(() => writeSums(join(run, FOLDER), [basename(file)]))
          .catch(() => {});
      const strip = (await read()) ?? (await make().then(read));
      if (strip) strips.set(name, strip);
    }
  } finally {
    await viewing.close();
  }
  return strips;
}
