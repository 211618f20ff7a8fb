/** What a search would take, as `run --dry-run` and `inspect --target` show it. */
import { hostname } from 'node:os';
import pc from 'picocolors';
import { openDataset } from '../data/index.js';
import { startNamed } from '../deployment/starting.js';
import { type Home, homeAt } from '../home.js';
import { cards } from '../machine.js';
import { AXES, type BaseName } from '../network/index.js';
import { checksOn, settle, summaryOf } from '../search/creation.js';
import { type Estimate, type Plan, planOf, type WorkerAtHand } from '../search/planning/plan.js';
import { knownSpeed, measureSpeed, placeOf } from '../workers/speeds.js';
import { amount, roughly, spread } from './figures.js';
import { progressLine } from './progress.js';
import { devicesOf, type Fleet, memoriesOf } from './supervisor.js';

/** The workers that `run` would start, no more than a round can have candidates. */
export const devicesFor = (fleet: Fleet) => devicesOf(fleet).slice(0, AXES.length);

/** Those of the fleet, each with how fast it trains, which is measured where it is not known. */
async function workersAtHand(fleet: Fleet, base: BaseName, home: Home): Promise<WorkerAtHand[]> {
  const { threads } = fleet;
  const workers = devicesFor(fleet).map((device) => ({ host: hostname(), device, threads }));
  const atHand: WorkerAtHand[] = [];
  for (const worker of workers) {
    const place = placeOf(worker, workers, base, AXES.length);
    const showing = progressLine(`measuring training steps on ${place.device}`);
    const speed =
      (await knownSpeed(home, place)) ?? (await measureSpeed(home, place, { onProgress: showing }));
    atHand.push({ ...worker, speed });
  }
  return atHand;
}

/**
 * Looks at the videos and, where it is not known yet, at how fast this machine trains. Throws X3dError for what is wrong
 * with either.
 */
export async function planFor(input: unknown, fleet: Fleet, folder: string): Promise<Plan> {
  const home = homeAt(folder);
  const { configuration, opened } = await settle(input, {
    open: (data) =>
      openDataset(data, { cacheFolder: home.cache, onProgress: progressLine('looking at videos') }),
    start: async (named) => (await startNamed(named, home)).pretrained.id,
    memory: Math.min(...memoriesOf(devicesFor(fleet), cards())),
  });
  const refused = checksOn({ configuration, dataset: summaryOf(opened) }).some(({ passed }) => !passed);
  const workers = refused ? [] : await workersAtHand(fleet, configuration.base, home);
  return planOf(configuration, opened, workers);
}

const crewText = ({ workers, device, threads }: Estimate['crews'][number]): string =>
  `${workers} ${workers === 1 ? 'worker' : 'workers'} (${device}, ${threads} ${threads === 1 ? 'thread' : 'threads'})`;

function estimateText({ rounds, trainings, multiplyAdds, minutes, diskBytes, crews }: Estimate): string[] {
  const whole = (value: number) => String(Math.round(value));
  const lines = [
    `rounds      ${spread(rounds, whole)}`,
    `trainings   ${spread(trainings, whole)}, ${spread(multiplyAdds, amount)} multiply-adds`,
  ];
  if (minutes) {
    const { experience } = minutes;
    lines.push(
      `time        ${spread(minutes, roughly)} on ${crews.map(crewText).join(' and ')}`,
      `            ${experience.searches} real searches took ${experience.from} to ${experience.to} times their estimate`,
    );
  }
  lines.push(
    `disk        at most ${amount(diskBytes.total)}B: frames ${amount(diskBytes.frames)}B, trainings ${amount(diskBytes.trainings)}B`,
  );
  return lines;
}

/** What stands in the way, what to know, and what it takes. */
export function planText({ checks, warnings, estimate }: Plan): string {
  return [
    ...checks.flatMap(({ passed, subject, expected, got, remedy }) =>
      passed ? [] : [pc.red(`refused     ${subject}: expected ${expected}, got ${got}. ${remedy}`)],
    ),
    ...(estimate ? estimateText(estimate) : []),
    ...warnings.map(({ message }) => pc.yellow(`warning     ${message}`)),
  ].join('\n');
}
