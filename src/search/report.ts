/**
 * The run's folder of a search, as people look at it: trajectory.json, trajectory.svg, and beside the weights in
 * network/ how the network is built, how its input is made, and how it was evaluated.
 */
import { join } from 'node:path';
import { writeWhole } from '../files.js';
import type { Home } from '../home.js';
import { writeSums } from '../sums.js';
import { describeTrained } from '../training/keeping.js';
import { trajectorySpecification } from './chart.js';
import { svgOf } from './drawing.js';
import type { Final, SearchState } from './state.js';
import { trajectoryOf } from './trajectory.js';
import { baseOf } from './work.js';

const TRAJECTORY = 'trajectory.json';
const CHART = 'trajectory.svg';

const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;

/** What is in the network's network.json. */
export function networkDescription(state: SearchState, { factors, cost }: Final) {
  const { id, dataset, recipe } = state;
  const { classes, rate } = dataset;
  return { search: id, cost, ...describeTrained(baseOf(state), factors, { classes, rate, recipe }) };
}

/** Writes the run's folder anew but for the network in it, each file whole. Safe to repeat. */
export async function writeRun(state: SearchState, home: Home): Promise<void> {
  const folder = home.run(state.id);
  const trajectory = trajectoryOf(state);
  const chart = trajectorySpecification(trajectory);
  await writeWhole(join(folder, TRAJECTORY), json(trajectory));
  if (chart) await writeWhole(join(folder, CHART), await svgOf(chart));
  await writeSums(folder, [TRAJECTORY, CHART]);
}
