/** The one look of tables: columns without lines, so that they fit a terminal and other programs can cut them. */
import Table from 'cli-table3';
import pc from 'picocolors';

type Alignment = 'left' | 'right';

const LINES = ['top', 'bottom', 'left', 'right', 'mid'] as const;
const NO_LINES = Object.fromEntries(
  LINES.flatMap((line) => [line, `${line}-mid`, `${line}-left`, `${line}-right`]).map((name) => [name, '']),
);

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
export function columns(aligned: Readonly<Record<string, Alignment>>) {
  return new Table({
    head: Object.keys(aligned).map((name) => pc.gray(name)),
    colAligns: Object.values(aligned),
    chars: { ...NO_LINES, 'left-mid': '', 'mid-mid': '', 'right-mid': '', middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
}
