/** A training's curve: `curve.jsonl` in its folder, a line for each point, written whole each time. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../files.js';
import type { CurvePoint } from './training.js';

const fileIn = (folder: string) => join(folder, 'curve.jsonl');

/** The points so far; none where there is no curve. */
export async function readCurve(folder: string): Promise<CurvePoint[]> {
  const text = await readFile(fileIn(folder), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as CurvePoint);
}

export const writeCurve = (folder: string, curve: readonly CurvePoint[]): Promise<void> =>
  writeWhole(fileIn(folder), curve.map((point) => `${JSON.stringify(point)}\n`).join(''));
