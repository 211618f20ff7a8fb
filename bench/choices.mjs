/**
 * How well policies choose among a round's candidates, on trainings that were recorded once.
 *
 *   node bench/choices.mjs --record NAME --videos FOLDER [--group EXPRESSION] [--shares A,B,C] [--no-flip]
 *     [--replicates 5] [--full 2] [--lanes 1] [--target 8M] [--states 1,2,4]
 *   node bench/choices.mjs [--json]
 *
 * Recording trains every candidate of some states of a search, each with several seeds and folds, on the short schedule
 * and, for fewer replicates, in full, and adds a line for each to bench/choices/NAME.jsonl as it ends; what is there is
 * not trained again, so that a recording can be stopped and gone on with. Test videos take no part. Without --record the
 * policies are simulated on all recordings: each draws its trainings from the replicates at random, and what it chooses is
 * held against the mean over all of that candidate's replicates.
 */
import { fork } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openDataset } from '../dist/data/index.js';
import { homeAt } from '../dist/home.js';
import { resolveConfiguration } from '../dist/search/configuration.js';
import { groundOf, summaryOf } from '../dist/search/creation.js';
import { expansions } from '../dist/search/methods/moves.js';
import { baseOf, costOf, networkId, replicateOf, workOf } from '../dist/search/work.js';
import { simulate } from './choices/policies.mjs';

const FOLDER = fileURLToPath(new URL('./choices/', import.meta.url));

const { values } = parseArgs({
  options: {
    record: { type: 'string' },
    videos: { type: 'string' },
    group: { type: 'string' },
    shares: { type: 'string' },
    flip: { type: 'boolean', default: true },
    replicates: { type: 'string', default: '5' },
    full: { type: 'string', default: '2' },
    lanes: { type: 'string', default: '1' },
    target: { type: 'string', default: '8M' },
    states: { type: 'string', default: '1,2,4' },
    json: { type: 'boolean', default: false },
  },
  allowNegative: true,
});

const readRows = (name) =>
  readFileSync(join(FOLDER, name), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

/** One training in a process of its own, as a worker does it. */
function trained(work, home, cacheFolder) {
  const child = fork(fileURLToPath(new URL('./choices/child.mjs', import.meta.url)), [], {
    env: { ...process.env, OMP_NUM_THREADS: '1', TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  return new Promise((resolve, reject) => {
    child.on('message', resolve);
    child.on('exit', (code) => reject(new Error(`the training ended with ${code}`)));
    child.send({ ...work, folder: home, cacheFolder, device: 'cpu', threads: 1 });
  });
}

async function record(name) {
  const { group, flip } = values;
  const [train, validation, test] = (values.shares ?? '').split(',').map(Number);
  const data = {
    path: values.videos,
    ...(group === undefined ? {} : { group }),
    ...(flip ? {} : { flip: false }),
    ...(values.shares === undefined ? {} : { shares: { train, validation, test } }),
  };
  const cacheFolder = homeAt().cache;
  const opened = await openDataset(data, { cacheFolder });
  const configuration = resolveConfiguration({ data, target: values.target }, groundOf(opened));
  const dataset = summaryOf(opened);
  const setting = { configuration, dataset };
  const base = baseOf(setting);
  const short = Math.round(configuration.recipe.steps / 4);
  const rows = existsSync(join(FOLDER, `${name}.jsonl`)) ? readRows(`${name}.jsonl`) : [];
  const keyOf = ({ factors, replicate, steps }) => `${networkId(factors)} ${replicate} ${steps}`;
  const states = values.states.split(',').map((text) => {
    const frames = Number(text);
    const { factors } = base;
    return { ...factors, frames, stride: Math.max(1, Math.round(factors.stride / frames)) };
  });
  const plan = [];
  const add = (from, lengths) => {
    for (const { kind, axes, change, factors } of expansions(setting, from)) {
      if (kind !== 'network' || (factors.frames - 1) * factors.stride + 1 > dataset.limits.maxSpan) continue;
      plan.push({ from, move: change ?? axes.join(' = '), factors, ...lengths });
    }
  };
  for (let replicate = 0; replicate < Number(values.replicates); replicate++)
    for (const from of states) add(from, { replicate, steps: short });
  for (let replicate = 0; replicate < Number(values.full); replicate++)
    for (const from of states) add(from, { replicate, steps: configuration.recipe.steps });
  const queue = plan.values();
  const lane = async () => {
    for (const { from, move, factors, replicate, steps } of queue) {
      const key = keyOf({ factors, replicate, steps });
      const state = networkId(from);
      const same = rows.filter((row) => keyOf(row) === key);
      if (same.some((row) => row.state === state)) continue;
      const keep = (row) => {
        rows.push(row);
        appendFileSync(join(FOLDER, `${name}.jsonl`), `${JSON.stringify(row)}\n`);
      };
      // Two states may lead to one network.
      if (same[0]) {
        keep({ ...same[0], state, move });
        continue;
      }
      const recipe = { ...configuration.recipe, steps };
      const work = workOf(setting, factors, replicateOf(setting, replicate, recipe));
      const folder = mkdtempSync(join(tmpdir(), 'x3d-choices-'));
      const { evaluations, trainingLoss, seconds } = await trained(work, folder, cacheFolder);
      const { confusion: _, ...score } = evaluations.validation;
      rmSync(folder, { recursive: true, force: true });
      const { multiplyAdds } = costOf(base, factors);
      const chance = dataset.chance.loss;
      keep({
        set: name,
        state,
        move,
        factors,
        multiplyAdds,
        replicate,
        steps,
        score,
        trainingLoss,
        seconds,
        chance,
      });
      process.stderr.write(
        `${name} ${from.frames} frames, ${move}, training ${replicate}, ${steps} steps: accuracy ${score.metrics.accuracy.toFixed(2)}, loss ${score.metrics.loss.toFixed(2)}, ${seconds.toFixed(0)} s\n`,
      );
    }
  };
  await Promise.all(Array.from({ length: Number(values.lanes) }, lane));
}

if (values.record !== undefined) {
  mkdirSync(FOLDER, { recursive: true });
  await record(values.record);
} else {
  const tables = readdirSync(FOLDER).filter((name) => name.endsWith('.jsonl'));
  simulate(tables.flatMap(readRows), values.json);
}
