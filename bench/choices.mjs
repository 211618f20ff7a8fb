/**
 * How well policies choose among a round's candidates, on trainings that were recorded once.
 *
 *   node bench/choices.mjs --record NAME --videos FOLDER [--group EXPRESSION] [--shares A,B,C] [--no-flip]
 *     [--replicates 5] [--full 2] [--lanes 1] [--target 8M] [--states 1,2,4]
 *   node bench/choices.mjs [--set NAME] [--json]
 *
 * Recording trains every candidate of some states of a search, each with several seeds and folds, on the short schedule
 * and, for fewer replicates, in full, and adds a line for each to bench/choices/NAME.jsonl as it ends; what is there is
 * not trained again, so that a recording can be stopped and gone on with. Test videos take no part. Without --record the
 * policies are simulated on all recordings, or on those of one set: each draws its trainings from the replicates at random, and what it chooses is
 * held against the mean over all of that candidate's replicates.
 */
import { parseArgs } from 'node:util';
import { expansions } from '../dist/search/methods/moves.js';
import { costOf, networkId, replicateOf, workOf } from '../dist/search/work.js';
import { simulate } from './policies.mjs';
import {
  dataOf,
  inFrames,
  inLanes,
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
    replicates: { type: 'string', default: '5' },
    full: { type: 'string', default: '2' },
    lanes: { type: 'string', default: '1' },
    states: { type: 'string', default: '1,2,4' },
    set: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
  allowNegative: true,
});

async function record(name) {
  const setting = await settingOf({ data: dataOf(values), target: values.target });
  const { configuration, dataset, base } = setting;
  const short = Math.round(configuration.recipe.steps / 4);
  const { rows, keep } = recordings('choices').of(name);
  const keyOf = ({ factors, replicate, steps }) => `${networkId(factors)} ${replicate} ${steps}`;
  const states = values.states.split(',').map((frames) => inFrames(base.factors, Number(frames)));
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
  await inLanes(plan, Number(values.lanes), async ({ from, move, factors, replicate, steps }) => {
    const key = keyOf({ factors, replicate, steps });
    const state = networkId(from);
    const same = rows.filter((row) => keyOf(row) === key);
    if (same.some((row) => row.state === state)) return;
    // Two states may lead to one network.
    if (same[0]) return keep({ ...same[0], state, move });
    const recipe = { ...configuration.recipe, steps };
    const work = workOf(setting, factors, replicateOf(setting, replicate, recipe));
    const { evaluations, trainingLoss, seconds } = await trained(work);
    const score = scoreOf(evaluations.validation);
    const { multiplyAdds } = costOf(base, factors);
    const chance = dataset.chance.loss;
    keep({ state, move, factors, multiplyAdds, replicate, steps, score, trainingLoss, seconds, chance });
    const { accuracy, loss } = score.metrics;
    process.stderr.write(
      `${name} ${from.frames} frames, ${move}, training ${replicate}, ${steps} steps: accuracy ${accuracy.toFixed(2)}, loss ${loss.toFixed(2)}, ${seconds.toFixed(0)} s\n`,
    );
  });
}

if (values.record !== undefined) await record(values.record);
else {
  const isAsked = ({ set }) => values.set === undefined || set === values.set;
  simulate(recordings('choices').all().filter(isAsked), values.json);
}
