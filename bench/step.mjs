/**
 * Times training steps and evaluation, ours and PyTorch's in turn, and sets them side by side.
 *
 *   node bench/step.mjs [--line TEXT] [--threads 1,2] [--rounds N] [--ways eager,compile] [--device cuda:0]
 *     [--mixed] [--json]
 *   node bench/step.mjs --profile [--line TEXT]    where the time of our step goes, by operation
 *
 * X3D_BENCH_PYTHON names a Python with torch; without it the peer's columns stay empty. Each of PyTorch's three ways
 * (eager, channels last, compile) runs in a process of its own, as ours does; they take turns, so that all see the
 * same machine, and the fastest of the three counts. Times are medians in milliseconds, memory is the process's peak;
 * on a card also what of its memory is in use since the process started, and its time to the first two steps.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { BASES, describeNetwork, MODELS } from '../dist/network/index.js';

const { values } = parseArgs({
  options: {
    line: { type: 'string', default: '' },
    threads: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '5' },
    ways: { type: 'string', default: 'eager,channels-last,compile' },
    device: { type: 'string', default: 'cpu' },
    mixed: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const micro = BASES['x2d-micro'];
/** Stem, three blocks of 24 channels with 54 inside, head. */
const blocks = { ...BASES.x2d, stages: [{ width: 24, depth: 3 }], headWidth: 128 };
const blockFactors = { ...BASES.x2d.factors, bottleneck: 2.25, stride: 1 };
const LINES = [
  {
    name: 'micro, 4 frames, crop 48, batch 16',
    base: micro,
    factors: { ...micro.factors, frames: 4, stride: 8 },
    clips: 16,
  },
  {
    name: '24/54 blocks, batch 8, 4x56x56',
    base: blocks,
    factors: { ...blockFactors, frames: 4, crop: 56 },
    clips: 8,
  },
  {
    name: '24/54 blocks, batch 16, 8x80x80',
    base: blocks,
    factors: { ...blockFactors, frames: 8, crop: 80 },
    clips: 16,
  },
  { name: 'X3D-XS, batch 4', base: BASES.x2d, factors: MODELS.XS, clips: 4, classes: 400 },
  { name: 'X3D-S, batch 2', base: BASES.x2d, factors: MODELS.S, clips: 2, classes: 400 },
  {
    name: 'X3D-XS evaluation, 10 views',
    base: BASES.x2d,
    factors: MODELS.XS,
    clips: 10,
    classes: 400,
    evaluate: true,
  },
];

/** What a card is for. */
const CUDA_LINES = [
  { name: 'X3D-S, batch 16', base: BASES.x2d, factors: MODELS.S, clips: 16, classes: 400 },
  { name: 'X3D-XS, batch 64', base: BASES.x2d, factors: MODELS.XS, clips: 64, classes: 400 },
  { name: 'X3D-M, batch 16', base: BASES.x2d, factors: MODELS.M, clips: 16, classes: 400 },
];

const here = (file) => fileURLToPath(new URL(file, import.meta.url));

const onCard = values.device !== 'cpu';

/** What of the card's memory is in use, in bytes. */
function cardBytes() {
  if (!onCard) return 0;
  const asked = [
    '-i',
    values.device.split(':')[1],
    '--query-gpu=memory.used',
    '--format=csv,noheader,nounits',
  ];
  return 2 ** 20 * Number(execFileSync('nvidia-smi', asked, { encoding: 'utf8' }));
}

/** A side that is ready to run steps when asked; undefined where it could not start. */
async function side(command, args, environment) {
  const started = performance.now();
  const usedBefore = cardBytes();
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    for (;;) {
      const { value, done } = await answers.next();
      if (done) return undefined;
      if (value.startsWith('{')) return JSON.parse(value);
    }
  };
  if (!(await answer())?.ready) return undefined;
  return {
    ms: [],
    peakBytes: 0,
    readyMs: performance.now() - started,
    cardBytes: cardBytes() - usedBefore,
    async run(count) {
      child.stdin.write(`${count}\n`);
      const { ms, peakBytes } = await answer();
      this.ms.push(...ms);
      this.peakBytes = peakBytes;
      return ms;
    },
    async end() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

async function measure(line, threads) {
  const described = { classes: 10, ...line, threads, device: values.device, mixed: values.mixed };
  const network = describeNetwork(line.base, line.factors, { classes: described.classes });
  const bound = {
    TF_NUM_INTRAOP_THREADS: String(threads),
    TF_NUM_INTEROP_THREADS: '1',
    OMP_NUM_THREADS: String(threads),
    ...(onCard ? { TF_FORCE_GPU_ALLOW_GROWTH: 'true' } : {}),
  };
  const ours = await side(process.execPath, [here('step_ours.mjs'), JSON.stringify(described)], bound);
  if (!ours) throw new Error(`${line.name} could not start`);
  const python = process.env.X3D_BENCH_PYTHON;
  const peers = new Map();
  for (const way of python ? values.ways.split(',') : []) {
    const peer = await side(
      python,
      [here('step_peer.py'), JSON.stringify({ ...described, network, way })],
      bound,
    );
    if (peer) peers.set(way, peer);
    else process.stderr.write(`${line.name}: PyTorch ${way} could not start, and is left out\n`);
  }
  // About two seconds of each side a round.
  const count = Math.max(2, Math.min(50, Math.round(2000 / median(await ours.run(2)))));
  ours.ms.length = 0;
  for (let round = 0; round < Number(values.rounds); round++)
    for (const one of [ours, ...peers.values()])
      await one.run(one === ours ? count : Math.max(2, Math.round(count / 2)));
  for (const one of [ours, ...peers.values()]) await one.end();
  const best = [...peers].sort(([, a], [, b]) => median(a.ms) - median(b.ms))[0];
  const [way, peer] = best ?? [];
  return {
    name: line.name,
    threads,
    oursMs: median(ours.ms),
    peerMs: peer && median(peer.ms),
    ratio: peer && median(peer.ms) / median(ours.ms),
    oursPeakBytes: ours.peakBytes,
    peerPeakBytes: peer?.peakBytes,
    ...(onCard
      ? {
          ...{ oursReadyMs: ours.readyMs, peerReadyMs: peer?.readyMs },
          ...{ oursCardBytes: ours.cardBytes, peerCardBytes: peer?.cardBytes },
        }
      : {}),
    peerWay: way,
  };
}

if (![...LINES, ...CUDA_LINES].some(({ name }) => name.includes(values.line)))
  throw new Error(
    `--line: no line has "${values.line}" in its name; there are ${LINES.map(({ name }) => name).join('; ')}`,
  );

if (values.profile) {
  for (const line of LINES.filter(({ name, evaluate }) => name.includes(values.line) && !evaluate)) {
    console.log(line.name);
    execFileSync(process.execPath, [here('step_profile.mjs'), JSON.stringify({ classes: 10, ...line })], {
      stdio: 'inherit',
      env: { ...process.env, TF_NUM_INTRAOP_THREADS: '1' },
    });
  }
  process.exit(0);
}

const lines = [];
const offered = onCard ? [...LINES, ...CUDA_LINES] : LINES;
for (const line of offered.filter(({ name }) => name.includes(values.line)))
  for (const threads of values.threads.split(',').map(Number)) {
    process.stderr.write(`${line.name}, ${threads} thread${threads > 1 ? 's' : ''} ...\n`);
    lines.push(await measure(line, threads));
  }

if (values.json) console.log(JSON.stringify({ lines }, undefined, 2));
else {
  const table = new Table({
    head: ['', 'threads', 'ours, ms', 'PyTorch, ms', 'its way', 'ratio', 'our peak, MB', 'its peak, MB'],
    style: { head: [], border: [] },
  });
  const figure = (value, digits = 1) => (value === undefined ? '' : value.toFixed(digits));
  const megabytes = (bytes) => (bytes === undefined ? '' : Math.round(bytes / 1e6));
  for (const l of lines)
    table.push([
      l.name,
      l.threads,
      figure(l.oursMs),
      figure(l.peerMs),
      l.peerWay ?? '',
      figure(l.ratio, 2),
      megabytes(l.oursPeakBytes),
      megabytes(l.peerPeakBytes),
    ]);
  console.log(table.toString());
}
