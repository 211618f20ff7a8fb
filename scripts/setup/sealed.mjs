/**
 * Folders of the cache that are whole or not there. One is made under a temporary name, sealed with a list of its
 * files and their checksums, and renamed; later looks compare sizes and times, and checksums where those differ.
 */
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';

const SEAL = 'seal.json';

async function sha256(path) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .filter((path) => path !== SEAL)
    .sort();
}

/** {whole: true, bytes} or {whole: false, why} of a folder; `why` is undefined where there is none. */
export async function examine(folder) {
  const sealPath = join(folder, SEAL);
  if (!existsSync(sealPath)) return { whole: false, why: existsSync(folder) ? 'it has no seal' : undefined };
  let seal;
  try {
    seal = JSON.parse(readFileSync(sealPath, 'utf8'));
  } catch {
    return { whole: false, why: 'its seal is damaged' };
  }
  let touched = false;
  for (const [path, file] of Object.entries(seal)) {
    const found = statSync(join(folder, path), { throwIfNoEntry: false });
    if (found === undefined) return { whole: false, why: `${path} is missing` };
    if (found.size !== file.bytes)
      return { whole: false, why: `${path} has ${found.size} bytes instead of ${file.bytes}` };
    if (found.mtimeMs !== file.modified) {
      if ((await sha256(join(folder, path))) !== file.sha256)
        return { whole: false, why: `${path} does not have its checksum` };
      file.modified = found.mtimeMs;
      touched = true;
    }
  }
  if (touched) writeFileSync(sealPath, JSON.stringify(seal, undefined, 1));
  return { whole: true, bytes: Object.values(seal).reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Leftovers of set-ups that were killed. */
function sweep(parent) {
  for (const name of readdirSync(parent)) {
    const pid = /^\.(?:making|broken)-.*-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && Number(pid) !== process.pid && !existsSync(`/proc/${pid}`)) {
      rmSync(join(parent, name), { recursive: true, force: true });
    }
  }
}

/** Fills a fresh folder by `make(temporary)`, seals it and puts it in place of what was there. */
export async function seal(folder, make) {
  const parent = dirname(folder);
  mkdirSync(parent, { recursive: true });
  sweep(parent);
  const temporary = join(parent, `.making-${basename(folder)}-${process.pid}`);
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary);
  try {
    await make(temporary);
    const files = {};
    for (const path of filesOf(temporary)) {
      const { size, mtimeMs } = statSync(join(temporary, path));
      files[path] = { bytes: size, modified: mtimeMs, sha256: await sha256(join(temporary, path)) };
    }
    writeFileSync(join(temporary, SEAL), JSON.stringify(files, undefined, 1));
    // Another checkout's set-up may have made the same meanwhile: theirs is as good.
    if ((await examine(folder)).whole) return;
    // Moved aside rather than emptied, since processes may have its libraries open.
    const broken = join(parent, `.broken-${basename(folder)}-${process.pid}`);
    if (existsSync(folder)) renameSync(folder, broken);
    renameSync(temporary, folder);
    rmSync(broken, { recursive: true, force: true });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
