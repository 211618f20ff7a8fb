/** Videos that nobody need have labelled -> clips, cut as evaluation cuts them. */
import { stat } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import {
  commonRate,
  listText,
  measured,
  probeAll,
  type SkippedFile,
  startWalk,
  type Video,
  type VideoViews,
  viewBatches,
} from '../data/index.js';
import { X3dError } from '../errors.js';
import type { Preprocessing } from '../training/saved.js';

/** The argument that stands for paths on standard input. */
export const STANDARD_INPUT = '-';
const LISTS = new Set(['.txt', '.csv', '.lst']);

const linesOf = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
/** A label after the path, as lists for training have one, is passed over. */
const unlabelled = (line: string): string => line.replace(/[\s,]+\d+$/, '');

async function readList(file: string): Promise<string[]> {
  const text = await listText(file).catch((cause: NodeJS.ErrnoException | X3dError) => {
    if (cause instanceof X3dError) throw cause;
    throw new X3dError(
      'data',
      { subject: file, expected: 'a list of videos, one path a line', got: cause.code ?? cause.message },
      { cause },
    );
  });
  return linesOf(text).map((line) => resolve(dirname(file), unlabelled(line)));
}

/** What may be a video below a folder, sorted. */
async function filesIn(folder: string): Promise<string[]> {
  const [below = []] = await startWalk(dirname(folder)).filesBelow([folder]);
  return below.sort();
}

/**
 * The files that the arguments name, each once, as absolute paths: files as they are, folders with all that is below
 * them, lists with paths relative to the list, and `-` with paths relative to the working folder from `standardInput`.
 * A file that does not exist is among them: it is found out when it is looked at. Throws X3dError data for a folder or
 * list that can't be read.
 */
export async function videoFiles(
  named: readonly string[],
  standardInput: () => Promise<string>,
): Promise<string[]> {
  const filesOf = async (name: string): Promise<string[]> => {
    if (name === STANDARD_INPUT) return linesOf(await standardInput()).map((path) => resolve(path));
    if ((await stat(name).catch(() => undefined))?.isDirectory()) return filesIn(resolve(name));
    return LISTS.has(extname(name).toLowerCase()) ? readList(name) : [resolve(name)];
  };
  const found = new Set<string>();
  for (const name of named) for (const path of await filesOf(name)) found.add(path);
  return [...found];
}

export interface LookedAt {
  readonly videos: readonly Video[];
  readonly failed: readonly SkippedFile[];
}

/** Decodes every file once to know it; what was learned is kept in the cache. */
export async function lookAt(
  paths: readonly string[],
  options: { readonly cacheFolder: string; readonly onProgress?: (done: number, of: number) => void },
): Promise<LookedAt> {
  const probed = await probeAll(paths, { subject: 'videos without labels', ...options });
  const videos: Video[] = [];
  const failed: SkippedFile[] = [];
  paths.forEach((path, index) => {
    const facts = probed[index];
    if (facts?.kind !== 'video') {
      failed.push({ path, reason: facts?.reason ?? 'not looked at' });
      return;
    }
    videos.push({ ...measured(facts), path, name: path, label: 0, part: 'test' });
  });
  return { videos, failed };
}

/**
 * K-Center's clips, for `viewBatches` and for windows in time. Where the description has no rate, strides count at the
 * rate of most of the videos, as they do where a network is tested on them.
 */
export const centerViews = (
  { frames, stride, rate, shortSide, crop }: Preprocessing,
  videos: readonly Video[],
  views: number,
) =>
  ({ frames, stride, rate: rate ?? commonRate(videos), shortSide, crop, strategy: 'center', views }) as const;

export interface ClipOptions {
  /** Clips a video, evenly spaced. */
  readonly views: number;
  readonly cacheFolder: string;
  readonly threads: number;
}

/** The clips of each video, in order. Frames are not kept on disk: few predict on the same video twice. */
export const clipsOf = (
  videos: readonly Video[],
  preprocessing: Preprocessing,
  { views, cacheFolder, threads }: ClipOptions,
): AsyncGenerator<VideoViews, void, undefined> =>
  viewBatches({ videos }, 'test', {
    ...centerViews(preprocessing, videos, views),
    cacheFolder,
    threads,
    diskBytes: 0,
  });
