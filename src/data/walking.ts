/**
 * Reads folders that anyone may have filled: each folder once, however many links lead to it, and no more of them than
 * a set of videos can have. What is no video by its name is only counted.
 */
import type { Dirent, Stats } from 'node:fs';
import { opendir, stat, statfs } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { BOUNDS, type Bounds } from '../bounds.js';
import { X3dError } from '../errors.js';
import type { NoVideo } from './dataset.js';

export type WalkBounds = Pick<Bounds, 'entries' | 'depth' | 'walkSeconds'>;

export interface WalkOptions {
  /** Ends it, with the signal's reason as error. */
  readonly signal?: AbortSignal | undefined;
  readonly bounds?: WalkBounds | undefined;
}

/** Kinds of files by the ends of their names; FFmpeg would make frames of some of them. */
const NO_VIDEO: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'a still picture':
      'jpg jpeg jpe jfif png bmp webp tif tiff heic heif avif ico svg psd tga jp2 exr hdr dng cr2 nef arw raw',
    sound: 'mp3 wav flac aac m4a m4b oga opus wma aiff aif amr ac3 mka mid midi',
    'a playlist': 'm3u m3u8 mpd pls asx xspf wpl ffconcat concat sdp strm cue',
    'an unfinished download':
      'part partial crdownload download opdownload filepart aria2 ytdl tmp temp !ut !qb bc!',
    'text or data':
      'txt csv tsv json jsonl xml yaml yml md html htm pdf rtf doc docx xls xlsx srt vtt ass ssa sub idx nfo log ini npy npz pkl mat h5 hdf5 parquet db sqlite zip tar gz tgz bz2 xz 7z rar py sh js m ipynb sha256 md5',
  }).flatMap(([reason, endings]) => endings.split(' ').map((ending) => [`.${ending}`, reason] as const)),
);
const FRAGMENT = /\.part-frag\d+$/i;

/** What operating systems and file servers leave among videos; names with a dot before them are passed over too. */
const SYSTEM_FILES = new Set(['thumbs.db', 'ehthumbs.db', 'desktop.ini', 'icon\r']);
const SYSTEM_FOLDERS = new Set([
  '__macosx',
  '@eadir',
  '#recycle',
  '$recycle.bin',
  'recycler',
  'system volume information',
  'lost+found',
]);

/** File systems without files: proc, sysfs, cgroup, cgroup2, debugfs, tracefs, securityfs, devpts, bpf. */
const UNREAL = new Set([
  0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x64626720, 0x74726163, 0x73636673, 0x1cd1, 0xcafe4a11,
]);

export interface Listing {
  /** Names of folders, and of links to folders, sorted. */
  readonly folders: readonly string[];
  readonly linked: readonly string[];
  /** Names of files that may be videos. */
  readonly files: readonly string[];
  /** Names of all files, also of those that are no videos. */
  readonly all: readonly string[];
}

export interface Walk {
  /** One folder. Throws X3dError (data), or the signal's reason. */
  readonly list: (folder: string) => Promise<Listing>;
  /** The paths of the files below each of some folders. A folder's files are of the first that leads to it. */
  readonly filesBelow: (folders: readonly string[]) => Promise<string[][]>;
  readonly noVideo: () => NoVideo[];
}

function reasonAgainst(name: string): string | undefined {
  if (SYSTEM_FILES.has(name.toLowerCase()) || name.startsWith('~$')) return 'a file of the operating system';
  if (FRAGMENT.test(name)) return 'an unfinished download';
  return NO_VIDEO.get(extname(name).toLowerCase());
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error);

const unreadable = (folder: string, cause: unknown): X3dError => {
  const code = codeOf(cause);
  return new X3dError(
    'data',
    {
      subject: folder,
      expected: 'a folder that can be read',
      got: code === 'ENOENT' ? 'no such folder' : code === 'ENOTDIR' ? 'a file' : code,
      remedy: 'Check the path, and that this user may read it.',
    },
    { cause },
  );
};

const identity = ({ dev, ino }: Stats): string => `${dev}:${ino}`;

export function startWalk(root: string, { signal, bounds = BOUNDS }: WalkOptions = {}): Walk {
  const latest = performance.now() + 1000 * bounds.walkSeconds;
  const counted = new Map<string, { files: number; first: string }>();
  const known = new Map<string, Listing>();
  let entries = 0;

  const count = (reason: string, path: string) => {
    const own = counted.get(reason);
    if (own) own.files += 1;
    else counted.set(reason, { files: 1, first: path });
  };
  const tooMuch = (bound: string) =>
    new X3dError('data', {
      subject: root,
      expected: `a folder of videos with ${bound} below it`,
      got: 'more',
      remedy: 'Give the folder that holds the videos alone.',
    });
  /** What an entry is; links are followed. */
  const kindOf = async (folder: string, entry: Dirent): Promise<'folder' | 'link' | 'file' | 'neither'> => {
    if (entry.isDirectory()) return 'folder';
    if (entry.isFile()) return 'file';
    if (!entry.isSymbolicLink()) return 'neither';
    const target = await stat(join(folder, entry.name)).catch(() => undefined);
    if (target?.isDirectory()) return 'link';
    // One that leads nowhere is a file that is missing.
    return !target || target.isFile() ? 'file' : 'neither';
  };

  async function read(folder: string): Promise<Listing> {
    const folders: string[] = [];
    const linked: string[] = [];
    const files: string[] = [];
    const all: string[] = [];
    try {
      for await (const entry of await opendir(folder)) {
        signal?.throwIfAborted();
        if (++entries > bounds.entries) throw tooMuch(`at most ${bounds.entries} files and folders`);
        if (performance.now() > latest) throw tooMuch(`what can be listed in ${bounds.walkSeconds} s`);
        const { name } = entry;
        if (name.startsWith('.')) continue;
        const kind = await kindOf(folder, entry);
        if (kind === 'neither') count('a device or a pipe', join(folder, name));
        else if (kind !== 'file') {
          if (!SYSTEM_FOLDERS.has(name.toLowerCase())) (kind === 'link' ? linked : folders).push(name);
        } else {
          all.push(name);
          const reason = reasonAgainst(name);
          if (reason === undefined) files.push(name);
          else count(reason, join(folder, name));
        }
      }
    } catch (error) {
      if (error instanceof X3dError || signal?.aborted) throw error;
      throw unreadable(folder, error);
    }
    for (const names of [folders, linked, files, all]) names.sort();
    return { folders, linked, files, all };
  }

  async function list(folder: string): Promise<Listing> {
    const listing = known.get(folder) ?? (await read(folder));
    known.set(folder, listing);
    return listing;
  }

  async function filesBelow(folders: readonly string[]): Promise<string[][]> {
    const top = await stat(root).catch((error) => {
      throw unreadable(root, error);
    });
    const system = await statfs(root);
    if (UNREAL.has(system.type))
      throw new X3dError('data', {
        subject: root,
        expected: 'a folder of files',
        got: 'one of the operating system',
      });
    const seen = new Set([identity(top)]);
    const found = folders.map((): string[] => []);
    /** Not seen yet, and of a file system that has files. */
    const isNew = async (folder: string): Promise<boolean> => {
      const facts = await stat(folder).catch(() => undefined);
      if (!facts || seen.has(identity(facts))) return false;
      seen.add(identity(facts));
      if (facts.dev === top.dev) return true;
      const mounted = await statfs(folder).catch(() => undefined);
      if (!mounted || !UNREAL.has(mounted.type)) return true;
      count('a folder of the operating system', folder);
      return false;
    };
    /** Of these folders the real ones at once, so that none of them is taken for a link's. */
    const open: { readonly folder: string; readonly owner: number; readonly depth: number }[] = [];
    const links: typeof open = [];
    for (const [owner, folder] of folders.entries())
      if (await isNew(folder)) open.push({ folder, owner, depth: 0 });
    for (let at = 0; ; ) {
      const next = at < open.length ? open[at++] : links.shift();
      if (!next) return found;
      const { folder, owner, depth } = next;
      if (depth > bounds.depth) throw tooMuch(`at most ${bounds.depth} folders inside each other`);
      const listing = await list(folder);
      known.delete(folder);
      for (const name of listing.files) found[owner]?.push(join(folder, name));
      for (const name of listing.folders) {
        const below = join(folder, name);
        if (await isNew(below)) open.push({ folder: below, owner, depth: depth + 1 });
      }
      for (const name of listing.linked) links.push({ folder: join(folder, name), owner, depth: depth + 1 });
      while (at === open.length && links[0] && !(await isNew(links[0].folder))) links.shift();
    }
  }

  return {
    list,
    filesBelow,
    noVideo: () =>
      [...counted].map(([reason, { files, first }]) => ({
        reason,
        files,
        first: first.slice(root.length + 1) || basename(first),
      })),
  };
}
