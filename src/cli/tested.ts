/** The videos that `evaluate` is to test a network on: those of its search, or others, in any form that they come in. */
import { readdir } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { commonRate, type Dataset, openDataset, type SkippedFile } from '../data/index.js';
import { lookAt, videoFiles } from '../deployment/clips.js';
import type { SavedNetwork } from '../training/saved.js';
import type { DataOptions } from './data.js';
import { dataFrom } from './data.js';
import { progressLine } from './progress.js';

export type Tested = Pick<Dataset, 'classes' | 'videos' | 'parts' | 'rate'> & {
  readonly skipped: readonly SkippedFile[];
};

/** The label of a folder that is called as a class and holds no folder of one; undefined for any other. */
async function classOf(path: string, classes: readonly string[] | undefined): Promise<number | undefined> {
  const labels = new Map(classes?.map((name, label) => [name.normalize('NFC'), label]));
  const label = labels.get(basename(resolve(path)).normalize('NFC'));
  if (label === undefined) return undefined;
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
  const holds = entries?.some((entry) => entry.isDirectory() && labels.has(entry.name.normalize('NFC')));
  return entries === undefined || holds ? undefined : label;
}

/** Videos of one class, all of them to be tested on. */
async function ofOneClass(
  path: string,
  label: number,
  classes: readonly string[],
  rate: number | undefined,
  cacheFolder: string,
): Promise<Tested> {
  const files = await videoFiles([path], async () => '');
  const { videos, failed } = await lookAt(files, {
    cacheFolder,
    onProgress: progressLine('looking at videos'),
  });
  return {
    classes,
    videos: videos.map((video) => ({ ...video, name: `${classes[label]}/${basename(video.path)}`, label })),
    parts: { train: 0, validation: 0, test: videos.length },
    rate: rate ?? commonRate(videos),
    skipped: failed,
  };
}

/** Throws X3dError (data) where the videos can't be used. */
export async function openTested(
  path: string,
  { classes, base, preprocessing }: SavedNetwork,
  options: DataOptions & { readonly part: 'validation' | 'test' },
  cacheFolder: string,
): Promise<Tested> {
  const { rate } = preprocessing;
  const label = await classOf(path, classes);
  if (label !== undefined && classes) return ofOneClass(path, label, classes, rate, cacheFolder);
  return openDataset(
    // The network's strides count at the rate that it was trained at, whatever the rate of these videos.
    { path, ...(rate === undefined ? {} : { rate }), ...dataFrom(options) },
    // With shares the videos are divided as a search divides them.
    {
      cacheFolder,
      onProgress: progressLine('looking at videos'),
      part: options.part,
      classes: classes ?? base.classes,
      ...(options.shares ? {} : { undivided: 'test' }),
    },
  );
}
