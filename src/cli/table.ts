/** The one look of tables: columns without lines, so that they fit a terminal and other programs can cut them. */
import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';
import pc from 'picocolors';

type Alignment = 'left' | 'right';
type Cell = string | number;

/** What a table does where the terminal is narrower than it is, in this order, as far as it has to. */
export interface Fit {
  /** Shorter heads, by head. */
  readonly brief?: Readonly<Record<string, string>>;
  /** Columns to leave out, the first first. */
  readonly drop?: readonly string[];
  /** Columns to cut, all by the same width. */
  readonly cut?: readonly string[];
}

const LINES = ['top', 'bottom', 'left', 'right', 'mid'] as const;
const NO_LINES = Object.fromEntries(
  LINES.flatMap((line) => [line, `${line}-mid`, `${line}-left`, `${line}-right`]).map((name) => [name, '']),
);
const GAP = 2;
/** No column is cut below it. */
const LEAST_WIDTH = 8;

/** Of the longest of its lines. */
const widthOf = (cell: Cell): number =>
  Math.max(
    ...stripVTControlCharacters(String(cell))
      .split('\n')
      .map((line) => line.length),
  );

interface Column {
  readonly name: string;
  readonly head: string;
  readonly alignment: Alignment;
  /** Of the cells, in their order in a row. */
  readonly index: number;
  readonly width: number;
}

const total = (columns: readonly Column[]) =>
  columns.reduce((sum, { width }) => sum + width, GAP * (columns.length - 1));

function fitted(
  all: readonly Column[],
  rows: readonly (readonly Cell[])[],
  fit: Fit,
  room: number,
): Column[] {
  let columns = [...all];
  if (total(columns) <= room) return columns;
  columns = columns.map((column) => {
    const head = fit.brief?.[column.name] ?? column.head;
    const cells = rows.map((row) => widthOf(row[column.index] ?? ''));
    return { ...column, head, width: Math.max(widthOf(head), ...cells) };
  });
  for (const name of fit.drop ?? [])
    if (total(columns) > room) columns = columns.filter((column) => column.name !== name);
  const cut = columns.filter(({ name }) => fit.cut?.includes(name));
  let over = total(columns) - room;
  const narrowed = new Map(cut.map(({ name, width }) => [name, width]));
  while (over > 0) {
    const [widest, width] = [...narrowed].sort((a, b) => b[1] - a[1])[0] ?? ['', 0];
    if (width <= LEAST_WIDTH) break;
    narrowed.set(widest, width - 1);
    over -= 1;
  }
  return columns.map((column) => ({ ...column, width: narrowed.get(column.name) ?? column.width }));
}

/** Columns of the terminal; where the output is none, as many as there are. */
export const terminalWidth = (): number => process.stdout.columns || Number.POSITIVE_INFINITY;

/** Text in lines no longer than `width` where no word is longer, broken after commas rather than elsewhere. */
export function broken(text: string, width: number): string {
  const lines: string[] = [];
  const parts = text.split(/(?<=,) /).flatMap((part) => (part.length <= width ? [part] : part.split(' ')));
  for (const word of parts) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.join('\n');
}

/** Columns by name, each aligned as it says. */
export function columns(aligned: Readonly<Record<string, Alignment>>, fit: Fit = {}) {
  const rows: (readonly Cell[])[] = [];
  const all = () =>
    Object.entries(aligned).map(([name, alignment], index): Column => {
      const width = Math.max(widthOf(name), ...rows.map((row) => widthOf(row[index] ?? '')));
      return { name, head: name, alignment, index, width };
    });
  return {
    push: (row: readonly Cell[]): void => void rows.push(row),
    /** Whether it is as wide as that at most, whole. */
    fits: (room = terminalWidth()): boolean => total(all()) <= room,
    toString: (room = terminalWidth()): string => {
      const shown = fitted(all(), rows, fit, room);
      const table = new Table({
        head: shown.map(({ head }) => pc.gray(head)),
        colAligns: shown.map(({ alignment }) => alignment),
        colWidths: shown.map(({ width }) => width),
        chars: { ...NO_LINES, 'left-mid': '', 'mid-mid': '', 'right-mid': '', middle: ' '.repeat(GAP) },
        style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
      });
      table.push(...rows.map((row) => shown.map(({ index }) => String(row[index] ?? ''))));
      return table.toString();
    },
  };
}

/** Where the text of a line begins, after its label and the gap behind it. */
function indentOf(line: string): number {
  const bare = stripVTControlCharacters(line);
  const label = /^\S.{0,11}? {2,}(?=\S)/.exec(bare) ?? /^[a-z ]{11} (?=\S)/.exec(bare);
  return label?.[0].length ?? 0;
}

function wrappedLine(whole: string, room: number): string {
  // What is set in is a command to be copied, or goes on from the line before.
  if (widthOf(whole) <= room || whole.startsWith(' ')) return whole;
  const indent = indentOf(whole);
  const lines: string[] = [];
  let line = '';
  for (const [index, word] of whole.split(' ').entries()) {
    const wider = index === 0 ? word : `${line} ${word}`;
    if (widthOf(wider) > room && widthOf(line) > indent) {
      lines.push(line.trimEnd());
      line = ' '.repeat(indent) + word;
    } else line = wider;
  }
  return [...lines, line].join('\n');
}

/** Lines that are too wide for the terminal go on below the beginning of their text. */
export const wrapped = (text: string, room = terminalWidth()): string =>
  text
    .split('\n')
    .map((line) => wrappedLine(line, room))
    .join('\n');
