/** Lists of labelled videos to files and classes: numbers or names as labels, paths in any Unicode form. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { X3dError } from '../errors.js';
import type { Part } from './dataset.js';
import { byName, type LabelledFile, nameBelow } from './labelled.js';
import { type ListedVideo, listText, MOST_LABELS, readList } from './listed.js';
import { startWalk, type WalkOptions } from './walking.js';

interface PartList {
  readonly file: string;
  /** Where it is a list of one. */
  readonly part?: Part;
}

type Listed = ListedVideo & { readonly part?: Part };

/** Names from classes.txt beside the lists, the line's number being the label. */
async function classNames(folder: string): Promise<string[] | undefined> {
  const text = await listText(join(folder, 'classes.txt')).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
  if (text === undefined) return undefined;
  const names = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trim().normalize('NFC'));
  while (names.at(-1) === '') names.pop();
  return names;
}

const isNumber = (label: string) => /^\d+$/.test(label);

function refuseLabel({ where, label }: Listed, expected: string, remedy: string): never {
  throw new X3dError('data', { subject: where, expected, got: `"${label}"`, remedy });
}

/** Numbers as they are; the lowest is 0 where the lists are `all` that there is of the set. */
function byNumber(
  folder: string,
  listed: readonly Listed[],
  names: readonly string[] | undefined,
  all: boolean,
) {
  for (const video of listed) {
    if (!isNumber(video.label))
      refuseLabel(
        video,
        'a whole number from 0 as the label in the last column',
        'Number the classes, or name each of them; names of numbers may stand in classes.txt beside the lists, one per line.',
      );
    if (Number(video.label) >= MOST_LABELS)
      refuseLabel(video, `a label from 0 to ${MOST_LABELS - 1}`, 'Number the classes one after the other.');
  }
  const numbers = new Set(listed.map(({ label }) => Number(label)));
  const highest = Math.max(...numbers);
  if (all && !numbers.has(0) && numbers.size === highest)
    throw new X3dError('data', {
      subject: folder,
      expected: 'labels that count from 0',
      got: `labels from 1 to ${highest}`,
      remedy: 'Take one from each label in the lists.',
    });
  const count = highest + 1;
  if (names && names.length < count)
    throw new X3dError('data', {
      subject: join(folder, 'classes.txt'),
      expected: `a name for each of the labels 0 to ${highest}`,
      got: `${names.length} lines`,
      remedy: 'Add the missing names, or remove the file.',
    });
  const classes = names ?? Array.from({ length: count }, (_, label) => String(label));
  return { classes, labelOf: ({ label }: Listed) => Number(label) };
}

/** Names of classes, in the order of classes.txt, else sorted. */
function byClassName(listed: readonly Listed[], names: readonly string[] | undefined) {
  const named = ({ label }: Listed) => label.normalize('NFC');
  const classes = names ?? [...new Set(listed.map(named))].sort();
  const labels = new Map(classes.map((name, label) => [name, label]));
  return {
    classes,
    labelOf: (video: Listed) =>
      labels.get(named(video)) ?? refuseLabel(video, 'a class that stands in classes.txt', 'Add it there.'),
  };
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** The path under which a listed file lies: names may be in another Unicode form there. */
function finding() {
  const folders = new Map<string, Promise<Map<string, string>>>();
  const namesIn = (folder: string) => {
    const known =
      folders.get(folder) ??
      readdir(folder).then(
        (names) => new Map(names.map((name) => [name.normalize('NFC'), name])),
        () => new Map<string, string>(),
      );
    folders.set(folder, known);
    return known;
  };
  const find = async (path: string): Promise<string> => {
    if (dirname(path) === path || (await exists(path))) return path;
    const folder = await find(dirname(path));
    const name = (await namesIn(folder)).get(basename(path).normalize('NFC'));
    return join(folder, name ?? basename(path));
  };
  // Only names beyond ASCII have forms.
  return async (path: string) => (/^[\x20-\x7e]*$/.test(path) ? path : find(path));
}

/** Kinetics' videos by their names without an ending: `id_000012_000022`, or the id alone. */
async function kineticsFiles(
  root: string,
  annotation: string,
  listed: readonly Listed[],
  walking: WalkOptions,
) {
  const walk = startWalk(root, walking);
  const top = await walk.list(root);
  const below = await walk.filesBelow([...top.folders, ...top.linked].map((name) => join(root, name)));
  const files = [...top.files.map((name) => join(root, name)), ...below.flat()];
  const byStem = new Map(files.map((file) => [basename(file, extname(file)), file]));
  const fileOf = ({ path }: Listed) =>
    byStem.get(path) ?? byStem.get(path.slice(0, -'_000000_000000'.length));
  if (!listed.some((video) => video.kind === 'kinetics' && fileOf(video) !== undefined))
    throw new X3dError('data', {
      subject: annotation,
      expected: `the videos of this Kinetics annotation below ${root}, named as ${listed[0]?.path}.mp4`,
      got: `none of them among ${files.length} files`,
      remedy: 'Name the folder of the videos as data.root (--root).',
    });
  return fileOf;
}

/** `lists`: those of the parts that are wanted. Throws X3dError (data) that names the list and its line. */
export async function labelledByLists(
  folder: string,
  root: string,
  lists: readonly PartList[],
  walking: WalkOptions = {},
): Promise<{ classes: readonly string[]; numbered: boolean; files: readonly LabelledFile[] }> {
  const listed: Listed[] = [];
  for (const { file, part } of lists)
    for (const video of await readList(file)) listed.push({ ...video, ...(part ? { part } : {}) });
  if (listed.length === 0) return { classes: [], numbered: false, files: [] };
  const names = await classNames(folder);
  const isNamed =
    listed.every(({ label }) => !/^-?\d/.test(label)) || listed.some(({ kind }) => kind === 'kinetics');
  const { classes, labelOf } = isNamed
    ? byClassName(listed, names)
    : byNumber(folder, listed, names, lists.length > 1);
  const annotation = listed.find(({ kind }) => kind === 'kinetics')?.where.replace(/:\d+$/, '');
  const kinetics =
    annotation === undefined ? undefined : await kineticsFiles(root, annotation, listed, walking);
  const find = finding();
  const seen = new Map<string, string>();
  const files: LabelledFile[] = [];
  for (const video of listed) {
    walking.signal?.throwIfAborted();
    const given = video.path.includes('/') ? video.path : video.path.replaceAll('\\', '/');
    const path =
      video.kind === 'kinetics'
        ? (kinetics?.(video) ?? join(root, `${video.path}.mp4`))
        : await find(resolve(root, given));
    const name = nameBelow(root, path);
    const earlier = seen.get(name);
    if (earlier !== undefined)
      throw new X3dError('data', {
        subject: video.where,
        expected: 'every video once',
        got: `${video.path}, which is at ${earlier} too`,
        remedy: 'Remove one of the lines.',
      });
    seen.set(name, video.where);
    files.push({ path, name, label: labelOf(video), ...(video.part ? { part: video.part } : {}) });
  }
  return { classes, numbered: !isNamed && names === undefined, files: files.sort(byName) };
}
