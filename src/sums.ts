/**
 * Checksums of a folder's files, in a file that `sha256sum -c` reads too: whether what is read back is what was written,
 * whatever a crash, a disk or a hand has done to it since.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { X3dError } from './errors.js';
import { openRegular, readRegular, writeWhole } from './files.js';

export const SUMS = 'SHA256SUMS';
/** Of what is read whole. */
const MOST_BYTES = 2 ** 30;

async function sumOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  const opened = await openRegular(file);
  await pipeline(opened.createReadStream(), hash);
  return hash.digest('hex');
}

const sumOfContent = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('hex');

/** Of files by their names. One that is just being written anew has two: it is as it was, or as it will be. */
type Sums = ReadonlyMap<string, readonly string[]>;

const sumsText = (folder: string): Promise<string> =>
  readRegular(join(folder, SUMS), MOST_BYTES).then(String, () => '');

/** Undefined where nothing was written down, or that is damaged itself. */
function sumsOfText(text: string): Sums | undefined {
  const lines = text.split('\n').filter((line) => line !== '');
  const sums = new Map<string, string[]>();
  for (const line of lines) {
    const [, sum, name] = /^([0-9a-f]{64}) {2}([^/]+)$/.exec(line) ?? [];
    if (sum === undefined || name === undefined) return undefined;
    sums.set(name, [...(sums.get(name) ?? []), sum]);
  }
  return sums.size === 0 ? undefined : sums;
}

const sumsIn = async (folder: string): Promise<Sums | undefined> => sumsOfText(await sumsText(folder));

async function keepSums(folder: string, sums: Sums): Promise<void> {
  const names = [...sums.keys()].sort();
  const lines = names.flatMap((name) => (sums.get(name) ?? []).map((sum) => `${sum}  ${name}\n`));
  await writeWhole(join(folder, SUMS), lines.join(''));
}

/** Of files of a folder as they lie there; of all but half-written ones where none are named. */
async function sumsOf(folder: string, names?: readonly string[]): Promise<Sums> {
  const entries = await readdir(folder, { withFileTypes: true });
  const own = entries
    .filter((entry) => entry.isFile() && entry.name !== SUMS && !entry.name.endsWith('.tmp'))
    .map(({ name }) => name)
    .filter((name) => names?.includes(name) ?? true);
  return new Map(
    await Promise.all(own.map(async (name) => [name, [await sumOf(join(folder, name))]] as const)),
  );
}

/** What is known of a folder's files before others of it are written; as they lie there where the sums are damaged. */
const sumsBefore = async (folder: string): Promise<Sums> =>
  (await sumsIn(folder)) ?? (existsSync(join(folder, SUMS)) ? await sumsOf(folder) : new Map());

/** Writes down the sums of some files of a folder beside the others'; of all but half-written ones where none are named. */
export async function writeSums(folder: string, names?: readonly string[]): Promise<void> {
  const before = names ? await sumsBefore(folder) : [];
  await keepSums(folder, new Map([...before, ...(await sumsOf(folder, names))]));
}

/**
 * Writes files of a folder, each whole, and their sums beside the others'. Whoever reads one meanwhile, or after a crash in
 * between, finds it as it was or as it is.
 */
export async function writeSummed(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  if (Object.keys(files).length === 0) return;
  const before = await sumsBefore(folder);
  const own = Object.entries(files).map(([name, content]) => [name, sumOfContent(content)] as const);
  const known = own.flatMap(([name, sum]) => {
    const earlier = before.get(name);
    return earlier && !earlier.includes(sum) ? [[name, [...earlier, sum]] as const] : [];
  });
  if (known.length > 0) await keepSums(folder, new Map([...before, ...known]));
  for (const [name, content] of Object.entries(files)) await writeWhole(join(folder, name), content);
  await keepSums(folder, new Map([...before, ...own.map(([name, sum]) => [name, [sum]] as const)]));
}

/** Whether a file, or the content that was read of it, is as it was written; true where nobody wrote down how that was. */
export async function isAsWritten(file: string, content?: string | Uint8Array): Promise<boolean> {
  const folder = dirname(file);
  for (let text = await sumsText(folder); ; ) {
    const sums = sumsOfText(text);
    if (!sums) return !existsSync(join(folder, SUMS));
    const wanted = sums.get(basename(file));
    if (wanted === undefined) return true;
    const own = content === undefined ? await sumOf(file).catch(() => '') : sumOfContent(content);
    if (wanted.includes(own)) return true;
    // Sums that were written anew meanwhile are of another writing.
    const now = await sumsText(folder);
    if (now === text) return false;
    text = now;
  }
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
  for (let seen: string | undefined; ; ) {
    const text = await readRegular(file, MOST_BYTES).then(String, (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
      return undefined;
    });
    if (text === undefined && (await isAsWritten(file))) return undefined;
    try {
      const value: unknown = JSON.parse(text ?? '');
      if (await isAsWritten(file, text)) return value;
    } catch {
      // As one of which the sum is another.
    }
    // One that was written anew since it was read is read again.
    if (text === seen) throw damagedFile(file);
    seen = text;
  }
}
