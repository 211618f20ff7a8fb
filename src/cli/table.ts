/** The one look of tables: columns without lines, so that they fit a terminal and other programs can cut them. */
import Table from 'cli-table3';
import pc from 'picocolors';

type Alignment = 'left' | 'right';

const LINES = ['top', 'bottom', 'left', 'right', 'mid'] as const;
const NO_LINES = Object.fromEntries(
  LINES.flatMap((line) => [line, `${line}-mid`, `${line}-left`, `${line}-right`]).map((name) => [name, '']),
);

/** Columns by name, each aligned as it says. */
export function columns(aligned: Readonly<Record<string, Alignment>>) {
  return new Table({
    head: Object.keys(aligned).map((name) => pc.gray(name)),
    colAligns: Object.values(aligned),
    chars: { ...NO_LINES, 'left-mid': '', 'mid-mid': '', 'right-mid': '', middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
}
