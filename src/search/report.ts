/**
 * The run's folder of a search, as people look at it: trajectory.json, trajectory.svg, and beside the weights in
 * network/ how the network is built, how its input is made, and how it was evaluated.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../files.js';
import type { Home } from '../home.js';
import { describeTrained, writeDescription } from '../training/keeping.js';
import { trajectorySpecification } from './chart.js';
import { svgOf } from './drawing.js';
import type { Final, SearchState } from './state.js';
import { trajectoryOf } from './trajectory.js';
import { baseOf } from './work.js';

const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;

/** What is in the network's network.json. */
export function networkDescription(state: SearchState, { factors, cost }: Final) {
  const { id, dataset, recipe } = state;
  const { classes, rate } = dataset;
  return { search: id, cost, ...describeTrained(baseOf(state), factors, { classes, rate, recipe }) };
}

/** Writes the run's folder anew, each file whole. Safe to repeat. */
export async function writeRun(state: SearchState, home: Home): Promise<void> {
  const folder = home.run(state.id);
  const trajectory = trajectoryOf(state);
  const chart = trajectorySpecification(trajectory);
  await writeWhole(join(folder, 'trajectory.json'), json(trajectory));
  if (chart) await writeWhole(join(folder, 'trajectory.svg'), await svgOf(chart));
  const network = join(folder, 'network');
  if (state.final && existsSync(network))
    await writeDescription(network, networkDescription(state, state.final));
}
