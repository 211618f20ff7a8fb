/**
 * The curves of a search in its run's folder: curves/<training>.jsonl, and a picture of each round's. A round that is over
 * seldom changes, so that its picture is drawn once, however long the search goes on.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Home } from '../../home.js';
import { isAsWritten, writeSummed } from '../../sums.js';
import { curveFile, readCurve } from '../../training/curve.js';
import type { CurvePoint } from '../../training/training.js';
import { type Curve, curvesSpecification } from '../charts/curves.js';
import { svgOf } from '../drawing.js';
import { candidatesIn, moveOf, type SearchState, type TrainingState, trainingsOf } from '../state.js';
import type { Reported } from './page.js';

const FOLDER = 'curves';

export interface Reading {
  /** Undefined where it is damaged. */
  readonly read: <Read>(reading: Promise<Read>) => Promise<Read | undefined>;
  /** What was, in words. */
  readonly damaged: readonly string[];
}

/** Copies what is not there as it was written: a curve is whole once its training has ended. */
export async function keepCurves(run: string, state: SearchState, home: Home): Promise<void> {
  const folder = join(run, FOLDER);
  const missing: Record<string, Uint8Array> = {};
  for (const { id, progress } of trainingsOf(state)) {
    const name = `${id}.jsonl`;
    const isKept = existsSync(join(folder, name)) && (await isAsWritten(join(folder, name)));
    if (progress.kind !== 'finished' || isKept) continue;
    const curve = curveFile(home.candidate(id));
    const content = await readFile(curve).catch(() => undefined);
    if (content && (await isAsWritten(curve, content))) missing[name] = content;
  }
  await writeSummed(folder, missing);
}

/** Points of a line: more are not seen, and a page of them would be large. */
const MOST_POINTS = 100;

/** Every n-th point, and all that have looked at validation videos. */
export function thinned(points: readonly CurvePoint[]): CurvePoint[] {
  const every = Math.max(1, Math.ceil(points.length / MOST_POINTS));
  return points.filter(({ validation }, index) => validation || index % every === 0);
}

/** A picture to be, named for its file. */
interface Asked {
  readonly file: string;
  readonly title: string;
  readonly lines: readonly { readonly name: string; readonly training: TrainingState }[];
}

const linesOf = (name: string, trainings: readonly TrainingState[]): Asked['lines'] =>
  trainings
    .map((training, index) => ({ name: index === 0 ? name : `${name} ${index + 1}`, training }))
    .filter(({ training }) => training.progress.kind === 'finished');

/** What a picture was drawn of stands at its end; a curve of a training that has finished does not change. */
const markOf = ({ lines }: Asked): string => `<!-- ${lines.map(({ training: { id } }) => id).join(' ')} -->`;

/** The picture as it was drawn before, or drawn now; undefined where there is nothing to draw. */
async function pictureOf(
  asked: Asked,
  run: string,
  home: Home,
  read: Reading['read'],
): Promise<string | undefined> {
  const { file, lines } = asked;
  if (lines.length === 0) return undefined;
  const folder = join(run, FOLDER);
  const path = join(folder, file);
  const kept = await readFile(path, 'utf8').catch(() => undefined);
  if (kept?.endsWith(markOf(asked)) && (await isAsWritten(path, kept))) return kept;
  const points = await Promise.all(lines.map(({ training: { id } }) => read(readCurve(home.candidate(id)))));
  const curves = lines.map(({ name }, index): Curve => ({ name, points: thinned(points[index] ?? []) }));
  const specification = curvesSpecification(curves, 'loss');
  if (!specification) return undefined;
  const picture = `${await svgOf(specification)}${markOf(asked)}`;
  // One that lacks a curve is drawn again: the curve may be back by then.
  if (points.every((one) => one !== undefined)) await writeSummed(folder, { [file]: picture });
  return picture;
}

/** A picture of each round's curves, and of those of the network found, with their titles. */
export async function curvePictures(
  run: string,
  state: SearchState,
  home: Home,
  read: Reading['read'],
): Promise<Reported['pictures']['curves']> {
  const asked: readonly Asked[] = [
    ...state.rounds.map((round) => ({
      file: `round-${round.round}.svg`,
      title: round.step === 'recipe' ? 'Recipes' : `Round ${round.round}`,
      lines: candidatesIn(state, round).flatMap((candidate) =>
        linesOf(moveOf(candidate), candidate.trainings),
      ),
    })),
    {
      file: 'network.svg',
      title: 'The network found',
      lines: linesOf('trained in full', state.final?.trainings ?? []),
    },
  ];
  const pictures: { title: string; svg: string }[] = [];
  for (const one of asked) {
    const svg = await pictureOf(one, run, home, read);
    if (svg !== undefined) pictures.push({ title: one.title, svg });
  }
  return pictures;
}
