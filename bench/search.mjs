/**
 * Whole searches, one seed after the other, on a service that runs; prints what each came to as a table in Markdown, and
 * every candidate of the first.
 *
 *   node bench/search.mjs --url http://localhost:8080 --config FILE --seeds 0,1,2 [--json]
 *   node bench/search.mjs --url http://localhost:8080 --searches ID,ID    those that there are already
 *
 * FILE is a search's configuration as JSON, without a seed.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connectTo } from '../dist/cli/client.js';
import { digits } from '../dist/cli/figures.js';
import { axesOf, networkText } from '../dist/cli/tables.js';

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://localhost:8080' },
    config: { type: 'string' },
    seeds: { type: 'string', default: '0' },
    searches: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const client = connectTo(values.url);

async function searched(seed) {
  if (values.config === undefined) throw new Error('--config is missing; see the top of this file');
  const configuration = JSON.parse(readFileSync(values.config, 'utf8'));
  const { id } = await client.post('/searches', { ...configuration, seed: Number(seed) });
  process.stderr.write(`seed ${seed}: search ${id}\n`);
  return id;
}

async function ended(id) {
  for (;;) {
    const trajectory = await client.get(`/searches/${id}/trajectory`);
    if (trajectory.endedAt !== undefined) return trajectory;
    await sleep(5000);
  }
}

const percent = (share) => Number((100 * share).toFixed(1));
const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);
const table = (...head) => {
  row(...head);
  row(...head.map(() => '---'));
};

function summary({ search, seed, status, reason, rounds, contraction, final, createdAt, endedAt }) {
  if (!final?.outcome) throw new Error(`search ${search} of seed ${seed} is ${status}: ${reason ?? ''}`);
  const won = rounds.map(({ candidates, winner }) =>
    axesOf(candidates.find(({ id }) => id === winner.candidate)),
  );
  const { validation, test } = final.outcome;
  return {
    seed,
    wonBy: [...won, ...(contraction ? [`${contraction.axis} back`] : [])].join(', '),
    network: networkText(final.factors),
    multiplyAdds: final.cost.multiplyAdds,
    validation: percent(validation.top1),
    testCenter: test && percent(test.center.top1),
    testLeftCenterRight: test && percent(test.leftCenterRight.top1),
    minutes: Number(((new Date(endedAt) - new Date(createdAt)) / 60_000).toFixed(1)),
  };
}

function printCandidates({ rounds }) {
  table('round', 'axis', 'network', 'multiply-adds', 'accuracy', 'loss');
  for (const { round, candidates, skipped, winner } of rounds) {
    const score = ({ outcome }) => outcome?.validation ?? { top1: -1, loss: 0 };
    const sorted = candidates.toSorted(
      (a, b) => score(b).top1 - score(a).top1 || score(a).loss - score(b).loss,
    );
    for (const one of sorted) {
      const axes = axesOf(one);
      const { top1, loss } = score(one);
      const name = one.id === winner?.candidate ? `**${axes}**` : axes;
      row(
        round,
        name,
        networkText(one.factors),
        digits(one.cost.multiplyAdds),
        percent(top1),
        loss.toFixed(2),
      );
    }
    for (const { axis, reason } of skipped) row(round, axis, `left out: ${reason}`, '', '', '');
  }
}

const trajectories = [];
for (const one of values.searches?.split(',') ?? values.seeds.split(','))
  trajectories.push(await ended(values.searches ? one : await searched(one)));

const lines = trajectories.map(summary);
if (values.json) console.log(JSON.stringify({ lines }, undefined, 2));
else {
  table(
    'seed',
    'won by',
    'network found',
    'multiply-adds',
    'validation',
    'test, K-Center',
    'test, K-LeftCenterRight',
    'minutes',
  );
  for (const line of lines) row(...Object.values({ ...line, multiplyAdds: digits(line.multiplyAdds) }));
  console.log();
  printCandidates(trajectories[0]);
}
