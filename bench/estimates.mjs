/**
 * How near an estimate made before a search comes to what the search takes.
 *
 *   node bench/estimates.mjs --record NAME [--seeds 0,1] -- VIDEOS FLAGS OF run
 *   node bench/estimates.mjs [--json]
 *
 * Recording takes an estimate (`run --dry-run`, with the machine's speed measured anew), runs the search, and adds a line to
 * bench/estimates/searches.jsonl, for each seed. Without --record all lines are printed, with what was real over what was
 * estimated; src/search/planning/plan.ts has the range of the minutes.
 */
import { execFile } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import Table from 'cli-table3';

const { values, positionals } = parseArgs({
  options: {
    record: { type: 'string' },
    seeds: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const FILE = fileURLToPath(new URL('estimates/searches.jsonl', import.meta.url));
const MAIN = fileURLToPath(new URL('../bin/x3d-search.js', import.meta.url));

async function run(...args) {
  const options = { maxBuffer: 2 ** 30 };
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, 'run', ...args, '--json'], options);
  return stdout;
}

async function recorded(name, flags, seed) {
  // A home of its own: nothing was measured or trained there before.
  const home = mkdtempSync(join(tmpdir(), 'x3d-estimates-'));
  try {
    const all = [...flags, '--seed', seed, '--home', home];
    const { estimate, configuration } = JSON.parse(await run(...all, '--dry-run'));
    const result = JSON.parse((await run(...all)).trim().split('\n').at(-1));
    const trajectory = JSON.parse(readFileSync(result.files.trajectory, 'utf8'));
    const { rounds, spending, createdAt, endedAt } = trajectory;
    return {
      name,
      method: configuration.method,
      target: configuration.target,
      steps: configuration.recipe.steps,
      seed: Number(seed),
      workers: estimate.crews.reduce((sum, { workers }) => sum + workers, 0),
      estimated: {
        rounds: estimate.rounds,
        trainings: estimate.trainings,
        multiplyAdds: estimate.multiplyAdds,
        minutes: estimate.minutes.likely,
      },
      real: {
        rounds: rounds.filter(({ step }) => step !== 'recipe').length,
        trainings: spending.trainings,
        multiplyAdds: spending.multiplyAdds,
        minutes: (new Date(endedAt) - new Date(createdAt)) / 60_000,
      },
    };
  } finally {
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

if (values.record !== undefined) {
  mkdirSync(new URL('estimates/', import.meta.url), { recursive: true });
  for (const seed of values.seeds.split(','))
    appendFileSync(FILE, `${JSON.stringify(await recorded(values.record, positionals, seed))}\n`);
} else {
  const lines = existsSync(FILE)
    ? readFileSync(FILE, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    : [];
  const rows = lines.map(({ estimated, real, ...rest }) => ({
    ...rest,
    estimated,
    real,
    minutes: real.minutes / estimated.minutes,
    trainings: real.trainings / estimated.trainings.likely,
  }));
  if (values.json) console.log(JSON.stringify(rows, undefined, 2));
  else {
    const table = new Table({
      head: [
        'search',
        'method',
        'steps',
        'seed',
        'workers',
        'trainings',
        'estimated',
        'minutes',
        'estimated',
        'real over estimated',
      ],
      style: { head: [], border: [] },
    });
    for (const row of rows)
      table.push([
        row.name,
        row.method,
        row.steps,
        row.seed,
        row.workers,
        row.real.trainings,
        `${row.estimated.trainings.likely} (${row.estimated.trainings.from} to ${row.estimated.trainings.to})`,
        row.real.minutes.toFixed(1),
        row.estimated.minutes.toFixed(1),
        row.minutes.toFixed(2),
      ]);
    console.log(table.toString());
    const ratios = rows.map(({ minutes }) => minutes);
    if (ratios.length > 0)
      console.log(
        `minutes: ${rows.length} searches took ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} times their estimate`,
      );
  }
}
