/**
 * Checkpoints of one training: files `checkpoint-<step>.<checksum>.bin` in its folder. A file is a line of JSON (the
 * step, the position of everything that is not a weight, the lengths of the vectors) and then the vectors' bytes.
 * It is written to another name, synced and renamed, so that it is there whole or not at all; the checksum in its
 * name is of all its bytes, so that a damaged one is known and the one before is taken.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../files.js';
import type { EngineState } from './engine/engine.js';
import { VECTORS } from './engine/parameters.js';
import type { CurvePoint } from './training.js';

/** What some steps came to. */
export interface Sums {
  readonly steps: number;
  readonly clips: number;
  readonly loss: number;
  readonly correct: number;
}

/** What a training needs besides the engine's vectors to go on as if it had never stopped. */
export interface Position {
  /** Steps done. */
  readonly step: number;
  /** Since the last point of the curve. */
  readonly sums: Sums;
  /** Running mean of the loss, and what early stopping has seen of it. */
  readonly meanLoss: number | undefined;
  readonly lowestLoss: number | undefined;
  readonly lowestAt: number;
}

export interface Checkpoint {
  readonly position: Position;
  /** The points up to it; earlier versions kept them in curve.jsonl alone. */
  readonly curve?: readonly CurvePoint[];
  readonly state: EngineState;
}

const NAME = /^checkpoint-(\d{9})\.([0-9a-f]{16})\.bin$/;
/** The newest and one to fall back to. */
const KEPT = 2;

const checksum = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
const bytesOf = (vector: Float32Array) => new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);

function encode({ position, curve, state }: Checkpoint): Buffer {
  const header = { position, curve, lengths: VECTORS.map((name) => state[name].length) };
  return Buffer.concat([
    Buffer.from(`${JSON.stringify(header)}\n`),
    ...VECTORS.map((name) => bytesOf(state[name])),
  ]);
}

function decode(bytes: Buffer): Checkpoint {
  const end = bytes.indexOf('\n');
  const header = JSON.parse(bytes.toString('utf8', 0, end)) as Pick<Checkpoint, 'position' | 'curve'> & {
    lengths: number[];
  };
  let offset = end + 1;
  const [parameters, momentum, statistics, average] = header.lengths.map((length) => {
    // Copied, since a Float32Array must start at a multiple of four bytes.
    const vector = new Float32Array(new Uint8Array(bytes.subarray(offset, offset + 4 * length)).buffer);
    offset += 4 * length;
    return vector;
  });
  if (!parameters || !momentum || !statistics || !average) throw new Error('a vector is missing');
  const { position, curve } = header;
  return { position, ...(curve ? { curve } : {}), state: { parameters, momentum, statistics, average } };
}

/** File names with their steps and checksums, newest first. */
async function list(folder: string) {
  const names = await readdir(folder).catch(() => []);
  return names
    .flatMap((name) => {
      const match = NAME.exec(name);
      return match ? [{ name, step: Number(match[1]), checksum: match[2] }] : [];
    })
    .sort((a, b) => b.step - a.step);
}

/** The step of a folder's newest checkpoint; -1 where it has none. */
export const newestStep = async (folder: string): Promise<number> => (await list(folder))[0]?.step ?? -1;

/** Writes a checkpoint, then removes all but the last two. */
export async function saveCheckpoint(folder: string, checkpoint: Checkpoint): Promise<void> {
  const bytes = encode(checkpoint);
  const step = String(checkpoint.position.step).padStart(9, '0');
  await writeWhole(join(folder, `checkpoint-${step}.${checksum(bytes)}.bin`), bytes);
  for (const { name } of (await list(folder)).slice(KEPT)) await rm(join(folder, name), { force: true });
}

/** The newest checkpoint that is whole, or undefined. Damaged ones are removed, so that they do not count as kept. */
export async function loadCheckpoint(folder: string): Promise<Checkpoint | undefined> {
  for (const entry of await list(folder)) {
    const bytes = await readFile(join(folder, entry.name)).catch(() => undefined);
    if (!bytes) continue;
    if (checksum(bytes) === entry.checksum) return decode(bytes);
    await rm(join(folder, entry.name), { force: true });
  }
  return undefined;
}

/** Once a training has its result, its checkpoints have served; also those whose writing was cut off. */
export async function removeCheckpoints(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (name.startsWith('checkpoint-')) await rm(join(folder, name), { force: true });
}
