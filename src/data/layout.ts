/**
 * Finds the labelled files below a path, in one of three layouts: lists (train.csv, val.csv, test.csv with lines of
 * `path label`, the form that SlowFast reads), folders of parts (train, val, test) with class folders in them, or
 * class folders alone. Nothing is decoded here.
 */
import type { Dirent } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, resolve, sep } from 'node:path';
import { X3dError } from '../errors.js';
import type { DataConfiguration } from './configuration.js';
import type { Part } from './dataset.js';

export interface LabelledFile {
  readonly path: string;
  /** Relative to the data set's root, with `/`. */
  readonly name: string;
  readonly label: number;
  /** Where the layout says it. */
  readonly part?: Part;
}

export interface Layout {
  readonly root: string;
  readonly classes: readonly string[];
  /** Sorted by name. */
  readonly files: readonly LabelledFile[];
  /** Whether the layout divides the files into parts. */
  readonly divided: boolean;
}

/** Names of folders and lists. */
const PART_NAMES: Readonly<Record<string, Part>> = {
  train: 'train',
  val: 'validation',
  validation: 'validation',
  test: 'test',
};

/** What lies among videos and is none; FFmpeg would make a frame of some of them. */
const OTHER_FILES = new Set(
  '.txt .csv .tsv .json .xml .yaml .yml .md .html .pdf .srt .vtt .ass .jpg .jpeg .png .bmp .webp .tif .tiff .npy .npz .pkl .mat .wav .mp3 .flac .zip .tar .gz .py .log'.split(
    ' ',
  ),
);

/** Sorted by code unit, the same on every machine. */
const byName = (a: { readonly name: string }, b: { readonly name: string }) =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return (await readdir(folder, { withFileTypes: true })).filter((entry) => !entry.name.startsWith('.'));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new X3dError(
      'data',
      {
        subject: folder,
        expected: 'a folder that can be read',
        got: code === 'ENOENT' ? 'no such folder' : code === 'ENOTDIR' ? 'a file' : code,
        remedy: 'Check the path, and that this user may read it.',
      },
      { cause: error },
    );
  }
}

/** Links to folders count as folders. */
async function foldersIn(folder: string): Promise<string[]> {
  const entries = await entriesOf(folder);
  const folders: string[] = [];
  for (const entry of entries) {
    const linked = entry.isSymbolicLink() && (await readdir(join(folder, entry.name)).catch(() => undefined));
    if (entry.isDirectory() || linked) folders.push(entry.name);
  }
  return folders.sort();
}

/** Files that may be videos, in no order. Throws X3dError (data) where a folder can't be read. */
export async function filesBelow(folder: string): Promise<string[]> {
  const folders = await foldersIn(folder);
  const files = (await entriesOf(folder))
    .filter((entry) => !folders.includes(entry.name) && !OTHER_FILES.has(extname(entry.name).toLowerCase()))
    .map((entry) => join(folder, entry.name));
  const deeper = await Promise.all(folders.map((name) => filesBelow(join(folder, name))));
  return [...files, ...deeper.flat()];
}

/** `folders`: where class folders are looked for, with the part they stand for. */
async function classFolders(
  root: string,
  folders: readonly { readonly path: string; readonly part?: Part }[],
): Promise<Layout> {
  const found = await Promise.all(
    folders.map(async (folder) => ({ ...folder, names: await foldersIn(folder.path) })),
  );
  const classes = [...new Set(found.flatMap(({ names }) => names))].sort();
  const files: LabelledFile[] = [];
  for (const { path, part, names } of found) {
    for (const name of names) {
      for (const file of await filesBelow(join(path, name))) {
        files.push({
          path: file,
          name: relative(root, file).split(sep).join('/'),
          label: classes.indexOf(name),
          ...(part === undefined ? {} : { part }),
        });
      }
    }
  }
  return {
    root,
    classes,
    files: files.sort(byName),
    divided: folders.some(({ part }) => part !== undefined),
  };
}

function parseLine(line: string, where: string): { path: string; label: number } {
  const match = /^(.*\S)[\s,]+(\S+)$/.exec(line.trim());
  const [, path, label] = match ?? [];
  if (path === undefined || label === undefined) {
    throw new X3dError('data', {
      subject: where,
      expected: 'two columns, path and label, divided by a space or a comma',
      got: `"${line.trim()}"`,
      remedy: 'Add the missing column.',
    });
  }
  if (!/^\d+$/.test(label)) {
    throw new X3dError('data', {
      subject: where,
      expected: 'a whole number from 0 as the label in the last column',
      got: `"${label}"`,
      remedy: 'Number the classes; their names may stand in classes.txt beside the lists, one a line.',
    });
  }
  return { path: path.replace(/[\s,]+$/, ''), label: Number(label) };
}

/** Names from classes.txt, the line's number being the label; or the numbers themselves. */
async function namesOfLabels(folder: string, files: readonly LabelledFile[]): Promise<string[]> {
  const count = 1 + files.reduce((most, { label }) => Math.max(most, label), -1);
  const path = join(folder, 'classes.txt');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return Array.from({ length: count }, (_, label) => String(label));
  const names = text.split(/\r?\n/).map((line) => line.trim());
  while (names.at(-1) === '') names.pop();
  if (names.length < count) {
    throw new X3dError('data', {
      subject: path,
      expected: `a name for each of the labels 0 to ${count - 1}`,
      got: `${names.length} lines`,
      remedy: 'Add the missing names, or remove the file.',
    });
  }
  return names;
}

async function lists(folder: string, root: string, names: readonly string[]): Promise<Layout> {
  const files: LabelledFile[] = [];
  const seen = new Map<string, string>();
  for (const list of names) {
    const part = PART_NAMES[list.slice(0, -'.csv'.length)];
    if (!part) continue;
    const lines = (await readFile(join(folder, list), 'utf8')).split(/\r?\n/);
    for (const [index, line] of lines.entries()) {
      if (line.trim() === '') continue;
      const where = `${join(folder, list)}:${index + 1}`;
      const { path: listed, label } = parseLine(line, where);
      const path = resolve(root, listed);
      const earlier = seen.get(path);
      if (earlier !== undefined) {
        throw new X3dError('data', {
          subject: where,
          expected: 'every video once',
          got: `${listed}, which is at ${earlier} too`,
          remedy: 'Remove one of the lines.',
        });
      }
      seen.set(path, where);
      files.push({ path, name: relative(root, path).split(sep).join('/'), label, part });
    }
  }
  return { root, classes: await namesOfLabels(folder, files), files: files.sort(byName), divided: true };
}

/** Throws X3dError (data) that names the folder, or the list and its line. */
export async function readLayout(configuration: Pick<DataConfiguration, 'path' | 'root'>): Promise<Layout> {
  const folder = resolve(configuration.path);
  const entries = (await entriesOf(folder)).map((entry) => entry.name);
  const listNames = entries.filter((name) => name.endsWith('.csv') && name.slice(0, -4) in PART_NAMES).sort();
  if (listNames.includes('train.csv')) {
    return lists(folder, resolve(configuration.root ?? configuration.path), listNames);
  }
  const folders = await foldersIn(folder);
  const parts = folders.filter((name) => name in PART_NAMES);
  const divided =
    parts.includes('train') &&
    (parts.length === folders.length || parts.some((name) => name.startsWith('val')));
  return classFolders(
    folder,
    divided
      ? parts.map((name) => ({ path: join(folder, name), part: PART_NAMES[name] as Part }))
      : [{ path: folder }],
  );
}
