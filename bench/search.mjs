/**
 * Whole searches by several methods, and single trainings of plain networks of the target's size, on one set of videos.
 *
 *   node bench/search.mjs --record NAME --config FILE --url http://localhost:8080 [--seeds 0,1] [--methods race,paper]
 *     [--plain]
 *   node bench/search.mjs [--json]
 *
 * FILE is a search's configuration as JSON, without seed and method. Recording runs the searches on a service, one after
 * the other, and adds a line for each to bench/searches/NAME.jsonl as it ends; what is there is not run again. For every
 * seed the first method runs as it is, and the others on what it spent. Without --record all recordings are printed:
 * means over the seeds with their standard errors. With --plain the three networks are trained in this process, on one
 * thread, as the network found is.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { connectTo } from '../dist/cli/client.js';
import { amount } from '../dist/cli/figures.js';
import { networkText } from '../dist/cli/tables.js';
import { costOf, finalVariant, trainingMultiplyAdds, workOf } from '../dist/search/work.js';
import { inFrames, mean, recordings, scoreOf, settingOf, trained } from './recording.mjs';

const { values } = parseArgs({
  options: {
    record: { type: 'string' },
    url: { type: 'string', default: 'http://localhost:8080' },
    config: { type: 'string' },
    seeds: { type: 'string', default: '0' },
    methods: { type: 'string', default: 'race,paper,compound,random' },
    plain: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

async function ended(client, id) {
  for (;;) {
    const trajectory = await client.get(`/searches/${id}/trajectory`);
    if (trajectory.endedAt !== undefined) return trajectory;
    await sleep(5000);
  }
}

/** What a search came to, as a row. */
function rowOf(trajectory) {
  const { search, method, seed, status, reason, rounds, final, spending, createdAt, endedAt } = trajectory;
  if (!final?.outcome) throw new Error(`search ${search} of seed ${seed} is ${status}: ${reason ?? ''}`);
  const chosen = rounds.filter(({ winner, step }) => winner && step !== 'recipe');
  const candidate = rounds
    .flatMap(({ candidates }) => candidates)
    .findLast(({ id }) => id === final.candidate);
  return {
    method,
    seed,
    wonBy: chosen.map(({ candidates, winner }) => {
      const won = candidates.find(({ id }) => id === winner.candidate);
      return `${won.change ?? won.axes.join(' = ')}${winner.choice.undecided ? '?' : ''}`;
    }),
    factors: final.factors,
    multiplyAdds: final.cost.multiplyAdds,
    validation: candidate?.estimates,
    test: final.outcome.evaluations.test,
    trainings: spending.trainings,
    spent: spending.multiplyAdds,
    hours: spending.hours,
    minutes: (new Date(endedAt) - new Date(createdAt)) / 60_000,
  };
}

/** Networks that someone would try first: all of the target for frames, some for width and size, or all axes alike. */
const plainNetworks = (base, target) => {
  const { factors } = base;
  let most = 1;
  while (costOf(base, { ...factors, frames: 2 * most }).multiplyAdds <= target) most *= 2;
  const part = (of, rest) => inFrames(factors, Math.max(1, most / of), rest);
  return {
    'plain: frames': part(1),
    'plain: half the frames, wider and larger': part(2, { crop: 56, width: 1.2 }),
    'plain: a quarter of the frames, all axes': part(4, { crop: 64, width: 1.3, depth: 2 }),
  };
};

async function plainRows(setting, seed, known, add) {
  const { configuration, base } = setting;
  for (const [method, factors] of Object.entries(plainNetworks(base, configuration.target))) {
    if (known(method, seed)) continue;
    const work = workOf(setting, factors, finalVariant(setting, configuration.recipe, 0));
    const started = performance.now();
    const { evaluations, seconds } = await trained(work);
    const cost = costOf(base, factors);
    add({
      method,
      seed,
      wonBy: [],
      factors,
      multiplyAdds: cost.multiplyAdds,
      test: scoreOf(evaluations.test),
      trainings: 1,
      spent: trainingMultiplyAdds(work, cost),
      hours: seconds / 3600,
      minutes: (performance.now() - started) / 60_000,
    });
  }
}

async function record(name) {
  const input = JSON.parse(readFileSync(values.config, 'utf8'));
  const { rows, keep } = recordings('searches').of(name);
  const known = (method, seed) => rows.find((row) => row.method === method && row.seed === seed);
  const add = (row) => {
    keep(row);
    process.stderr.write(
      `${name}, ${row.method}, seed ${row.seed}: ${networkText(row.factors)}, test ${(100 * row.test.metrics.accuracy).toFixed(1)} %, loss ${row.test.metrics.loss.toFixed(2)}, ${row.trainings} trainings, ${amount(row.spent)}, ${row.minutes.toFixed(1)} min\n`,
    );
  };
  const client = connectTo(values.url);
  const methods = values.methods.split(',').filter((method) => method !== '');
  for (const seed of values.seeds.split(',').map(Number)) {
    if (values.plain) await plainRows(await settingOf({ ...input, seed }), seed, known, add);
    for (const method of methods) {
      if (known(method, seed)) continue;
      const first = known(methods[0], seed);
      const budget = first && method !== methods[0] ? { budget: String(Math.round(first.spent)) } : {};
      const { id } = await client.post('/searches', { ...input, method, seed, ...budget });
      add(rowOf(await ended(client, id)));
    }
  }
}

const errorOf = (of) =>
  of.length < 2 ? Number.NaN : Math.sqrt(mean(of.map((one) => (one - mean(of)) ** 2)) / (of.length - 1));

function summary(rows) {
  const groups = Map.groupBy
    ? Map.groupBy(rows, ({ set, method }) => `${set}\t${method}`)
    : rows.reduce((map, row) => {
        const key = `${row.set}\t${row.method}`;
        return map.set(key, [...(map.get(key) ?? []), row]);
      }, new Map());
  return [...groups].map(([key, own]) => {
    const [set, method] = key.split('\t');
    const figure = (of) => ({ mean: mean(own.map(of)), error: errorOf(own.map(of)) });
    return {
      set,
      method,
      seeds: own.length,
      accuracy: figure(({ test }) => 100 * test.metrics.accuracy),
      loss: figure(({ test }) => test.metrics.loss),
      multiplyAdds: figure((row) => row.multiplyAdds),
      trainings: figure((row) => row.trainings),
      spent: figure((row) => row.spent),
      hours: figure((row) => row.hours),
    };
  });
}

function print(lines) {
  const shown = ({ mean: value, error }, digits) =>
    `${value.toFixed(digits)}${Number.isNaN(error) ? '' : ` ± ${error.toFixed(digits)}`}`;
  const table = new Table({
    head: [
      'set',
      'method',
      'seeds',
      'test, %',
      'test loss',
      'network',
      'trainings',
      'spent',
      'worker minutes',
    ],
    style: { head: [], border: [] },
  });
  for (const line of lines)
    table.push([
      line.set,
      line.method,
      line.seeds,
      shown(line.accuracy, 1),
      shown(line.loss, 2),
      amount(line.multiplyAdds.mean),
      line.trainings.mean.toFixed(0),
      amount(line.spent.mean),
      (60 * line.hours.mean).toFixed(1),
    ]);
  console.log(`${table}`);
}

if (values.record !== undefined) await record(values.record);
else {
  const rows = recordings('searches').all();
  const lines = summary(rows);
  if (values.json) console.log(JSON.stringify({ lines, rows }, undefined, 2));
  else print(lines);
}
