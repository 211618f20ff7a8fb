/** The bound on decoded frames: what was used last stays, and what a training reads. */
import { existsSync, mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { boundCache, filesBelow } from '../../src/data/cache.js';
import { claimFrames, readFrames } from '../../src/data/frames.js';
import { openDataset } from '../../src/data/index.js';
import { writeClasses } from './videos.js';

const HOUR = 3_600_000;

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'x3d-cache-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A file of decoded frames, last used so many hours ago. */
function frames(cache: string, name: string, bytes: number, hoursAgo: number): string {
  const file = join(cache, 'frames-4', name.slice(0, 2), name);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, Buffer.alloc(bytes, 1));
  const used = new Date(Date.now() - hoursAgo * HOUR);
  utimesSync(file, used, used);
  return file;
}

const PAGE = 4096;

it('keeps what was used last, as much as fits, and never what is in use', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 12 }),
      fc.nat(14),
      fc.integer({ min: 1, max: 200 }),
      async (ages, pages, since) => {
        const cache = await mkdtemp(join(tmpdir(), 'x3d-cache-'));
        const files = ages.map((age) => ({ age, path: frames(cache, `${age}.rgb`, PAGE, age) }));
        const { files: removed, bytes } = await boundCache(cache, pages * PAGE, Date.now() - since * HOUR);
        const left = files.filter(({ path }) => existsSync(path));
        const gone = files.filter(({ path }) => !existsSync(path));
        await rm(cache, { recursive: true });
        expect({ removed, bytes }).toEqual({ removed: gone.length, bytes: gone.length * PAGE });
        for (const { age } of gone) {
          expect(age).toBeGreaterThanOrEqual(since);
          for (const kept of left) expect(kept.age).toBeLessThan(age);
        }
        // No more than had to.
        expect(left.length).toBeGreaterThanOrEqual(Math.min(ages.length, pages));
        if (left.length > pages) for (const { age } of left) expect(age).toBeLessThan(since);
      },
    ),
    { numRuns: 25 },
  );
});

it('leaves what is not frames, what was used just now, and files that are being written', async () => {
  const cache = await folder();
  const known = join(cache, 'videos-5-0.json');
  writeFileSync(known, '{}');
  const now = frames(cache, 'now.rgb', PAGE, 0);
  const begun = frames(cache, 'begun.rgb.1-0.tmp', PAGE, 1);
  const left = frames(cache, 'left.rgb.2-0.tmp', PAGE, 30);
  const old = frames(cache, 'old.rgb', PAGE, 30);
  await boundCache(cache, 0, Date.now());
  expect([known, now, begun, left, old].map(existsSync)).toEqual([true, true, true, false, false]);
});

it('a training that reads frames, or says that it will, has them count as used', async () => {
  const cache = await folder();
  const videos = writeClasses(await folder(), { wave: 6, run: 6 });
  const [video] = (await openDataset({ path: videos }, { cacheFolder: cache })).videos;
  if (!video) throw new Error('no video');
  const source = { ...video, size: { width: 16, height: 16 }, keep: false, cacheFolder: cache };
  const used = async () => {
    const [file] = (await filesBelow(cache)).filter(({ path }) => path.endsWith('.rgb'));
    return file?.path ?? '';
  };
  const pixels = Buffer.from(readFrames(source, [0]).frame(0));
  const before = new Date(Date.now() - HOUR);
  for (const use of [() => void readFrames(source, [0]), () => claimFrames(source)]) {
    utimesSync(await used(), before, before);
    use();
    expect(statSync(await used()).mtimeMs).toBeGreaterThan(before.getTime() + HOUR / 2);
  }
  await boundCache(cache, 0, before.getTime() - HOUR);
  expect(await used()).not.toBe('');
  // Gone, they are decoded again.
  await rm(await used());
  expect(Buffer.from(readFrames(source, [0]).frame(0)).equals(pixels)).toBe(true);
});
