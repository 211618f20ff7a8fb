/** `evaluate`: a trained network on videos: what a search has left, or published weights. */
import { Command, Option } from 'commander';
import { openDataset } from '../../data/index.js';
import { X3dError } from '../../errors.js';
import { homeAt } from '../../home.js';
import { MODELS, type ModelName } from '../../network/index.js';
import type { Assessment } from '../../training/assess.js';
import { publishedNetwork, readSaved, type SavedNetwork } from '../../training/saved.js';
import type { Device, Evaluation } from '../../training/training.js';
import { trainerEnvironment } from '../../workers/child.js';
import { type DataOptions, dataFrom, VIDEOS, withData } from '../data.js';
import { percent } from '../figures.js';
import { example, homeOption, jsonOption, whole } from '../flags.js';
import { deviceNamed, refuseMissing, slowTraining } from '../fleet.js';
import { print } from '../printing.js';
import { progressLine } from '../progress.js';
import { columns } from '../table.js';

interface EvaluateOptions extends DataOptions {
  readonly network?: string;
  readonly model?: ModelName;
  readonly weights?: string;
  readonly part: 'validation' | 'test';
  readonly views: number;
  readonly device: Device;
  readonly threads: number;
  readonly home: string;
  readonly json?: boolean;
}

async function savedFrom({ network, model, weights }: EvaluateOptions): Promise<SavedNetwork> {
  if (network !== undefined && model === undefined && weights === undefined) return readSaved(network);
  if (network === undefined && model !== undefined && weights !== undefined)
    return publishedNetwork(model, weights);
  throw new X3dError('invalid-input', {
    subject: '--network',
    expected: 'the folder of a network, or --model and --weights instead',
    got:
      [network && '--network', model && '--model', weights && '--weights'].filter(Boolean).join(', ') ||
      'neither',
  });
}

function text({ center, leftCenterRight }: Assessment, part: string): string {
  const table = columns({
    strategy: 'left',
    views: 'right',
    'top-1': 'right',
    'top-5': 'right',
    loss: 'right',
  });
  const row = (name: string, { viewsPerVideo, metrics }: Evaluation) =>
    table.push([
      name,
      viewsPerVideo,
      percent(metrics.accuracy),
      percent(metrics.top5),
      metrics.loss.toFixed(3),
    ]);
  row('K-Center', center);
  row('K-LeftCenterRight', leftCenterRight);
  return `${table}\non ${center.videos} videos of the ${part} part`;
}

async function evaluate(path: string, options: EvaluateOptions): Promise<void> {
  const { part, views, threads, json } = options;
  const saved = await savedFrom(options);
  const { rate } = saved.preprocessing;
  refuseMissing([options.device]);
  const slow = slowTraining();
  if (slow !== undefined) process.stderr.write(`${slow}\n`);
  const cacheFolder = homeAt(options.home).cache;
  const looking = progressLine('looking at videos');
  const dataset = await openDataset(
    // The network's strides count at the rate that it was trained at, whatever the rate of these videos.
    { path, ...(rate === undefined ? {} : { rate }), ...dataFrom(options) },
    // With shares the videos are divided as a search divides them.
    {
      cacheFolder,
      onProgress: looking,
      part,
      classes: saved.classes ?? saved.base.classes,
      ...(options.shares ? {} : { undivided: 'test' }),
    },
  );
  if (dataset.parts[part] === 0)
    throw new X3dError('data', {
      subject: path,
      expected: `videos in the ${part} part`,
      got: 'none',
      remedy: 'Name another --part, or divide the videos otherwise.',
    });
  // Read as TensorFlow loads.
  Object.assign(process.env, trainerEnvironment(threads, options.device));
  const { assess } = await import('../../training/assess.js');
  const showing = progressLine('evaluating');
  const assessment = await assess(saved, dataset, {
    part,
    views,
    device: options.device,
    threads,
    cacheFolder,
    report: ({ done, of }) => showing(done, of),
  });
  const { classes } = dataset;
  print(json, { part, classes, ...assessment }, () => text(assessment, part));
}

export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('Test a trained network on videos: what a search has left, or published weights')
    .argument('<videos>', VIDEOS)
    .option('--network <folder>', 'the folder runs/ID/network of a search')
    .addOption(new Option('--model <name>', 'a published network').choices(Object.keys(MODELS)))
    .option(
      '--weights <file>',
      'of the published network: safetensors or a PyTorch checkpoint, of PyTorchVideo or SlowFast',
    )
    .addOption(
      new Option(
        '--part <name>',
        'which videos; where nothing divides them, not even --shares, all are of test',
      )
        .choices(['validation', 'test'])
        .default('test'),
    )
    .option('--views <n>', 'clips a video', whole, 10)
    .option('--device <name>', 'cpu, or a CUDA card as cuda:0', deviceNamed, 'cpu')
    .option('--threads <n>', 'of the engine; on a card, that decode', whole, 1);
  return withData(command)
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        'evaluate ~/videos/others --network x3d-search-data/runs/s0123456789/network',
        'evaluate ~/videos/kinetics/val --model XS --weights x3d_xs.pyth',
      ),
    )
    .action(evaluate);
}
