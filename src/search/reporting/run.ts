/** The facts of a run (run.json), its curves, and its page: what its folder has beside the trajectory. */
import { join } from 'node:path';
import { X3dError } from '../../errors.js';
import { jsonText } from '../../files.js';
import { type Home, REPORT } from '../../home.js';
import { readWritten, writeSummed } from '../../sums.js';
import { mistakesIn, readPredictions } from '../../training/predictions.js';
import { type EvaluationName, type TrainingResult, trainingResult } from '../../training/training.js';
import { confusionSpecification } from '../charts/confusion.js';
import { svgOf } from '../drawing.js';
import { type SearchState, trainingsOf } from '../state.js';
import type { Trajectory } from '../views.js';
import { curvePictures, keepCurves, type Reading } from './curves.js';
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
      curves: await curvePictures(run, state, home, read),
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
