/** docs/operations.md promises nothing that no test shows. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

test('every test that docs/operations.md names is there, and every "what if" names one', async () => {
  const text = await readFile('docs/operations.md', 'utf8');
  const named = [...text.matchAll(/(test\/[\w/.-]+\.test\.ts): ([^|\n]+?)(?= \||\)[;.,]|\)$)/gm)];
  const rows = text.split('\n').filter((line) => /^\|(?! what if|---)/.test(line));
  expect(named.length).toBeGreaterThanOrEqual(rows.length);
  for (const row of rows) expect(row).toMatch(/\| test\/[\w/.-]+\.test\.ts: /);
  for (const [, file = '', name = ''] of named) {
    const source = (await readFile(file, 'utf8')).replaceAll("\\'", "'");
    expect(source, `${file}: ${name}`).toContain(name.trim());
  }
});
