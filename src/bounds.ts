/**
 * What is taken of others' files and requests, at most: all of these numbers stand here, and whoever meets one says it.
 * They bound one file, or one request; how many of those there are at once is bounded where they are taken.
 */
export interface Bounds {
  /** Pixels, however they are arranged: 8K. A file of a few kilobytes can ask for frames that take gigabytes. */
  readonly frame: { readonly width: number; readonly height: number };
  /** Of one video: five and a half hours at 25 per second. */
  readonly frames: number;
  /** For one video to be decoded from start to end: what takes longer is no clip. */
  readonly decodeSeconds: number;
  /** Of the memory of a process that decodes one video after the other: 8K with as many references as that allows. */
  readonly decodeBytes: number;
  /** Files and folders below one root; they are all held in memory. */
  readonly entries: number;
  /** Folders inside each other. */
  readonly depth: number;
  readonly walkSeconds: number;
  /** For a set of videos to be walked, matched and looked at for a request, and of the memory of the process that does it. */
  readonly readingSeconds: number;
  readonly readingBytes: number;
  /** For one video to be predicted on or shown while somebody waits, and of the memory of the process that does it. */
  readonly viewingSeconds: number;
  readonly viewingBytes: number;
  /** Of a video that is sent. */
  readonly uploadBytes: number;
}

const GIB = 2 ** 30;

export const BOUNDS: Bounds = {
  frame: { width: 8192, height: 4352 },
  frames: 500_000,
  decodeSeconds: 900,
  decodeBytes: 2 * GIB,
  entries: 1_000_000,
  depth: 40,
  walkSeconds: 1800,
  readingSeconds: 24 * 3600,
  readingBytes: 4 * GIB,
  viewingSeconds: 120,
  viewingBytes: 4 * GIB,
  uploadBytes: 200 * 2 ** 20,
};
