// A trainer that ends as `data.path` says: the ways to end that a real training can't be asked for.
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const evaluation = (top1) => ({
  videos: 2,
  viewsPerVideo: 1,
  top1,
  top5: 1,
  loss: 1 - top1,
  confusion: [
    [1, 0],
    [0, 1],
  ],
});
const result = (request) => ({
  classes: ['a', 'b'],
  validation: evaluation(((request.factors.frames * 7 + request.factors.crop) % 10) / 10),
  steps: 4,
  seconds: 0.1,
  clipsPerSecond: 10,
  peakBytes: 1000,
});

process.on('disconnect', () => process.exit(1));
process.once('message', ({ request, fingerprint }) => {
  mkdirSync(request.folder, { recursive: true });
  const starts = join(request.folder, 'starts');
  appendFileSync(starts, `${process.pid} ${process.env.OMP_NUM_THREADS} ${fingerprint}\n`);
  const start = readFileSync(starts, 'utf8').trim().split('\n').length;
  const send = (message) => process.send(message, () => message.kind !== 'progress' && process.exit(0));
  const fail = (kind, retry, reason) => send({ kind: 'failure', failure: { kind, retry, reason } });
  const succeed = () => {
    for (let done = 1; done <= 4; done++)
      send({ kind: 'progress', progress: { phase: 'training', done, of: 4 } });
    send({ kind: 'result', result: result(request) });
  };
  const endings = {
    succeed,
    'succeed at the second try': () => (start === 1 ? fail('internal', 'here', 'once') : succeed()),
    diverge: () => fail('not-a-number', 'never', 'the loss is not a number'),
    'fail always': () => fail('internal', 'here', `try ${start}`),
    elsewhere: () => fail('unreadable-data', 'elsewhere', 'no such folder here'),
    'be killed': () => (start === 1 ? process.kill(process.pid, 'SIGKILL') : succeed()),
    'exhaust the heap': () => {
      console.error('FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory');
      process.abort();
    },
    hang: () => {
      send({ kind: 'progress', progress: { phase: 'training', done: 1, of: 4 } });
      setInterval(() => {}, 1000);
    },
    'hang once': () => (start === 1 ? endings.hang() : succeed()),
  };
  endings[request.data.path]();
});
