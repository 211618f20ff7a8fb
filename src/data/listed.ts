/**
 * Lists of labelled videos, in the forms that the field writes them: `path label` divided by commas, semicolons, tabs or
 * spaces; quoted as in RFC 4180; with or without a header line; with a column of frame counts before the label;
 * Kinetics' annotation files. Labels are whole numbers from 0, or the names of classes.
 */
import { parse } from 'csv-parse/sync';
import { X3dError } from '../errors.js';
import { readRegular } from '../files.js';

/** One line. */
export interface ListedVideo {
  /** As it stands there; of an annotation, `youtube_id` with its seconds. */
  readonly path: string;
  readonly label: string;
  /** The file and its line. */
  readonly where: string;
  readonly kind: 'path' | 'kinetics';
}

interface Row {
  readonly cells: readonly string[];
  readonly line: number;
}

/** Classes of one set. */
export const MOST_LABELS = 100_000;
const MOST_BYTES = 256 * 2 ** 20;

const PATH_COLUMNS = [
  'path',
  'file',
  'filename',
  'file_name',
  'filepath',
  'file_path',
  'video',
  'video_path',
];
const MORE_PATH_COLUMNS = ['video_name', 'videoname', 'video_id', 'clip', 'clip_path', 'clip_name', 'name'];
const LABEL_COLUMNS = ['label', 'labels', 'class', 'class_id', 'label_id', 'class_index', 'class_name'];
const MORE_LABEL_COLUMNS = ['action', 'category', 'target', 'tag', 'y'];
const PATHS = [...PATH_COLUMNS, ...MORE_PATH_COLUMNS];
const LABELS = [...LABEL_COLUMNS, ...MORE_LABEL_COLUMNS];

/** The text of a list, in the encoding that its first bytes name. Throws X3dError (data). */
export async function listText(file: string): Promise<string> {
  const bytes = await readRegular(file, MOST_BYTES);
  const refuse = (got: string, cause?: unknown) =>
    new X3dError(
      'data',
      { subject: file, expected: 'a list as UTF-8 text', got, remedy: 'Save it as UTF-8.' },
      { cause },
    );
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe
      ? 'utf-16le'
      : bytes[0] === 0xfe && bytes[1] === 0xff
        ? 'utf-16be'
        : 'utf-8';
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw refuse(`bytes that are not ${encoding.toUpperCase()}`, cause);
  }
  if (text.includes('\0')) throw refuse('zero bytes, as in UTF-16 without a byte order mark');
  return text;
}

/** Throws where quotes do not end. */
function divided(text: string, delimiter: string): Row[] {
  const records = parse(text, {
    delimiter,
    info: true,
    trim: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_empty_values: true,
  }) as unknown as { record: string[]; info: { lines: number } }[];
  return records.map(({ record, info }) => ({ cells: record, line: info.lines }));
}

/** A path, in quotes where it pleases, and what stands behind its last spaces. */
const SPACED = /^(?:"((?:[^"]|"")*)"|(.*\S))\s+("?)([^\s"]+)\3$/;

const spaced = (text: string): Row[] =>
  text.split(/\r?\n|\r/).flatMap((whole, index) => {
    const line = whole.trim();
    if (line === '') return [];
    const [, quoted, plain, , label] = SPACED.exec(line) ?? [];
    const path = quoted?.replaceAll('""', '"') ?? plain;
    return [{ cells: path === undefined || label === undefined ? [line] : [path, label], line: index + 1 }];
  });

/** The rows under the delimiter by which most of them have columns; spaces where none is better. */
function rowsOf(text: string, file: string): Row[] {
  const columned = (rows: readonly Row[]) => rows.filter(({ cells }) => cells.length > 1).length;
  let best: Row[] | undefined;
  let problem: unknown;
  for (const delimiter of ['\t', ',', ';']) {
    if (!text.includes(delimiter)) continue;
    try {
      const rows = divided(text, delimiter);
      if (columned(rows) > columned(best ?? [])) best = rows;
    } catch (error) {
      problem = error;
    }
  }
  const bySpaces = spaced(text);
  // A comma may be part of paths that a space divides from their labels.
  const numbered = (rows: readonly Row[]) => rows.filter(({ cells }) => isNumber(cells.at(-1) ?? '')).length;
  if (
    best &&
    !(numbered(bySpaces) > numbered(best) && numbered(best) === 0 && columned(bySpaces) === bySpaces.length)
  )
    return best;
  if (columned(bySpaces) === 0 && problem instanceof Error)
    throw new X3dError(
      'data',
      { subject: file, expected: 'rows as RFC 4180 has them', got: problem.message },
      { cause: problem },
    );
  return bySpaces;
}

const isNumber = (cell: string): boolean => /^\d+$/.test(cell);

/** Where path and label stand. */
type Columns =
  | { readonly kind: 'path'; readonly path: number; readonly label: number }
  | {
      readonly kind: 'kinetics';
      readonly id: number;
      readonly start: number;
      readonly end: number;
      readonly label: number;
    };

/** What a header line says; undefined where the first row is none. */
function headerOf({ cells }: Row, second: Row | undefined): Columns | undefined {
  const names = cells.map((cell) => cell.toLowerCase().replace(/^#\s*/, '').replaceAll(' ', '_'));
  const at = (...wanted: readonly string[]) => names.findIndex((name) => wanted.includes(name));
  const [id, start, end, label] = [at('youtube_id'), at('time_start'), at('time_end'), at(...LABELS)];
  if (id >= 0 && start >= 0 && end >= 0) return { kind: 'kinetics', id, start, end, label };
  const path = at(...PATHS);
  if (path >= 0 && label >= 0 && path !== label) return { kind: 'path', path, label };
  // Other words over a column of numbers.
  const last = cells.length - 1;
  const isOver = last > 0 && !isNumber(cells[last] ?? '') && !/\.\w{1,5}$/.test(cells[0] ?? '');
  return isOver && second && isNumber(second.cells[last] ?? '')
    ? { kind: 'path', path: 0, label: last }
    : undefined;
}

const FRAMES_COLUMN = /^(.+\.\w{1,5})\s+\d+$/;

function videoIn({ cells, line }: Row, columns: Columns | undefined, file: string): ListedVideo {
  const where = `${file}:${line}`;
  const refuse = (expected: string, remedy: string) =>
    new X3dError('data', { subject: where, expected, got: `"${cells.join(' ')}"`, remedy });
  if (columns?.kind === 'kinetics') {
    const [id, start, end, label] = [columns.id, columns.start, columns.end, columns.label].map(
      (i) => cells[i],
    );
    if (!id || !label || !isNumber(start ?? '') || !isNumber(end ?? ''))
      throw refuse('label, youtube_id, time_start and time_end', 'Mend the line, or leave it out.');
    const seconds = [start, end].map((second) => (second ?? '').padStart(6, '0')).join('_');
    return { kind: 'kinetics', path: `${id}_${seconds}`, label, where };
  }
  const path = cells[columns?.path ?? 0] ?? '';
  const label = cells[columns?.label ?? cells.length - 1] ?? '';
  if (cells.length < 2 || path === '' || label === '')
    throw refuse('two columns, path and label, divided by a space or a comma', 'Add the missing column.');
  // Frames between path and label, as lists of mmaction have them.
  const between = columns ? [] : cells.slice(1, -1);
  if (between.length > 1 || !between.every(isNumber))
    throw refuse(
      'path and label, or path, frames and label',
      'Give each video one label, and quote paths with commas.',
    );
  return { kind: 'path', path: FRAMES_COLUMN.exec(path)?.[1] ?? path, label, where };
}

/** The lines of a list. Throws X3dError (data) that names the list, or its line. */
export async function readList(file: string): Promise<ListedVideo[]> {
  const rows = rowsOf(await listText(file), file);
  const [first, second] = rows;
  const columns = first && headerOf(first, second);
  return (columns ? rows.slice(1) : rows).map((row) => videoIn(row, columns, file));
}

/** Whether a text file is a list, by its first line. */
export async function looksListed(file: string): Promise<boolean> {
  try {
    const [first] = rowsOf((await listText(file)).slice(0, 2000).split(/\r?\n/).slice(0, 1).join('\n'), file);
    return (first?.cells.length ?? 0) > 1 && isNumber(first?.cells.at(-1) ?? '');
  } catch {
    return false;
  }
}
