/**
 * Everything that is to be known of a card, in under ten minutes, and one table at the end:
 *
 *   X3D_BENCH_PYTHON=python3 npm run bench:card -- [--device cuda:0] [--videos FOLDER --group REGEXP]
 *
 * The self-test with the card's own kernels; its memory's speed; the channelwise convolution at the shapes of X3D-XS;
 * training steps and evaluation beside PyTorch (eager, channels last, compiled where there is time; single and half
 * precision) with peaks of memory and the time to the first steps, ours with and without the card's kernels; three
 * trainings at once against one; a search on FOLDER and one with base x2d on generated 340x256 clips, each cut off after
 * a while, with the share of their time that trainings spent in steps; whether the same seed gives the same bits, and the
 * tests of parity, on the card.
 * Each part runs in processes of its own, with a limit; what a part could not say is left empty, and why is printed.
 *
 * Without a card it says so and ends with 3. `--rehearse` runs all of it on the CPU with the smallest sizes, so that
 * what only a card can tell is all that waits for one.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { kineticsLike } from './kinetics_like.mjs';
import { lastJson, running } from './running.mjs';

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'cuda:0' },
    videos: { type: 'string' },
    group: { type: 'string', default: '([^/_]+)_[^/]*$' },
    rehearse: { type: 'boolean', default: false },
  },
});
const device = values.rehearse ? 'cpu' : values.device;
const started = performance.now();
/** Ten minutes, less what ending takes. */
const LIMIT_MS = 590_000;
const left = () => LIMIT_MS - (performance.now() - started);
const say = (text) =>
  process.stderr.write(`${((performance.now() - started) / 1000).toFixed(0)} s  ${text}\n`);

/** A program, cut off when its time or the whole's is over. */
const ran = async (command, args, { seconds, environment }) => {
  const limitMs = Math.max(0, Math.min(1000 * seconds, left()));
  const done = await running(command, args, { limitMs, environment });
  if (!done.ok) say(`${command} ${args.join(' ').slice(0, 120)}: ${done.why}`);
  return done;
};
const node = (args, options) => ran(process.execPath, args, options);
const figure = (value, digits = 1) => (Number.isFinite(value) ? value.toFixed(digits) : '');
const megabytes = (bytes) => figure(bytes / 1e6, 0);
const rows = [];
const row = (what, ours, beside, ratio, more = '') => rows.push([what, ours, beside, ratio, more]);
const KERNELS = { X3D_CARD_KERNELS: 'on' };

const PROBE = `
const { nodeBackend } = await import('./dist/training/engine/tensorflow.js');
const { selfTest } = await import('./dist/training/engine/selftest.js');
const onCard = nodeBackend()?.binding.isUsingGpuDevice() ?? false;
const tests = process.argv[1] === 'test' ? await selfTest() : [];
process.stdout.write('\\n' + JSON.stringify({ onCard, tests }) + '\\n');
`;
const probe = async (what, seconds) =>
  lastJson(await node(['--input-type=module', '-e', PROBE, what], { seconds, environment: KERNELS }));

async function selfTested() {
  const { tests = [] } = (await probe('test', 60)) ?? {};
  for (const { name, error, ok } of tests)
    row(name, ok ? 'right' : 'WRONG', '', '', `error ${error.toExponential(1)}`);
  if (tests.length === 0) row('self-test', 'failed', '', '', 'nothing below can be relied on');
}

async function operations() {
  const sizes = values.rehearse ? ['1', '2'] : ['64', '20'];
  const made = lastJson(await node(['bench/card_operations.mjs', ...sizes], { seconds: 60 }));
  if (!made) return row('copy, channelwise convolutions', 'failed', '', '');
  row('copy, GB/s', figure(made.copyRate, 0), '', '');
  for (const { shape, kernels, theirs, apart, sameBits, ...rates } of made.convolutions) {
    const more = [
      `${figure(rates.forwardRate, 0)} and ${figure(rates.bothRate, 0)} GB/s`,
      `${apart.toExponential(1)} apart`,
      sameBits ? 'same bits twice' : 'OTHER BITS',
    ].join(', ');
    for (const [way, key] of [
      ['forwards', 'forwardMs'],
      ['both ways', 'bothMs'],
    ])
      row(
        `channelwise ${shape}, ${way}: kernel, TensorFlow, ms`,
        ...[figure(kernels[key], 3), figure(theirs[key], 3), figure(theirs[key] / kernels[key], 2)],
        way === 'forwards' ? more : '',
      );
  }
}

const STEPS = [
  { line: 'X3D-XS, batch 64', ways: 'eager,channels-last,compile', seconds: 110 },
  { line: 'X3D-XS, batch 4', ways: 'eager,channels-last', seconds: 30 },
  { line: 'X3D-S, batch 16', ways: 'channels-last', seconds: 30 },
  { line: 'X3D-M, batch 16', ways: 'channels-last', seconds: 40 },
  { line: 'X3D-XS evaluation', ways: 'eager,channels-last', seconds: 30 },
  { line: 'X3D-XS, batch 64', ways: 'channels-last', seconds: 50, mixed: true },
];
const REHEARSED = [{ line: 'micro', ways: 'eager', seconds: 60 }];
const SEARCH_SECONDS = values.rehearse ? 20 : 60;

const stepArguments = (line) =>
  `bench/step.mjs --json --threads 1 --rounds 2 --device ${device} --line`.split(' ').concat(line);

async function steps({ line, ways, seconds, mixed = false }) {
  const args = stepArguments(line);
  const measured = async (more, environment) =>
    lastJson(await node([...args, ...(mixed ? ['--mixed'] : []), ...more], { seconds, environment }))
      ?.lines[0];
  const own = await measured(['--ways', ways], KERNELS);
  // The other path needs no peer beside it.
  const today = await measured([], { X3D_CARD_KERNELS: '', X3D_BENCH_PYTHON: '' });
  const precision = mixed ? ', half precision' : '';
  const facts = (l, of) =>
    Number.isFinite(l?.[`${of}PeakBytes`])
      ? `${megabytes(l[`${of}CardBytes`]) || '-'} MB card, ${megabytes(l[`${of}PeakBytes`])} host, ready after ${figure(l[`${of}ReadyMs`] / 1000) || '-'} s`
      : '';
  row(
    `${line}${precision}: with the kernels, PyTorch, ms`,
    figure(own?.oursMs),
    own?.peerMs ? `${figure(own.peerMs)} (${own.peerWay})` : '',
    figure(own?.ratio, 2),
    [facts(own, 'ours'), facts(own, 'peer')].filter(Boolean).join('; PyTorch '),
  );
  row(
    `${line}${precision}: today's path, PyTorch, ms`,
    figure(today?.oursMs),
    figure(own?.peerMs),
    figure(own?.peerMs / today?.oursMs, 2),
    facts(today, 'ours'),
  );
}

/** Steps a second of some trainings at once. */
async function threeAtOnce() {
  const line = values.rehearse ? 'micro' : 'X3D-XS, batch 4';
  const one = async () => {
    const environment = { ...KERNELS, X3D_BENCH_PYTHON: '' };
    return lastJson(await node(stepArguments(line), { seconds: 60, environment }))?.lines[0]?.oursMs;
  };
  const alone = await one();
  const three = await Promise.all([one(), one(), one()]);
  const together = three.reduce((sum, ms) => sum + 1000 / ms, 0);
  row(
    `three trainings at once against one, steps per second (${line})`,
    ...[figure(together), figure(1000 / alone), figure((together * alone) / 1000, 2)],
  );
}

/** A search that is cut off after a while, or ends before. */
async function search(name, folder, more) {
  const home = mkdtempSync(join(tmpdir(), 'x3d-bench-card-'));
  try {
    const args = [
      'bin/x3d-search.js',
      'run',
      folder,
      '--group',
      values.group,
      '--home',
      home,
      '--json',
      '--device',
      device,
    ];
    const from = performance.now();
    const { ok } = await ran(process.execPath, [...args, '--per-device', '3', ...more], {
      seconds: SEARCH_SECONDS,
      environment: KERNELS,
    });
    const took = (performance.now() - from) / 1000;
    const candidates = join(home, 'candidates');
    const shares = (existsSync(candidates) ? readdirSync(candidates) : [])
      .map((id) => join(candidates, id, 'result.json'))
      .filter((path) => existsSync(path))
      .map((path) => JSON.parse(readFileSync(path, 'utf8')).stepShare)
      .filter(Number.isFinite)
      .sort((a, b) => a - b);
    row(
      `search, ${name}, s`,
      ok ? figure(took, 0) : `not in ${figure(took, 0)}`,
      ...['', ''],
      shares.length === 0
        ? 'no training ended'
        : `${shares.length} trainings; share of steps ${figure(shares[0], 2)} to ${figure(shares.at(-1), 2)}`,
    );
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Whether a training gives the same bits twice. */
async function sameSeed(path, environment) {
  const once = async () =>
    lastJson(await node(['bench/card_bits.mjs', device], { seconds: 30, environment }))?.bits;
  const [first, second] = [await once(), await once()];
  const said = first === undefined || second === undefined ? 'not run' : first === second ? 'same' : 'OTHER';
  row(`the same seed twice, ${path}: bits`, said, '', '');
}

/** Tests that run on whatever device TensorFlow has; in full precision, as they compare to what is exact. */
async function tests() {
  await sameSeed('with the kernels', KERNELS);
  await sameSeed("today's path", { X3D_CARD_KERNELS: '' });
  const args = ['vitest', 'run', '--reporter=json', 'test/training/engine/parity.test.ts'];
  const { output } = await ran('npx', args, {
    seconds: 60,
    environment: { ...KERNELS, NVIDIA_TF32_OVERRIDE: '0' },
  });
  const report = lastJson({ output, ok: output.includes('numPassedTests') });
  row(
    'parity with PyTorchVideo, tests',
    report ? `${report.numPassedTests} passed, ${report.numFailedTests} failed` : 'not run',
    ...['', ''],
  );
}

const { onCard = false } = (await probe('', 60)) ?? {};
if (!onCard && !values.rehearse) {
  process.stderr.write(
    'No card: TensorFlow sees no GPU on this machine, so there is nothing to measure.\n`x3d-search doctor` says what is missing; set up with `npm run setup -- --cuda` on a machine with an NVIDIA card.\n',
  );
  process.exit(3);
}
const quick = ['--recipe', 'epochs=2'];
const parts = [
  ['self-test', selfTested],
  ['memory and channelwise convolutions', operations],
  ...(values.rehearse ? REHEARSED : STEPS).map((line) => [line.line, () => steps(line)]),
  ['three trainings at once', threeAtOnce],
  ['parity and determinism', tests],
  ...(values.videos ? [[values.videos, () => search(values.videos, values.videos, ['--target', '6M'])]] : []),
  [
    '340x256 clips',
    () => search('x2d on 340x256 clips', kineticsLike(), ['--base', 'x2d', '--target', '100M', ...quick]),
  ],
];
for (const [name, part] of parts) {
  if (left() < 10_000) {
    row(name, 'no time left', '', '');
    continue;
  }
  say(name);
  await part();
}
const table = new Table({ head: ['', 'ours', 'beside', 'ratio', ''], style: { head: [], border: [] } });
table.push(...rows);
console.log(table.toString());
console.log(
  `${values.rehearse ? 'Rehearsed on the CPU; ' : ''}${((performance.now() - started) / 1000).toFixed(0)} s`,
);
