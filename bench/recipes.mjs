/**
 * The recipe on sets that it was not made for: the one of before, what the search chooses, and the best of a small grid.
 *
 *   node bench/recipes.mjs --record NAME --videos FOLDER [--group EXPRESSION] [--shares A,B,C] [--no-flip] [--seeds 1]
 *   node bench/recipes.mjs [--json]
 *
 * Recording trains three networks (the base, four frames, and two frames with all other axes grown) on the short schedule
 * with each setting of the grid, and adds a line for each to bench/recipes/NAME.jsonl; what is there is not trained again.
 * Figures are of validation videos. What the search chooses is worked out by its own rule from the first two networks.
 */
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { compare, judge } from '../dist/search/judge.js';
import { networkId, replicateOf, workOf } from '../dist/search/work.js';
import { PIXEL_DEVIATION, PIXEL_MEAN } from '../dist/training/pixels.js';
import {
  dataOf,
  inFrames,
  inLanes,
  mean,
  recordings,
  SET_OPTIONS,
  scoreOf,
  settingOf,
  trained,
} from './recording.mjs';

const { values } = parseArgs({
  options: {
    ...SET_OPTIONS,
    record: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
  allowNegative: true,
});

/** `before`: what was the default, with the published networks' pixels. */
const SETTINGS = {
  before: { learningRate: 0.1, mixup: 0.2, pixelMean: PIXEL_MEAN, pixelDeviation: PIXEL_DEVIATION },
  'rate .1, mixup .2': { learningRate: 0.1, mixup: 0.2 },
  'rate .033, mixup .2': { learningRate: 0.033, mixup: 0.2 },
  'rate .1, mixup 0': { learningRate: 0.1, mixup: 0 },
  'rate .033, mixup 0': { learningRate: 0.033, mixup: 0 },
};

const networksOf = ({ factors }) => ({
  base: factors,
  '4 frames': inFrames(factors, 4),
  '2 frames, all axes': inFrames(factors, 2, { crop: 64, width: 1.3, depth: 2 }),
});

async function record(name) {
  const setting = await settingOf({ data: dataOf(values), target: values.target });
  const { configuration, dataset, base } = setting;
  const { rows, keep } = recordings('recipes').of(name);
  const steps = Math.round(configuration.recipe.steps / 4);
  const plan = Array.from({ length: Number(values.seeds) }, (_, seed) => seed).flatMap((seed) =>
    Object.entries(networksOf(base)).flatMap(([network, factors]) =>
      Object.entries(SETTINGS).map(([recipe, fields]) => ({ seed, network, factors, recipe, fields })),
    ),
  );
  await inLanes(plan, Number(values.lanes), async ({ seed, network, factors, recipe, fields }) => {
    const known = (row) =>
      row.seed === seed && row.recipe === recipe && networkId(row.factors) === networkId(factors);
    if (rows.some(known)) return;
    const work = workOf(
      setting,
      factors,
      replicateOf(setting, seed, { ...configuration.recipe, ...fields, steps }),
    );
    const { evaluations, trainingLoss, seconds } = await trained(work);
    const score = scoreOf(evaluations.validation);
    const chance = dataset.chance.loss;
    keep({ network, factors, recipe, seed, steps, score, trainingLoss, seconds, chance });
    const { accuracy, loss } = score.metrics;
    process.stderr.write(
      `${name}, ${network}, ${recipe}, seed ${seed}: accuracy ${accuracy.toFixed(2)}, loss ${loss.toFixed(2)}, ${seconds.toFixed(0)} s\n`,
    );
  });
}

/** As src/search/methods/recipes.ts chooses, from the recorded trainings: the rate first, then the mixing. */
function chosenFrom(rows) {
  const trials = rows.filter(
    ({ network, recipe }) => network !== '2 frames, all axes' && recipe !== 'before',
  );
  const pick = (usual, other) => {
    const measured = trials
      .filter(({ recipe }) => recipe === usual || recipe === other)
      .map(({ recipe, network, seed, score }) => ({
        candidate: recipe,
        replicate: 2 * seed + (network === 'base' ? 0 : 1),
        score,
      }));
    const judgement = judge('loss', measured);
    return (judgement && compare(judgement, other, usual)?.probability) >= 0.8 ? other : usual;
  };
  const rate = pick('rate .1, mixup .2', 'rate .033, mixup .2');
  return pick(rate, rate.replace('mixup .2', 'mixup 0'));
}

function lines() {
  const all = recordings('recipes').all();
  return [...new Set(all.map(({ set }) => set))].flatMap((set) => {
    const rows = all.filter((row) => row.set === set);
    const chosen = chosenFrom(rows);
    return [...new Set(rows.map(({ network }) => network))].map((network) => {
      const figure = (recipe) => {
        const own = rows.filter((row) => row.network === network && row.recipe === recipe);
        if (own.length === 0) return undefined;
        const of = (metric) => mean(own.map(({ score }) => score.metrics[metric]));
        return { recipe, accuracy: of('accuracy'), loss: of('loss'), error: own[0].score.errors.accuracy };
      };
      const grid = Object.keys(SETTINGS)
        .filter((recipe) => recipe !== 'before')
        .flatMap((recipe) => figure(recipe) ?? []);
      const best = grid.reduce((a, b) => (b.loss < a.loss ? b : a), grid[0]);
      return { set, network, before: figure('before'), chosen: figure(chosen), best };
    });
  });
}

function print() {
  const shown = (figure) =>
    figure
      ? `${(100 * figure.accuracy).toFixed(0)} ± ${(100 * figure.error).toFixed(0)} %, ${figure.loss.toFixed(2)}`
      : '';
  const table = new Table({
    head: ['set', 'network', 'before', 'chosen by the search', '', 'best of the grid', ''],
    style: { head: [], border: [] },
  });
  for (const { set, network, before, chosen, best } of lines())
    table.push([
      set,
      network,
      shown(before),
      shown(chosen),
      chosen?.recipe ?? '',
      shown(best),
      best?.recipe ?? '',
    ]);
  console.log(`${table}`);
}

if (values.record !== undefined) await record(values.record);
else if (values.json) console.log(JSON.stringify({ lines: lines() }, undefined, 2));
else print();
