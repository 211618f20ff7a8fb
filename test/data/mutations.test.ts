/** Damaged and hostile files: none ends the process that looks at it, takes long, or takes much memory. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { FILES, writeMutated } from './mutated.js';
import { temporaryFolder } from './videos.js';

const CHILD = fileURLToPath(new URL('mutations-child.mjs', import.meta.url));

it(`${FILES} mutated clips are told within bounds of time and memory, in one process`, async () => {
  const folder = temporaryFolder();
  const paths = writeMutated((number, ending) => join(folder, `${number}.${ending}`));
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD, ...paths], { maxBuffer: 2 ** 24 });
  const told = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(told.map(({ path }) => path)).toEqual(paths);
  for (const { path, kind, reason, milliseconds, megabytes } of told) {
    expect(['video', 'undecodable', 'no-video'], path).toContain(kind);
    if (kind !== 'video') expect(reason, path).toMatch(/^[a-z]/);
    expect(milliseconds, path).toBeLessThan(30_000);
    expect(megabytes, path).toBeLessThan(1500);
  }
}, 600_000);
