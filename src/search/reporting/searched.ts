/** What a search's folder tells: the facts, curves and page of its state. */
import type { Home } from '../../home.js';
import { amount } from '../counted.js';
import { type SearchState, trainingsOf } from '../state.js';
import type { Trajectory } from '../views.js';
import { curvePictures, keepCurves } from './curves.js';
import type { EnergyMeter } from './energy.js';
import type { Told } from './page.js';
import { repeatingCommand } from './record.js';
import { type Run, writeReport } from './run.js';

const SUBJECTS: Readonly<Record<Trajectory['complexity'], string>> = {
  multiplyAdds: 'multiply-adds',
  parameters: 'parameters',
  activationBytes: 'bytes of activations',
  latency: 'ms',
};

function toldOf(trajectory: Trajectory, configuration: SearchState['configuration']): Told {
  const { search, name, status, reason, complexity, target, dataset, method, base, seed } = trajectory;
  const { train, validation, test } = dataset.parts;
  const standings: Readonly<Record<Trajectory['status'], string | undefined>> = {
    running: 'The search goes on; this page is written anew after each round.',
    paused: 'The search is paused.',
    ended: undefined,
    failed: `The search failed: ${reason}.`,
    cancelled: 'The search was cancelled.',
  };
  const standing = standings[status];
  return {
    ...trajectory,
    title: name ?? `Search ${search}`,
    about: `The most accurate network of at most ${amount(target)} ${SUBJECTS[complexity]} for ${dataset.classes.length} classes: ${train} training, ${validation} validation and ${test} test videos. Search ${search}.`,
    ...(standing === undefined ? {} : { standing }),
    method: `${method}, from ${base}, seed ${seed}`,
    apart: 'No choice of the search saw the test videos.',
    again: 'In this folder, the same search again:',
    configuration,
  };
}

/** Writes run.json, curves/ and report.html anew. `trajectory`: of the state; `picture`: it as SVG. */
export async function reportSearch(
  state: SearchState,
  trajectory: Trajectory,
  picture: string | undefined,
  home: Home,
  meter?: EnergyMeter,
): Promise<void> {
  const { id, configuration } = state;
  const folder = home.run(id);
  await keepCurves(folder, state, home);
  const run: Run = {
    id,
    facts: { search: id },
    status: trajectory.status,
    workers: [...new Set(trainingsOf(state).flatMap(({ worker }) => worker ?? []))].sort(),
    command: repeatingCommand(configuration),
    told: toldOf(trajectory, configuration),
    ...(picture === undefined ? {} : { picture }),
    curves: (read) => curvePictures(folder, state, home, read),
  };
  await writeReport(run, home, meter);
}
