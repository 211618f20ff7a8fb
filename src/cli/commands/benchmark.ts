/** `benchmark`: how fast networks are on this machine, and a table from which a search can know it of any network. */
import { availableParallelism } from 'node:os';
import { Command, Option } from 'commander';
import { type NamedNetwork, networkNamed } from '../../deployment/named.js';
import type { Timing } from '../../deployment/timing.js';
import { X3dError } from '../../errors.js';
import { writeWhole } from '../../files.js';
import { networkCost } from '../../flops/cost.js';
import type { LatencyCheck } from '../../flops/latency.js';
import { homeAt } from '../../home.js';
import { BASES, type BaseName } from '../../network/index.js';
import { trainerEnvironment } from '../../workers/child.js';
import { amount, clip, percent } from '../figures.js';
import { example, homeOption, jsonOption, NETWORK, whole } from '../flags.js';
import { print } from '../printing.js';
import { progressLine } from '../progress.js';
import { columns } from '../table.js';

interface BenchmarkOptions {
  readonly table?: string;
  readonly base: BaseName;
  readonly threads?: number;
  readonly home: string;
  readonly json?: boolean;
}

/** Clips in a batch where their number a second counts. */
const BATCH = 8;
const PATIENCE = { clock: 'wall', seconds: 2, calls: 10 } as const;
/** Whole networks that a table is held to. */
const CHECKED = 12;

interface Speed {
  readonly threads: number;
  /** Milliseconds for one clip. */
  readonly latency: Timing;
  /** In batches of eight. */
  readonly clipsPerSecond: number;
}

async function speedsOf(named: NamedNetwork, threadCounts: readonly number[]): Promise<Speed[]> {
  const { onnxGraph } = await import('../../deployment/exporting.js');
  const { timeGraph } = await import('../../deployment/timing.js');
  const graph = onnxGraph(named);
  const { frames, crop } = named.saved.preprocessing;
  const speeds: Speed[] = [];
  for (const threads of threadCounts) {
    const latency = await timeGraph(graph, [1, 3, frames, crop, crop], threads, PATIENCE);
    const batch = await timeGraph(graph, [BATCH, 3, frames, crop, crop], threads, PATIENCE);
    speeds.push({ threads, latency, clipsPerSecond: (1000 * BATCH) / batch.median });
  }
  return speeds;
}

interface Benchmarked {
  readonly network: string;
  readonly multiplyAdds: number;
  readonly parameters: number;
  readonly speeds: readonly Speed[];
}

function networksText(found: readonly Benchmarked[], machine: string): string {
  const table = columns(
    {
      network: 'left',
      'multiply-adds': 'right',
      parameters: 'right',
      threads: 'right',
      'ms a clip': 'right',
      '10 to 90 %': 'right',
      'clips per s': 'right',
    },
    { brief: { 'multiply-adds': 'multiply-\nadds', 'clips per s': 'clips\nper s' }, cut: ['network'] },
  );
  for (const { network, multiplyAdds, parameters, speeds } of found)
    speeds.forEach(({ threads, latency, clipsPerSecond }, i) => {
      const { median, low, high } = latency;
      table.push([
        ...(i === 0 ? [network, amount(multiplyAdds), amount(parameters)] : ['', '', '']),
        threads,
        median.toFixed(2),
        `${low.toFixed(2)} to ${high.toFixed(2)}`,
        clipsPerSecond.toFixed(1),
      ]);
    });
  return `${table}\n${machine}, onnxruntime; clips per second in batches of ${BATCH}`;
}

/** How far off predictions are, as shares of what was measured; sorted. */
const errorsOf = (checks: readonly LatencyCheck[]) =>
  checks.map(({ measured, predicted }) => Math.abs(predicted / measured - 1)).sort((a, b) => a - b);

function tableText(file: string, points: number, checks: readonly LatencyCheck[]): string {
  const table = columns({
    clip: 'left',
    crop: 'right',
    width: 'right',
    bottleneck: 'right',
    depth: 'right',
    'measured ms': 'right',
    'predicted ms': 'right',
    off: 'right',
  });
  for (const { factors, measured, predicted } of checks)
    table.push([
      clip(factors),
      factors.crop,
      factors.width,
      factors.bottleneck,
      factors.depth,
      measured.toFixed(2),
      predicted.toFixed(2),
      percent(predicted / measured - 1),
    ]);
  const errors = errorsOf(checks);
  const median = errors[Math.floor(errors.length / 2)] ?? 0;
  return `${table}
wrote ${file}: ${points} latencies of parts
whole networks differ from what it predicts by ${percent(median)} in the median, ${percent(errors.at(-1) ?? 0)} at most`;
}

async function tabulate(file: string, { base: name, threads = 1, json }: BenchmarkOptions): Promise<void> {
  const { measureTable } = await import('../../deployment/tabulating.js');
  const onProgress = progressLine('measuring');
  const table = await measureTable({ base: BASES[name], threads, checked: CHECKED, onProgress });
  await writeWhole(file, `${JSON.stringify(table)}\n`);
  const points = table.grids.reduce((all, { perMultiplyAdd }) => all + perMultiplyAdd.length, 0);
  const { checks } = table;
  print(json, { file, points, checks }, () => tableText(file, points, checks));
}

async function benchmark(networks: readonly string[], options: BenchmarkOptions): Promise<void> {
  const { table, threads, json } = options;
  if ((networks.length === 0) === (table === undefined))
    throw new X3dError('invalid-input', {
      subject: 'benchmark',
      expected: 'networks, or --table and no networks',
      got: table === undefined ? 'neither' : 'both',
    });
  // Loaded with the networks' weights.
  Object.assign(process.env, trainerEnvironment(1, 'cpu'));
  if (table !== undefined) return tabulate(table, options);
  const home = homeAt(options.home);
  const named = await Promise.all(networks.map((network) => networkNamed(network, home)));
  const { savedNetworkAt } = await import('../../training/loading.js');
  const { processor } = await import('../../deployment/timing.js');
  const counts = threads === undefined ? [...new Set([1, availableParallelism()])] : [threads];
  const showing = progressLine('measuring networks');
  const found: Benchmarked[] = [];
  for (const network of named) {
    showing(found.length, named.length);
    const { multiplyAdds, parameters } = networkCost(savedNetworkAt(network.saved, 'center'));
    found.push({ network: network.name, multiplyAdds, parameters, speeds: await speedsOf(network, counts) });
  }
  showing(named.length, named.length);
  const machine = processor();
  print(json, { machine, batch: BATCH, networks: found }, () => networksText(found, machine));
}

export function benchmarkCommand(): Command {
  return new Command('benchmark')
    .description('Measure how fast networks are on this machine, through onnxruntime')
    .argument('[networks...]', NETWORK)
    .option('--threads <n>', 'of onnxruntime (default: 1 and all; for a table 1)', whole)
    .option(
      '--table <file>',
      'instead of networks, measure the parts of those that a search may come to, and check what follows from them on whole ones; takes minutes',
    )
    .addOption(
      new Option('--base <name>', 'what the search starts from, for a table')
        .choices(Object.keys(BASES))
        .default('x2d-micro'),
    )
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example('benchmark s0123456789 s9876543210', 'benchmark --table this-machine.json --base x2d-micro'),
    )
    .action(benchmark);
}
