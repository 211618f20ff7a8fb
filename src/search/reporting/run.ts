/** The facts of a run (run.json), its curves, and its page: what its folder has beside the trajectory. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { X3dError } from '../../errors.js';
import { jsonText } from '../../files.js';
import { type Home, REPORT } from '../../home.js';
import { isAsWritten, readWritten, writeSummed } from '../../sums.js';
import { curveFile, readCurve } from '../../training/curve.js';
import { mistakesIn, readPredictions } from '../../training/predictions.js';
import {
  type CurvePoint,
  type EvaluationName,
  type TrainingResult,
  trainingResult,
} from '../../training/training.js';
import { confusionSpecification } from '../charts/confusion.js';
import { type Curve, curvesSpecification } from '../charts/curves.js';
import { svgOf } from '../drawing.js';
import { candidatesIn, moveOf, type SearchState, type TrainingState, trainingsOf } from '../state.js';
import type { Trajectory } from '../views.js';
import type { EnergyMeter } from './energy.js';
import { environment } from './environment.js';
import { type Reported, reportPage } from './page.js';
import { readRecordedData, repeatingCommand } from './record.js';
import { stripsOf } from './strips.js';

export interface RunFacts extends ReturnType<typeof environment> {
  readonly search: string;
  readonly status: Trajectory['status'];
  readonly createdAt: string;
  readonly endedAt?: string;
  /** Those that trained something. */
  readonly workers: readonly string[];
  /** Of this machine's processors while the search ran, whatever else ran on them; where it can be read. */
  readonly energy?: { readonly joules: number };
  /** To be given in the folder. */
  readonly command: string;
}

const workersIn = (state: SearchState): string[] =>
  [...new Set(trainingsOf(state).flatMap(({ worker }) => worker ?? []))].sort();

/** Joules of each search when this process last looked. */
const looked = new Map<string, number>();

/** `before`: what was counted then, by this process or another; what has passed since this one last looked is added. */
function energyOf(before: number | undefined, search: string, meter: EnergyMeter | undefined) {
  const joules = meter?.joules();
  if (joules === undefined) return before === undefined ? {} : { energy: { joules: before } };
  const since = looked.get(search) ?? joules;
  looked.set(search, joules);
  return { energy: { joules: (before ?? 0) + joules - since } };
}

interface Reading {
  /** Undefined where it is damaged. */
  readonly read: <Read>(reading: Promise<Read>) => Promise<Read | undefined>;
  /** What was, in words. */
  readonly damaged: readonly string[];
}

/** Reads what the page shows; what is damaged is named there, and not shown. */
function openReading(): Reading {
  const damaged: string[] = [];
  const read: Reading['read'] = (reading) =>
    reading.catch((error: unknown) => {
      if (!(error instanceof X3dError)) throw error;
      damaged.push(error.message);
      return undefined;
    });
  return { damaged, read };
}

/** Copies what is not there as it was written: a curve is whole once its training has ended. */
async function keepCurves(run: string, state: SearchState, home: Home): Promise<void> {
  const folder = join(run, 'curves');
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
function thinned(points: readonly CurvePoint[]): CurvePoint[] {
  const every = Math.max(1, Math.ceil(points.length / MOST_POINTS));
  return points.filter(({ validation }, index) => validation || index % every === 0);
}

/** A picture of each round's curves, and of those of the network found, by their titles. */
async function curvePictures(
  state: SearchState,
  home: Home,
  read: Reading['read'],
): Promise<Reported['pictures']['curves']> {
  const curvesOf = (name: string, trainings: readonly TrainingState[]): Promise<Curve[]> =>
    Promise.all(
      trainings.map(async ({ id }, index) => ({
        name: index === 0 ? name : `${name} ${index + 1}`,
        points: thinned((await read(readCurve(home.candidate(id)))) ?? []),
      })),
    );
  const pictures: { title: string; svg: string }[] = [];
  const draw = async (title: string, curves: readonly Curve[]) => {
    const specification = curvesSpecification(curves, 'loss');
    if (specification) pictures.push({ title, svg: await svgOf(specification) });
  };
  for (const round of state.rounds) {
    const curves = await Promise.all(
      candidatesIn(state, round).map((candidate) => curvesOf(moveOf(candidate), candidate.trainings)),
    );
    await draw(round.step === 'recipe' ? 'Recipes' : `Round ${round.round}`, curves.flat());
  }
  await draw('The network found', await curvesOf('trained in full', state.final?.trainings ?? []));
  return pictures;
}

/** Of the network found: on test videos, or else on those that chose it. */
async function testOf(run: string): Promise<Reported['tested']> {
  const value = await readWritten(join(run, 'network', 'evaluation.json'));
  if (!trainingResult.Check(value)) return undefined;
  const { evaluations }: TrainingResult = value;
  const name = (['test', 'validation'] as const satisfies EvaluationName[]).find((one) => evaluations[one]);
  const evaluation = name && evaluations[name];
  return evaluation && { name, evaluation };
}

/** Mistakes whose frames are shown. */
const MOST_MISTAKES = 12;

/** Writes run.json, curves/ and report.html anew. `trajectory`: of the state; `picture`: it as SVG. */
export async function writeReport(
  state: SearchState,
  trajectory: Trajectory,
  picture: string | undefined,
  home: Home,
  meter?: EnergyMeter,
): Promise<void> {
  const run = home.run(state.id);
  const { configuration } = state;
  const { status, createdAt, endedAt } = trajectory;
  const { damaged, read } = openReading();
  const before = (await read(readWritten(join(run, REPORT.facts)))) as Partial<RunFacts> | undefined;
  const facts: RunFacts = {
    search: state.id,
    status,
    createdAt,
    ...(endedAt === undefined ? {} : { endedAt }),
    workers: workersIn(state),
    ...energyOf(before?.energy?.joules, state.id, meter),
    ...environment(),
    command: repeatingCommand(configuration),
  };
  await writeSummed(run, { [REPORT.facts]: jsonText(facts) });
  await keepCurves(run, state, home);
  const data = await read(readRecordedData(run));
  const tested = await read(testOf(run));
  const said = (await read(readPredictions(join(run, 'network')))) ?? [];
  const wrong = mistakesIn(said.filter(({ evaluation }) => evaluation === tested?.name));
  const mistakes = wrong.slice(0, MOST_MISTAKES);
  const strips = data
    ? await stripsOf(
        mistakes.map(({ video }) => video),
        data,
        run,
        home.cache,
      )
    : new Map<string, Buffer>();
  const { classes } = state.dataset;
  const confusion = tested && (await svgOf(confusionSpecification(classes, tested.evaluation.confusion)));
  const page = reportPage({
    trajectory,
    configuration,
    facts,
    data,
    pictures: {
      ...(picture === undefined ? {} : { trajectory: picture }),
      curves: await curvePictures(state, home, read),
      ...(confusion === undefined ? {} : { confusion }),
    },
    tested,
    mistakes,
    mistaken: wrong.length,
    strips,
    damaged,
  });
  await writeSummed(run, { [REPORT.page]: page });
}
