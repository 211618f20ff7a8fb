/**
 * The run's folder of a search, as people look at it, from its first round on: trajectory.json, trajectory.svg, run.json,
 * curves/, report.html, and beside the weights in network/ how the network is built, how its input is made, and how it
 * was evaluated. What the search began from is there before (reporting/record.ts).
 */
import { jsonText } from '../files.js';
import { type Home, REPORT } from '../home.js';
import { writeSummed } from '../sums.js';
import { describeTrained } from '../training/keeping.js';
import { trajectorySpecification } from './chart.js';
import { svgOf } from './drawing.js';
import type { EnergyMeter } from './reporting/energy.js';
import { reportSearch } from './reporting/searched.js';
import type { Final, SearchState } from './state.js';
import { trajectoryOf } from './trajectory.js';
import { baseOf } from './work.js';

/** What is in the network's network.json. */
export function networkDescription(state: SearchState, { factors, cost }: Final) {
  const { id, dataset, recipe, configuration } = state;
  const { classes, rate } = dataset;
  const { finalOn: trainedOn } = configuration;
  return {
    search: id,
    cost,
    trainedOn,
    ...describeTrained(baseOf(state), factors, { classes, rate, recipe }),
  };
}

/** Writes the run's folder anew but for the network in it, each file whole. Safe to repeat. */
export async function writeRun(state: SearchState, home: Home, meter?: EnergyMeter): Promise<void> {
  const trajectory = trajectoryOf(state);
  const chart = trajectorySpecification(trajectory);
  const picture = chart && (await svgOf(chart));
  await writeSummed(home.run(state.id), {
    [REPORT.trajectory]: jsonText(trajectory),
    ...(picture === undefined ? {} : { [REPORT.chart]: picture }),
  });
  await reportSearch(state, trajectory, picture, home, meter);
}
