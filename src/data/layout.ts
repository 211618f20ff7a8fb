/**
 * Finds the labelled files below a path, in one of three layouts: lists of the parts (train.csv, val.csv, test.csv),
 * folders of parts with class folders in them, or class folders alone. Nothing is decoded here.
 *
 * Names are compared in Unicode's form C, whatever form a file system or a list has them in.
 */
import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { X3dError } from '../errors.js';
import type { DataConfiguration } from './configuration.js';
import type { NoVideo, Part } from './dataset.js';
import { byName, type LabelledFile, nameBelow } from './labelled.js';
import { labelledByLists } from './labels.js';
import { looksListed } from './listed.js';
import { PART_WORDS, partNamed } from './parts.js';
import { startWalk, type Walk, type WalkOptions } from './walking.js';

export interface Layout {
  readonly root: string;
  readonly classes: readonly string[];
  /** Whether classes are numbers that have no names. */
  readonly numbered: boolean;
  /** Sorted by name. */
  readonly files: readonly LabelledFile[];
  /** Whether the layout divides the files into parts. */
  readonly divided: boolean;
  readonly noVideo: readonly NoVideo[];
  /** Of folders that were left out. */
  readonly leftOut: readonly string[];
}

export interface LayoutOptions extends WalkOptions {
  /** What is needed, where the layout divides the files; default all of them. */
  readonly part?: Part | undefined;
}

type PartFolder = { readonly path: string; readonly part?: Part };

/** `folders`: where class folders are looked for, with the part they stand for. */
async function classFolders(
  root: string,
  folders: readonly PartFolder[],
  walk: Walk,
): Promise<Pick<Layout, 'classes' | 'files'>> {
  const found = await Promise.all(
    folders.map(async (folder) => {
      const { folders: own, linked } = await walk.list(folder.path);
      return [...own, ...linked].sort().map((name) => ({ ...folder, name }));
    }),
  );
  const all = found.flat();
  const classes = [...new Set(all.map(({ name }) => name.normalize('NFC')))].sort();
  const labels = new Map(classes.map((name, label) => [name, label]));
  const paths = await walk.filesBelow(all.map(({ path, name }) => join(path, name)));
  const files = all.flatMap(({ part, name }, index) =>
    (paths[index] ?? []).map((path) => ({
      path,
      name: nameBelow(root, path),
      label: labels.get(name.normalize('NFC')) as number,
      ...(part === undefined ? {} : { part }),
    })),
  );
  return { classes, files: files.sort(byName) };
}

function refuseFolders(folder: string, got: string, remedy: string): never {
  throw new X3dError('data', {
    subject: folder,
    expected: `class folders, or folders of the parts named ${PART_WORDS}, and no mixture of them`,
    got,
    remedy,
  });
}

/**
 * The folders of the parts, or undefined where the folders are classes. A folder is of a part by its name and by holding
 * folders; one that is called `train` and holds videos may be a class beside others.
 */
async function partFolders(
  root: string,
  names: readonly string[],
  walk: Walk,
): Promise<{ parts: PartFolder[]; leftOut: string[] } | undefined> {
  const called = names.map((name) => ({ name, part: partNamed(name) }));
  if (called.every(({ part }) => part === undefined || part === 'unclear')) return undefined;
  const looked = await Promise.all(
    called.map(async ({ name, part }) => {
      const path = join(root, name);
      const { files, folders, linked } = await walk.list(path);
      return { name, path, part, flat: files.length > 0, empty: folders.length + linked.length === 0 };
    }),
  );
  const parts = looked.flatMap(({ name, path, part, flat }) =>
    part !== undefined && part !== 'unclear' && !flat ? [{ name, path, part }] : [],
  );
  if (parts.length === 0) {
    const flat = looked.filter(({ part }) => part !== undefined);
    if (flat.length < looked.length) return undefined;
    refuseFolders(
      root,
      `${flat.map(({ name }) => name).join(', ')} with videos in them`,
      'Put the videos of each class of each part into a folder of its own.',
    );
  }
  const of = (part: Part) => parts.filter((own) => own.part === part).map(({ name }) => name);
  for (const part of ['train', 'validation', 'test'] as const)
    if (of(part).length > 1)
      refuseFolders(
        root,
        `${of(part).join(' and ')} for one part`,
        'Keep one of them, or move the other away.',
      );
  const others = looked.filter(({ name }) => !parts.some((part) => part.name === name));
  const unclear = others.find(({ part }) => part !== undefined);
  if (unclear)
    refuseFolders(
      join(root, unclear.name),
      unclear.flat
        ? `${parts[0]?.name} as a part and videos without a class here`
        : 'a name that is not understood',
      'Rename it, or move it away.',
    );
  if (parts.length === 1 && others.length > 0)
    refuseFolders(
      root,
      `${parts[0]?.name} beside ${others[0]?.name}`,
      'Name the folders of all parts so, or rename the folder if it is a class.',
    );
  return {
    parts: parts.map(({ path, part }) => ({ path, part })),
    leftOut: others.map(({ name }) => name),
  };
}

/** A file that may be a list: what it is called, and how it ends. */
const LIST = /^(.*)\.(csv|tsv|txt|list)$/i;

/** The lists of the parts in a folder; text files only where they are lists. */
async function listsIn(folder: string, all: readonly string[]): Promise<{ name: string; part: Part }[]> {
  const found: { name: string; part: Part }[] = [];
  for (const name of all) {
    const [, stem = '', ending = ''] = LIST.exec(name) ?? [];
    const part = ending === '' ? undefined : partNamed(stem);
    if (part === undefined) continue;
    const isTable = /^[ct]sv$/i.test(ending);
    if (part === 'unclear') {
      if (isTable && /^(train|val|test)/i.test(stem))
        throw new X3dError('data', {
          subject: join(folder, name),
          expected: 'lists named train.csv, val.csv and test.csv',
          got: 'a name that is not understood',
          remedy: 'Rename it, or move it away.',
        });
      continue;
    }
    if (isTable || (await looksListed(join(folder, name)))) found.push({ name, part });
  }
  for (const { name, part } of found) {
    const other = found.find((list) => list.part === part && list.name !== name);
    if (other)
      throw new X3dError('data', {
        subject: folder,
        expected: 'one list of each part',
        got: `${name} and ${other.name}`,
        remedy: 'Move one of them away.',
      });
  }
  return found;
}

/** A list by itself, whatever it is called: it divides nothing. */
async function listAlone(file: string, listRoot: string, walking: WalkOptions): Promise<Layout> {
  const labelled = await labelledByLists(dirname(file), listRoot, [{ file }], walking);
  return { ...labelled, root: listRoot, divided: false, noVideo: [], leftOut: [] };
}

/** Throws X3dError (data) that names the folder, or the list and its line; or the signal's reason. */
export async function readLayout(
  configuration: Pick<DataConfiguration, 'path' | 'root'>,
  { part, ...walking }: LayoutOptions = {},
): Promise<Layout> {
  const root = resolve(configuration.path);
  const isFile = await stat(root).then(
    (found) => found.isFile(),
    () => false,
  );
  // Where one part is needed a list of it is all there need be; what is divided takes the folder of the lists.
  if (isFile && part !== undefined && LIST.test(root))
    return listAlone(root, resolve(configuration.root ?? dirname(root)), walking);
  if (isFile)
    throw new X3dError('data', {
      subject: configuration.path,
      expected:
        part === undefined
          ? 'a folder of videos'
          : 'a folder of videos, or a list of them as .csv, .tsv or .txt',
      got: 'a file',
      remedy: 'Give the folder that it lies in.',
    });
  const walk = startWalk(root, walking);
  const { all, folders, linked } = await walk.list(root);
  const wanted = <Of extends { readonly part?: Part }>(own: readonly Of[]) =>
    part === undefined ? own : own.filter((one) => one.part === undefined || one.part === part);
  const lists = await listsIn(root, all);
  if (lists.length > 0) {
    const listRoot = resolve(configuration.root ?? configuration.path);
    const files = wanted(lists).map(({ name, part: own }) => ({ file: join(root, name), part: own }));
    const labelled = await labelledByLists(root, listRoot, files, walking);
    return { ...labelled, root: listRoot, divided: true, noVideo: [], leftOut: [] };
  }
  const divided = await partFolders(root, [...folders, ...linked].sort(), walk);
  const { classes, files } = await classFolders(
    root,
    divided ? wanted(divided.parts) : [{ path: root }],
    walk,
  );
  return {
    root,
    classes,
    numbered: false,
    files,
    divided: divided !== undefined,
    noVideo: walk.noVideo(),
    leftOut: divided?.leftOut ?? [],
  };
}
