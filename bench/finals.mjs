/**
 * What the last training of a network takes: with mixup and without, on the training videos alone or with the validation
 * videos, in full or on the short schedule of a round.
 *
 *   node bench/finals.mjs --record NAME --videos FOLDER [--group EXPRESSION] [--shares A,B,C] [--no-flip]
 *     --frames N --stride N [--seeds 0,1] [--mixups 0.2,0] [--on train,train-and-validation] [--short]
 *   node bench/finals.mjs [--json]
 *
 * Recording trains the base with these frames once for every seed, mixup and set of videos, and adds a line for each to
 * bench/finals/NAME.jsonl; what is there is not trained again. Without --record all recordings are printed.
 */
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { finalVariant, workOf } from '../dist/search/work.js';
import { dataOf, recordings, SET_OPTIONS, scoreOf, settingOf, trained } from './recording.mjs';

const { values } = parseArgs({
  options: {
    ...SET_OPTIONS,
    record: { type: 'string' },
    frames: { type: 'string' },
    stride: { type: 'string' },
    seeds: { type: 'string', default: '0' },
    mixups: { type: 'string', default: '0.2,0' },
    on: { type: 'string', default: 'train,train-and-validation' },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
  allowNegative: true,
});

const keyOf = ({ frames, stride, seed, mixup, on, short }) =>
  JSON.stringify([frames, stride, seed, mixup, on, short]);

function plan() {
  const [frames, stride] = [values.frames, values.stride].map(Number);
  const numbers = (list) => list.split(',').map(Number);
  return numbers(values.seeds).flatMap((seed) =>
    numbers(values.mixups).flatMap((mixup) =>
      values.on.split(',').map((on) => ({ frames, stride, seed, mixup, on, short: values.short })),
    ),
  );
}

async function record(name) {
  const { rows, keep } = recordings('finals').of(name);
  const known = new Set(rows.map(keyOf));
  for (const one of plan()) {
    if (known.has(keyOf(one))) continue;
    const { frames, stride, seed, mixup, on, short } = one;
    const setting = await settingOf({ data: dataOf(values), target: values.target, seed, finalOn: on });
    const { recipe } = setting.configuration;
    const steps = short ? Math.round(recipe.steps / 4) : recipe.steps;
    const factors = { ...setting.base.factors, frames, stride };
    const variant = finalVariant(setting, { ...recipe, mixup, steps }, 0);
    const { evaluations, trainingLoss, seconds } = await trained(workOf(setting, factors, variant));
    const { validation, test } = evaluations;
    keep({
      ...one,
      ...(validation ? { validation: scoreOf(validation) } : {}),
      test: scoreOf(test),
      trainingLoss,
      steps,
      seconds,
    });
    process.stderr.write(`${name}, ${keyOf(one)}: test loss ${test.metrics.loss.toFixed(2)}\n`);
  }
}

function print(rows) {
  const table = new Table({
    head: ['set', 'network', 'seed', 'steps', 'mixup', 'on', 'training loss', 'validation', 'test'],
    style: { head: [], border: [] },
  });
  const shown = (score) =>
    score ? `${score.metrics.loss.toFixed(2)} (${(100 * score.metrics.accuracy).toFixed(0)} %)` : '';
  for (const { set, frames, stride, seed, steps, mixup, on, trainingLoss, validation, test } of rows)
    table.push([
      set,
      `${frames}x${stride}`,
      seed,
      steps,
      mixup,
      on,
      trainingLoss.toFixed(2),
      shown(validation),
      shown(test),
    ]);
  console.log(`${table}`);
}

if (values.record !== undefined) await record(values.record);
else {
  const rows = recordings('finals').all();
  if (values.json) console.log(JSON.stringify(rows, undefined, 2));
  else print(rows);
}
