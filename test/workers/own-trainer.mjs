// A trainer as a user may write one: it trains nothing, and does what its first argument says with what it was given.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [way = 'train'] = process.argv.slice(2);
const order = JSON.parse(readFileSync(0, 'utf8'));
const { folder, checkpoints, work, videos, classes } = order;
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const progress = (done, of, more = {}) =>
  say({ kind: 'progress', progress: { phase: 'training', done, of, ...more } });

/** Larger networks are right on more videos. */
const { frames, crop, depth } = work.factors;
const right = 0.4 + (frames * 5 + crop + depth * 10) / 400;
const rowOf = ({ label }, index, { length }) => {
  const shown = index < right * length ? label : (label + 1) % classes.length;
  return classes.map((_, k) => (k === shown ? 0.9 : 0.1 / (classes.length - 1)));
};
const scores = Object.fromEntries(
  work.evaluations.flatMap((name) => {
    const rows = videos[name.replace('-left-center-right', '')];
    return rows?.length ? [[name, rows.map(rowOf)]] : [];
  }),
);
const result = (changes = {}) => say({ kind: 'result', scores, views: 3, trainingLoss: 0.2, ...changes });

const ways = {
  train: () => {
    writeFileSync(join(folder, 'order.json'), JSON.stringify(order));
    for (const step of [1, 2]) progress(step, 2, { loss: 1 / step, accuracy: 0.5, learningRate: 0.1 });
    result();
  },
  'go on': () => {
    const state = join(checkpoints, 'state');
    if (existsSync(state)) return result();
    const child = spawn('sleep', ['600'], { stdio: 'ignore' });
    writeFileSync(state, `${process.pid} ${child.pid}`);
    progress(1, 2);
    return setInterval(() => {}, 1000);
  },
  chatter: () => console.log('loading data ...'),
  'another kind': () => say({ kind: 'done' }),
  'another field': () => say({ kind: 'progress', progress: { phase: 'training', done: 1 } }),
  'too few rows': () => result({ scores: { validation: scores.validation.slice(1) } }),
  'no probabilities': () =>
    result({ scores: { validation: scores.validation.map(() => [2, ...classes.slice(1).map(() => 0)]) } }),
  'another part': () => result({ scores: {} }),
  nothing: () => {},
  diverge: () =>
    say({ kind: 'failure', failure: { kind: 'not-a-number', retry: 'never', reason: 'the loss of step 7' } }),
  crash: () => {
    result();
    console.error('Traceback: no such file');
    process.exitCode = 3;
  },
};
ways[way]();
