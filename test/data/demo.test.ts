import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeDemoVideos, SHAPE_CLASSES, shapeFrames } from '../../src/data/demo/index.js';
import { openDataset } from '../../src/data/index.js';
import { temporaryFolder } from './videos.js';

describe('the generated videos', () => {
  it('are real files that open as a data set, whose scenes never stand on both sides', async () => {
    const configuration = makeDemoVideos(temporaryFolder(), { scenes: 5 });
    const dataset = await openDataset(configuration, { cacheFolder: temporaryFolder() });
    expect(dataset.classes).toEqual([...SHAPE_CLASSES].sort());
    expect(dataset.parts).toEqual({ train: 18, validation: 6, test: 6 });
    expect(
      dataset.videos.every(({ frames, width, height }) => frames === 50 && width === 96 && height === 72),
    ).toBe(true);
    expect(dataset.limits.maxSpan).toBe(50);
  });

  it('show the same pictures each time; files that are there already are kept, another seed makes others', () => {
    const folder = temporaryFolder();
    makeDemoVideos(folder, { scenes: 2 });
    const made = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(
      (name) => statSync(join(folder, name)).mtimeMs,
    );
    const seen: number[] = [];
    makeDemoVideos(folder, { scenes: 2, onProgress: (done) => seen.push(done) });
    expect(seen.at(-1)).toBe(12);
    expect(
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(
        (name) => statSync(join(folder, name)).mtimeMs,
      ),
    ).toEqual(made);
    const pictures = (seed: number) => [
      ...shapeFrames('striped', 1, seed, { width: 24, height: 18, frames: 4 }),
    ];
    expect(pictures(0)).toEqual(pictures(0));
    expect(pictures(0)).not.toEqual(pictures(1));
  });

  it('have classes that differ in motion alone: a shape that rises is seen at the places of one that falls', () => {
    const size = { width: 48, height: 36, frames: 64 };
    /** Rows of the lowest bright pixel, or undefined where the shape is cut by an edge. */
    const heights = (kind: 'rising' | 'falling') =>
      [...shapeFrames(kind, 0, 0, size)].map((rgb) => {
        const rows = Array.from({ length: 36 }, (_, y) => y).filter((y) =>
          Array.from({ length: 48 }, (_, x) => rgb[(y * 48 + x) * 3] ?? 0).some((red) => red > 165),
        );
        return rows[0] === 0 || rows.at(-1) === 35 ? undefined : rows.at(-1);
      });
    const steps = (kind: 'rising' | 'falling') => {
      const rows = heights(kind);
      return rows.flatMap((row, i) => {
        const next = rows[i + 1];
        return row === undefined || next === undefined ? [] : [next - row];
      });
    };
    expect(steps('falling').length).toBeGreaterThan(10);
    expect(steps('falling').every((step) => step >= 0)).toBe(true);
    expect(steps('rising').every((step) => step <= 0)).toBe(true);
  });
});
