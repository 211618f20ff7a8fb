/** Rows of comma-separated text (RFC 4180) that a spreadsheet takes as text and numbers, never as formulas. */

/** What spreadsheets begin a formula with, also behind spaces that they pass over. */
const FORMULA = /^[\s]*[=+\-@＝＋－＠]|^[\t\r]/;

/** A text as one cell. */
export const csvCell = (text: string, separator = ','): string =>
  text.includes(separator) || /["\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

/** One line; texts that a spreadsheet would run stand behind an apostrophe. */
export const csvRow = (cells: readonly (string | number)[]): string =>
  `${cells
    .map((cell) =>
      typeof cell === 'number' ? String(cell) : csvCell(FORMULA.test(cell) ? `'${cell}` : cell),
    )
    .join(',')}\n`;
