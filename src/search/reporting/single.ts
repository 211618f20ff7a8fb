/** A training without a search as people and programs read it: its run's folder, and where it stands. */
import { readdir, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import Type, { type Static } from 'typebox';
import { X3dError } from '../../errors.js';
import type { Home } from '../../home.js';
import { isAlive } from '../../machine.js';
import { FactorsSchema } from '../../network/schema.js';
import { writeSummed } from '../../sums.js';
import { readCurve } from '../../training/curve.js';
import {
  finishedSingle,
  isSingleId,
  readSingleRun,
  type SingleRun,
  trainingFolder,
} from '../../training/single.js';
import { Outcome, outcomeOf } from '../../training/training.js';
import { curvesSpecification } from '../charts/curves.js';
import { summaryOf } from '../creation.js';
import { svgOf } from '../drawing.js';
import { CandidateCost } from '../events.js';
import { Status } from '../views.js';
import { costOf, trainingMultiplyAdds } from '../work.js';
import { type Reading, thinned } from './curves.js';
import type { EnergyMeter } from './energy.js';
import type { Reported, Told } from './page.js';
import { readRecordedData } from './record.js';
import { type RunFacts, readFacts, writeReport } from './run.js';

/** Who trains, in run.json while it goes on. */
interface Trainer {
  readonly host: string;
  readonly pid: number;
}

interface SingleFacts extends Partial<RunFacts> {
  readonly trainer?: Trainer;
}

/** Where run.json is damaged, it is written anew with what is known. */
const factsIn = (folder: string): Promise<SingleFacts | undefined> =>
  readFacts(folder).catch(() => undefined);

export const SingleView = Type.Object(
  {
    id: Type.String(),
    status: Status,
    createdAt: Type.String(),
    endedAt: Type.Optional(Type.String()),
    path: Type.String({ description: 'Of the videos.' }),
    startedFrom: Type.Optional(Type.String({ description: 'Whose weights it started from.' })),
    factors: FactorsSchema,
    cost: CandidateCost,
    step: Type.Integer({ minimum: 0, description: 'How far it is.' }),
    steps: Type.Integer({ minimum: 0 }),
    result: Type.Optional(Outcome),
  },
  { title: 'Single', description: 'One network that `train` trains without a search, and where it stands.' },
);
export type SingleView = Static<typeof SingleView>;

/** Whether the process that trains is there; one on another machine is believed to be. */
const isAtWork = ({ host, pid }: Trainer): boolean => host !== hostname() || isAlive(pid);

/** Of a run that ended or stands still, or whose process was killed. */
function standing(
  status: SingleView['status'] | undefined,
  trainer: Trainer | undefined,
): SingleView['status'] {
  if (trainer && isAtWork(trainer)) return 'running';
  return status === 'failed' ? 'failed' : 'paused';
}

/** Where a run of `train` stands. Throws X3dError: not-found where there is none, data or environment for what is damaged. */
export async function singleView(home: Home, id: string): Promise<SingleView> {
  const run = await readSingleRun(home, id);
  const { base, factors, recipe, data } = run.work;
  const folder = home.run(id);
  const facts = await factsIn(folder);
  const finished = await finishedSingle(home, run);
  const step = finished?.steps ?? (await readCurve(trainingFolder(home, run))).at(-1)?.step ?? 0;
  const { createdAt = (await stat(folder)).birthtime.toISOString(), endedAt } = facts ?? {};
  return {
    id,
    status: finished ? 'ended' : standing(facts?.status, facts?.trainer),
    createdAt,
    ...(finished && endedAt !== undefined ? { endedAt } : {}),
    path: data.path,
    ...(run.startedFrom === undefined ? {} : { startedFrom: run.startedFrom }),
    factors,
    cost: costOf(base, factors),
    step,
    steps: finished?.steps ?? recipe.steps,
    ...(finished ? { result: outcomeOf(finished) } : {}),
  };
}

/** The runs of `train` in a home, the newest first. A damaged one is left out: `status ID` says what is wrong with it. */
export async function singleViews(home: Home): Promise<SingleView[]> {
  const names = await readdir(dirname(home.run('any'))).catch(() => []);
  const views = await Promise.all(
    names.filter(isSingleId).map((id) =>
      singleView(home, id).catch((error: unknown) => {
        if (error instanceof X3dError) return undefined;
        throw error;
      }),
    ),
  );
  return views
    .filter((view) => view !== undefined)
    .sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
}

/** How a training stands, as its page says it. */
export type Standing =
  | { readonly kind: 'running' | 'paused' | 'ended' }
  | { readonly kind: 'failed'; readonly reason: string };

const STANDINGS = {
  running: 'The training goes on; this page is written anew at its end.',
  paused: 'The training was stopped; `x3d-search train --resume` goes on with it.',
  ended: undefined,
} as const;

async function toldOf(home: Home, run: SingleRun, now: Standing): Promise<Told | undefined> {
  const { work, startedFrom } = run;
  const data = await readRecordedData(home.run(run.run));
  if (!data) return undefined;
  const dataset = summaryOf(data);
  const result = await finishedSingle(home, run);
  const cost = costOf(work.base, work.factors);
  const { train, validation, test } = dataset.parts;
  const known = await factsIn(home.run(run.run));
  const at = new Date().toISOString();
  const said = now.kind === 'failed' ? `The training failed: ${now.reason}.` : STANDINGS[now.kind];
  return {
    title: `Training ${run.run}`,
    about: `One network for ${dataset.classes.length} classes, trained without a search: ${train} training, ${validation} validation and ${test} test videos.`,
    ...(said === undefined ? {} : { standing: said }),
    method: `${work.recipe.steps} steps, seed ${work.seed}`,
    apart: 'The training saw neither the validation nor the test videos.',
    again: run.given
      ? `In ${run.given.folder}, the same training again:`
      : 'With the home that this folder is in, the same again:',
    createdAt: known?.createdAt ?? at,
    ...(now.kind === 'ended' ? { endedAt: known?.endedAt ?? at } : {}),
    complexity: 'multiplyAdds',
    dataset,
    spending: {
      trainings: 1,
      multiplyAdds: trainingMultiplyAdds(work, cost),
      hours: (result?.seconds ?? 0) / 3600,
    },
    rounds: [],
    final: { factors: work.factors, cost, ...(result ? { outcome: outcomeOf(result) } : {}) },
    notes: startedFrom === undefined ? [] : [`It started from the weights of ${startedFrom}.`],
    configuration: work,
  };
}

/** The picture of its curve, which the folder has beside the page. */
async function curveOf(
  home: Home,
  run: SingleRun,
  { kind }: Standing,
  read: Reading['read'],
): Promise<Reported['pictures']['curves']> {
  const folder = home.run(run.run);
  const points = await read(
    readCurve(kind === 'ended' ? join(folder, 'network') : trainingFolder(home, run)),
  );
  const specification = points && curvesSpecification([{ name: run.run, points: thinned(points) }], 'loss');
  if (!specification) return [];
  const svg = await svgOf(specification);
  await writeSummed(folder, { 'loss.svg': svg });
  return [{ title: 'The training', svg }];
}

/**
 * Writes run.json and report.html of a training's folder anew, as it stands. Throws X3dError environment where the list
 * of its videos is damaged.
 */
export async function reportSingle(
  home: Home,
  run: SingleRun,
  now: Standing,
  meter: EnergyMeter,
): Promise<void> {
  const told = await toldOf(home, run, now);
  // A run of an earlier version has no list of its videos.
  if (!told) return;
  const goesOn = now.kind === 'running';
  const host = hostname();
  const facts = {
    run: run.run,
    ...(goesOn ? { trainer: { host, pid: process.pid } satisfies Trainer } : {}),
  };
  await writeReport(
    {
      id: run.run,
      facts,
      status: now.kind,
      workers: [host],
      command: run.given?.command ?? `x3d-search train --resume ${run.run}`,
      told,
      curves: (read) => curveOf(home, run, now, read),
    },
    home,
    meter,
  );
}
