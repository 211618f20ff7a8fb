/** `demo`: a small set of videos is made, and a search is run on it as `run` does. */
import { join } from 'node:path';
import { Command } from 'commander';
import { makeDemoVideos } from '../../data/demo/index.js';
import { homeAt } from '../../home.js';
import { example, homeOption, jsonOption } from '../flags.js';
import { type FleetOptions, fleetOf, slowTraining, withFleet } from '../fleet.js';
import { searching } from '../searching.js';

interface DemoOptions extends FleetOptions {
  readonly home: string;
  readonly json?: boolean;
}

/**
 * Few steps on few videos, so that rounds and a test take less than two minutes of two cores. The recipe is given: to
 * look for one would take a quarter of them.
 */
const SEARCH = {
  name: 'demo',
  base: 'x2d-micro',
  // Four frames fit.
  target: '3.2M',
  // Without it, exchanges at the target would take another minute or more.
  budget: '450G',
  recipe: { steps: 680, learningRate: 0.1, mixup: 0, views: 4 },
};
/** The same minutes without TensorFlow's library: one round, and too few steps to learn much. */
const SHORT_SEARCH = { ...SEARCH, target: '1.5M', recipe: { ...SEARCH.recipe, steps: 30, views: 1 } };

async function demo(options: DemoOptions): Promise<void> {
  const { home, json = false } = options;
  process.exitCode = await searching({
    home,
    fleet: fleetOf(options),
    json,
    begin: (display) => ({
      input: {
        ...(slowTraining() === undefined ? SEARCH : SHORT_SEARCH),
        data: makeDemoVideos(join(homeAt(home).folder, 'demo-videos'), {
          onProgress: (done, of) => display.preparing('making videos', done, of),
        }),
      },
    }),
  });
}

export function demoCommand(): Command {
  return withFleet(
    new Command('demo')
      .description('Make a small set of videos of moving shapes, and search a network for it')
      .addOption(homeOption()),
  )
    .addOption(jsonOption())
    .addHelpText('after', example('demo --workers 2'))
    .action(demo);
}
