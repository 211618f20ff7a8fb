/**
 * Checksums of a folder's files, in a file that `sha256sum -c` reads too: whether what is read back is what was written,
 * whatever a crash, a disk or a hand has done to it since.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { X3dError } from './errors.js';
import { writeWhole } from './files.js';

export const SUMS = 'SHA256SUMS';

async function sumOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** By file name; undefined where nothing was written down, or that is damaged itself. */
async function sumsIn(folder: string): Promise<ReadonlyMap<string, string> | undefined> {
  const text = await readFile(join(folder, SUMS), 'utf8').catch(() => '');
  const lines = text.split('\n').filter((line) => line !== '');
  const found = lines.map((line) => /^([0-9a-f]{64}) {2}([^/]+)$/.exec(line));
  if (found.length === 0 || found.includes(null)) return undefined;
  return new Map(found.flatMap((match) => (match ? [[match[2] as string, match[1] as string]] : [])));
}

/** Writes down the sums of some files of a folder; of all but what is half-written where none are named. */
export async function writeSums(folder: string, names?: readonly string[]): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  const own = entries
    .filter((entry) => entry.isFile() && entry.name !== SUMS && !entry.name.endsWith('.tmp'))
    .map(({ name }) => name)
    .filter((name) => names?.includes(name) ?? true)
    .sort();
  const lines = await Promise.all(own.map(async (name) => `${await sumOf(join(folder, name))}  ${name}\n`));
  await writeWhole(join(folder, SUMS), lines.join(''));
}

/** Whether a file is as it was written; true where nobody wrote down how that was. */
export async function isAsWritten(file: string): Promise<boolean> {
  const folder = dirname(file);
  const sums = await sumsIn(folder);
  if (!sums) return !existsSync(join(folder, SUMS));
  const wanted = sums.get(basename(file));
  return wanted === undefined || wanted === (await sumOf(file).catch(() => undefined));
}

/** Files of a folder that are gone or not as they were written; none where nobody wrote down how that was. */
export async function damagedIn(folder: string): Promise<readonly string[]> {
  const sums = await sumsIn(folder);
  if (!sums) return existsSync(join(folder, SUMS)) ? [SUMS] : [];
  const names = [...sums.keys()];
  const whole = await Promise.all(names.map((name) => isAsWritten(join(folder, name))));
  return names.filter((_, index) => !whole[index]);
}

/** Of a file that is not as it was written, or is gone. */
export const damagedFile = (file: string, remedy = 'Take it from a backup.'): X3dError =>
  new X3dError('environment', {
    subject: file,
    expected: `the file that was written (its sum is in ${SUMS})`,
    got: 'another one, or none: it is damaged',
    remedy,
  });

/**
 * A value that was written as JSON; undefined where there is none. Throws X3dError environment where it is not as it was
 * written. Its form is for the caller to look at: it may be an earlier version's.
 */
export async function readWritten(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
    return undefined;
  });
  if (text === undefined && (await isAsWritten(file))) return undefined;
  try {
    const value: unknown = JSON.parse(text ?? '');
    if (await isAsWritten(file)) return value;
  } catch {
    // As one of which the sum is another.
  }
  throw damagedFile(file);
}
