/**
 * The cache of decoded frames, bounded: what was used last is kept. A file's time of modification is when it was last
 * read, since systems differ in what else they note of that.
 */
import { futimesSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes of decoded frames that a home keeps unless it is told otherwise. */
export const CACHE_LIMIT = 100e9;
/** What was used more lately than this is not removed, whatever uses it. */
const LATELY_MS = 10 * 60_000;
/** A file that was begun so long ago and has no name yet is left from a process that was killed. */
const LEFT_MS = 24 * 3_600_000;
/** A use within this of the last is not noted again. */
const NOTED_MS = 60_000;

/** Notes that an open file is used, where it was last used at `usedMs`. Files of others, and on read-only disks, stay as they are. */
export function noteUse(descriptor: number, usedMs: number): void {
  const now = Date.now();
  if (now - usedMs < NOTED_MS) return;
  try {
    futimesSync(descriptor, now / 1000, now / 1000);
  } catch {
    // It counts as used when it was made.
  }
}

interface Kept {
  readonly path: string;
  readonly bytes: number;
  readonly usedMs: number;
}

const STATS_AT_ONCE = 64;

/** Files below a folder; those that go meanwhile are left out, and there are none where there is no such folder. */
export async function filesBelow(folder: string): Promise<Kept[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const found: Kept[] = [];
  for (let first = 0; first < paths.length; first += STATS_AT_ONCE)
    await Promise.all(
      paths.slice(first, first + STATS_AT_ONCE).map(async (path) => {
        const known = await stat(path).catch(() => undefined);
        // What it takes on the disk, holes left out.
        if (known) found.push({ path, bytes: 512 * known.blocks, usedMs: known.mtimeMs });
      }),
    );
  return found;
}

export interface Removed {
  readonly files: number;
  readonly bytes: number;
}

/**
 * Removes decoded frames, the least recently used first, until those that are left take at most `limit` bytes. What was
 * used since `inUseSince` (milliseconds) or in the last minutes stays, even beyond the limit. A reader that finds a file
 * gone decodes the video again.
 */
export async function boundCache(folder: string, limit: number, inUseSince: number): Promise<Removed> {
  const now = Date.now();
  const kept = (await filesBelow(folder)).filter(({ path }) => /\.(rgb|tmp)$/.test(path));
  const oldest = kept.sort((a, b) => a.usedMs - b.usedMs);
  const free = Math.min(inUseSince, now - LATELY_MS);
  let bytes = kept.reduce((sum, file) => sum + file.bytes, 0);
  const removed = { files: 0, bytes: 0 };
  for (const file of oldest) {
    const left = file.path.endsWith('.tmp') && file.usedMs < now - LEFT_MS;
    if (!left && (bytes <= limit || file.usedMs >= free || file.path.endsWith('.tmp'))) continue;
    await rm(file.path, { force: true });
    bytes -= file.bytes;
    removed.files += 1;
    removed.bytes += file.bytes;
  }
  return removed;
}
