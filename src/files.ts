import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { X3dError } from './errors.js';

/** To open what may be a pipe to which nobody writes, or a device, without waiting for it. */
export const AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK;

const kindOf = (found: Stats): string =>
  found.isFIFO() ? 'a pipe' : found.isSocket() ? 'a socket' : found.isDirectory() ? 'a folder' : 'a device';

/** What a path leads to, in words; undefined for a file that has a content and an end. */
export const notRegular = (found: Stats): string | undefined => (found.isFile() ? undefined : kindOf(found));

/**
 * Opens a file that someone named. Throws as open(2), and X3dError data where it is not a regular file: a pipe or a device
 * may never come to an end.
 */
export async function openRegular(path: string): Promise<FileHandle> {
  const refuse = (got: string, cause?: unknown) =>
    new X3dError(
      'data',
      {
        subject: path,
        expected: 'a regular file',
        got,
        remedy: 'Save what it gives in a file, and name that.',
      },
      { cause },
    );
  const file = await open(path, AT_ONCE).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENXIO' ? refuse('a socket', error) : error;
  });
  const got = notRegular(await file.stat());
  if (got === undefined || got === 'a folder') return file;
  await file.close();
  throw refuse(got);
}

/** The content of a file that someone named. Throws as `openRegular`, and X3dError data where it has more bytes. */
export async function readRegular(path: string, mostBytes: number): Promise<Buffer> {
  const file = await openRegular(path);
  try {
    const found = await file.stat();
    const { size } = found;
    if (found.isFile() && size > mostBytes)
      throw new X3dError('data', {
        subject: path,
        expected: `a file of at most ${mostBytes} bytes`,
        got: `${size} bytes`,
      });
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/**
 * Writes a file, and the folders above it, so that it is there whole or not at all, even if the machine stops. `mode` as
 * open(2) takes it.
 */
export async function writeWhole(path: string, content: string | Uint8Array, mode = 0o666): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  await mkdir(dirname(path), { recursive: true });
  try {
    const file = await open(temporary, 'w', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** JSON that people read too. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** Writes a value as JSON, whole or not at all. */
export const writeJson = (path: string, value: unknown, mode?: number): Promise<void> =>
  writeWhole(path, jsonText(value), mode);
