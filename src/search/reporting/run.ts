/** The facts of a run (run.json) and its page (report.html), of a search as of one training. */
import { join } from 'node:path';
import { X3dError } from '../../errors.js';
import { jsonText } from '../../files.js';
import { type Home, REPORT } from '../../home.js';
import { readWritten, writeSummed } from '../../sums.js';
import { mistakesIn, readPredictions } from '../../training/predictions.js';
import { type EvaluationName, type TrainingResult, trainingResult } from '../../training/training.js';
import { confusionSpecification } from '../charts/confusion.js';
import { svgOf } from '../drawing.js';
import type { Trajectory } from '../views.js';
import type { Reading } from './curves.js';
import type { EnergyMeter } from './energy.js';
import { environment } from './environment.js';
import { type Reported, reportPage, type Told } from './page.js';
import { readRecordedData } from './record.js';
import { stripsOf } from './strips.js';

export interface RunFacts extends ReturnType<typeof environment> {
  readonly status: Trajectory['status'];
  readonly createdAt: string;
  readonly endedAt?: string;
  /** Those that trained something. */
  readonly workers: readonly string[];
  /** Of this machine's processors while the run went on, whatever else ran on them; where it can be read. */
  readonly energy?: { readonly joules: number };
  /** That makes the same again: to be given in the folder, unless the page says where. */
  readonly command: string;
}

export interface Run extends Pick<RunFacts, 'status' | 'workers' | 'command'> {
  readonly id: string;
  /** What else run.json says: of a search, or of a training. */
  readonly facts: object;
  readonly told: Told;
  /** The trajectory as SVG. */
  readonly picture?: string;
  readonly curves: (read: Reading['read']) => Promise<Reported['pictures']['curves']>;
}

/** What run.json of a run's folder says; undefined where it has none. Throws X3dError environment where it is damaged. */
export const readFacts = async (folder: string): Promise<Partial<RunFacts> | undefined> =>
  (await readWritten(join(folder, REPORT.facts))) as Partial<RunFacts> | undefined;

/** Joules of each run when this process last looked. */
const looked = new Map<string, number>();

/** `before`: what was counted then, by this process or another; what has passed since this one last looked is added. */
function energyOf(before: number | undefined, id: string, meter: EnergyMeter | undefined) {
  const joules = meter?.joules();
  if (joules === undefined) return before === undefined ? {} : { energy: { joules: before } };
  const since = looked.get(id) ?? joules;
  looked.set(id, joules);
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

/** Writes run.json and report.html anew. */
export async function writeReport(
  { id, facts: own, told, picture, curves, ...rest }: Run,
  home: Home,
  meter?: EnergyMeter,
): Promise<void> {
  const run = home.run(id);
  const { createdAt, endedAt } = told;
  const { damaged, read } = openReading();
  const before = await read(readFacts(run));
  const facts: RunFacts = {
    ...own,
    ...rest,
    createdAt,
    ...(endedAt === undefined ? {} : { endedAt }),
    ...energyOf(before?.energy?.joules, id, meter),
    ...environment(),
  };
  await writeSummed(run, { [REPORT.facts]: jsonText(facts) });
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
  const { classes } = told.dataset;
  const confusion = tested && (await svgOf(confusionSpecification(classes, tested.evaluation.confusion)));
  const page = reportPage({
    told,
    facts,
    data,
    pictures: {
      ...(picture === undefined ? {} : { trajectory: picture }),
      curves: await curves(read),
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
