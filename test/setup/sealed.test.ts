/** The cache that every checkout of a user shares: whole or not there, and never trusted when it changed. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';

const { examine, seal } = (await import(new URL('../../scripts/setup/sealed.mjs', import.meta.url).href)) as {
  examine(folder: string): Promise<{ whole: true; bytes: number } | { whole: false; why?: string }>;
  seal(folder: string, make: (temporary: string) => Promise<void>): Promise<void>;
};

let cache: string;
let folder: string;
const library = () => join(folder, 'lib', 'library.so');

async function make(temporary: string) {
  mkdirSync(join(temporary, 'lib'));
  writeFileSync(join(temporary, 'lib', 'library.so'), 'a library');
  writeFileSync(join(temporary, 'NOTICE'), 'by its makers');
}

beforeEach(async () => {
  cache = mkdtempSync(join(tmpdir(), 'x3d-cache-'));
  onTestFinished(() => rmSync(cache, { recursive: true, force: true }));
  folder = join(cache, 'tensorflow');
});

it('is whole once it was made, and has its size', async () => {
  expect(await examine(folder)).toEqual({ whole: false, why: undefined });
  await seal(folder, make);
  expect(await examine(folder)).toEqual({ whole: true, bytes: 22 });
});

it('names the file that was cut short, changed, or taken away', async () => {
  await seal(folder, make);
  truncateSync(library(), 4);
  expect(await examine(folder)).toMatchObject({
    whole: false,
    why: 'lib/library.so has 4 bytes instead of 9',
  });
  writeFileSync(library(), 'A library');
  utimesSync(library(), 1, 1);
  expect(await examine(folder)).toMatchObject({
    whole: false,
    why: 'lib/library.so does not have its checksum',
  });
  rmSync(library());
  expect(await examine(folder)).toMatchObject({ whole: false, why: 'lib/library.so is missing' });
});

it('takes a file whose time alone changed, and notes the time', async () => {
  await seal(folder, make);
  utimesSync(library(), 1, 1);
  expect(await examine(folder)).toMatchObject({ whole: true });
  const noted = JSON.parse(readFileSync(join(folder, 'seal.json'), 'utf8')) as Record<
    string,
    { modified: number }
  >;
  expect(noted['lib/library.so']?.modified).toBe(1000);
});

it('does not take a folder whose making was cut off before the seal', async () => {
  mkdirSync(folder);
  writeFileSync(join(folder, 'NOTICE'), 'by its makers');
  expect(await examine(folder)).toEqual({ whole: false, why: 'it has no seal' });
  await seal(folder, make);
  expect(await examine(folder)).toMatchObject({ whole: true });
});

it('is made anew in place of a broken one', async () => {
  await seal(folder, make);
  truncateSync(library(), 0);
  await seal(folder, make);
  expect(readFileSync(library(), 'utf8')).toBe('a library');
  expect(readdirSync(cache)).toEqual(['tensorflow']);
});

it('leaves what was there when making fails', async () => {
  await seal(folder, make);
  const broken = seal(folder, async (temporary) => {
    await make(temporary);
    throw new Error('no network');
  });
  await expect(broken).rejects.toThrow('no network');
  expect(await examine(folder)).toMatchObject({ whole: true });
  expect(readdirSync(cache)).toEqual(['tensorflow']);
});

it('sweeps what a killed set-up left, not what a running one makes', async () => {
  const dead = join(cache, '.making-tensorflow-99999999');
  const alive = join(cache, `.making-other-${process.ppid}`);
  mkdirSync(dead);
  mkdirSync(alive);
  await seal(folder, make);
  expect(existsSync(dead)).toBe(false);
  expect(existsSync(alive)).toBe(true);
});
