/** Rows as people's other programs read them. */

export type Row = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** In the order in which the rows name them. */
export const columnsOf = (rows: readonly Row[]): string[] => [...new Set(rows.flatMap(Object.keys))];

const quoted = (value: Row[string]): string => {
  const text = String(value ?? '');
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** RFC 4180, with a header line. */
export function csvOf(rows: readonly Row[]): string {
  const columns = columnsOf(rows);
  const lines = rows.map((row) => columns.map((column) => quoted(row[column])).join(','));
  return [columns.map(quoted).join(','), ...lines].map((line) => `${line}\r\n`).join('');
}
