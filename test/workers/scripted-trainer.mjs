// A trainer that trains nothing and ends as `data.path` says: the ways to end that a real training can't be asked for.
// For any other path it takes a little while and comes to an accuracy that the network decides; seed 13 diverges.
import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const STEPS = 8;
const STEP_MS = 40;

const evaluation = (accuracy) => ({
  videos: 20,
  viewsPerVideo: 1,
  metrics: { accuracy, top5: 1, loss: 1 - accuracy },
  errors: { accuracy: 0.1, top5: 0, loss: 0.2 },
  confusion: [
    [1, 0],
    [0, 1],
  ],
});

process.on('disconnect', () => process.exit(1));
process.once('message', ({ request, videos }) => {
  const { factors, folder, evaluations, seed } = request;
  mkdirSync(folder, { recursive: true });
  // Beside the folders of the tries, which come and go.
  const starts = join(folder, '../../../starts', basename(dirname(folder)));
  mkdirSync(dirname(starts), { recursive: true });
  appendFileSync(starts, `${process.pid} ${process.env.OMP_NUM_THREADS} ${videos.fingerprint}\n`);
  const start = readFileSync(starts, 'utf8').trim().split('\n').length;
  const send = (message) => process.send(message, () => message.kind !== 'progress' && process.exit(0));
  const fail = (kind, retry, reason) => send({ kind: 'failure', failure: { kind, retry, reason } });
  const succeed = (ms = 0, weights = 'weights') => {
    const { frames, crop, depth, width, bottleneck } = factors;
    const score = evaluation(
      ((frames * 37 + crop * 11 + depth * 130 + width * 170 + bottleneck * 44) % 20) / 20,
    );
    const result = {
      classes: ['a', 'b'],
      evaluations: Object.fromEntries(evaluations.map((name) => [name, score])),
      trainingLoss: 0.1,
      lowestLoss: 0.1,
      steps: STEPS,
      seconds: 0.1,
      clipsPerSecond: 10,
      stepShare: 1,
      peakBytes: 1000,
    };
    let step = 0;
    const go = () => {
      send({ kind: 'progress', progress: { phase: 'training', done: ++step, of: STEPS } });
      appendFileSync(
        join(folder, 'curve.jsonl'),
        `${JSON.stringify({ step, loss: 1, accuracy: 0.5, learningRate: 0.1 })}\n`,
      );
      if (step < STEPS) return setTimeout(go, ms);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'weights.safetensors'), weights);
      writeFileSync(join(folder, 'result.tmp'), JSON.stringify(result));
      renameSync(join(folder, 'result.tmp'), join(folder, 'result.json'));
      send({ kind: 'result', result });
    };
    go();
  };
  const endings = {
    succeed,
    'succeed at the second try': () => (start === 1 ? fail('internal', 'here', 'once') : succeed()),
    diverge: () => fail('not-a-number', 'never', 'the loss is not a number'),
    'fail always': () => fail('internal', 'here', `try ${start}`),
    elsewhere: () => fail('unreadable-data', 'elsewhere', 'no such folder here'),
    'be killed': () => (start === 1 ? process.kill(process.pid, 'SIGKILL') : succeed()),
    'sign what it makes': () => succeed(250, `of ${process.pid}`),
    'be killed again and again': () => (start < 8 ? process.kill(process.pid, 'SIGKILL') : succeed()),
    'exhaust the heap': () => {
      console.error('FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory');
      process.abort();
    },
    hang: () => {
      send({ kind: 'progress', progress: { phase: 'training', done: 1, of: STEPS } });
      setInterval(() => {}, 1000);
    },
    'hang once': () => (start === 1 ? endings.hang() : succeed()),
  };
  const ending = endings[request.data.path];
  if (ending) ending();
  else if (seed === 13) endings.diverge();
  else succeed(STEP_MS);
});
