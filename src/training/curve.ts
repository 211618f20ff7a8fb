/** A training's curve: `curve.jsonl` in its folder, a line for each point, written whole each time. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Compile } from 'typebox/compile';
import { writeWhole } from '../files.js';
import { damagedFile, isAsWritten } from '../sums.js';
import { CurvePoint } from './training.js';

export const curveFile = (folder: string) => join(folder, 'curve.jsonl');

const curvePoint = Compile(CurvePoint);

/** The point that a line says; none where it is damaged. */
function pointIn(line: string): CurvePoint[] {
  try {
    const point: unknown = JSON.parse(line);
    return curvePoint.Check(point) ? [point] : [];
  } catch {
    return [];
  }
}

/** The points so far; none where there is no curve. Throws X3dError environment where it is not as it was written. */
export async function readCurve(folder: string): Promise<CurvePoint[]> {
  const file = curveFile(folder);
  const bytes = await readFile(file).catch(() => undefined);
  if (!bytes) return [];
  if (!(await isAsWritten(file, bytes))) throw damagedFile(file);
  return bytes.toString().split('\n').flatMap(pointIn);
}

export const writeCurve = (folder: string, curve: readonly CurvePoint[]): Promise<void> =>
  writeWhole(curveFile(folder), curve.map((point) => `${JSON.stringify(point)}\n`).join(''));
