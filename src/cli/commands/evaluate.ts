/** `evaluate`: a trained network on videos: what a search has left, or published weights. */
import { Command, Option } from 'commander';
import { networkNamed } from '../../deployment/named.js';
import { X3dError } from '../../errors.js';
import { homeAt } from '../../home.js';
import { MODELS, type ModelName } from '../../network/index.js';
import { heldOut } from '../../training/held.js';
import { publishedNetwork, type SavedNetwork } from '../../training/saved.js';
import type { Device } from '../../training/training.js';
import { trainerEnvironment } from '../../workers/child.js';
import { type DataOptions, VIDEOS, withData } from '../data.js';
import { evaluationData, evaluationText, writeEvaluation } from '../evaluation.js';
import { example, homeOption, jsonOption, NETWORK, whole } from '../flags.js';
import { deviceNamed, refuseMissing, slowTraining } from '../fleet.js';
import { print } from '../printing.js';
import { progressLine } from '../progress.js';
import { type Searched, searchedBy } from '../searched.js';
import { openTested } from '../tested.js';

interface EvaluateOptions extends DataOptions {
  readonly network?: string;
  readonly model?: ModelName;
  readonly weights?: string;
  readonly output?: string;
  readonly part: 'validation' | 'test';
  readonly views: number;
  readonly device: Device;
  readonly threads: number;
  readonly home: string;
  readonly json?: boolean;
}

interface Named {
  readonly saved: SavedNetwork;
  /** What its search knew, where it lies in the run's folder. */
  readonly search?: Searched;
}

async function namedBy({ network, model, weights, home }: EvaluateOptions): Promise<Named> {
  if (network !== undefined && model === undefined && weights === undefined) {
    const named = await networkNamed(network, homeAt(home));
    const search = await searchedBy(named);
    return { saved: named.saved, ...(search ? { search } : {}) };
  }
  if (network === undefined && model !== undefined && weights !== undefined)
    return { saved: await publishedNetwork(model, weights) };
  throw new X3dError('invalid-input', {
    subject: '--network',
    expected: 'the folder of a network, or --model and --weights instead',
    got:
      [network && '--network', model && '--model', weights && '--weights'].filter(Boolean).join(', ') ||
      'neither',
  });
}

async function evaluate(path: string | undefined, options: EvaluateOptions): Promise<void> {
  const { part, views, threads, device, json, output } = options;
  const { saved, search } = await namedBy(options);
  refuseMissing([device]);
  const slow = slowTraining();
  if (slow !== undefined) process.stderr.write(`${slow}\n`);
  const cacheFolder = homeAt(options.home).cache;
  const opened = path === undefined ? search?.data : await openTested(path, saved, options, cacheFolder);
  if (!opened)
    throw new X3dError('invalid-input', {
      subject: 'videos',
      expected: 'videos as an argument, where the network does not lie in the folder of its run',
      got: 'none',
    });
  const { dataset, own, leftOut } = heldOut(opened, part, search, path ?? search?.name ?? 'videos');
  const nothing = { train: 0, validation: 0, test: 0 };
  // Read as TensorFlow loads.
  Object.assign(process.env, trainerEnvironment(threads, device));
  const { assess } = await import('../../training/assess.js');
  const showing = progressLine('evaluating');
  const assessment = await assess(saved, dataset, {
    part,
    views,
    device,
    threads,
    cacheFolder,
    report: ({ done, of }) => showing(done, of),
  });
  const { classes, skipped } = dataset;
  const evaluated = {
    part,
    classes,
    ...assessment,
    skipped: path === undefined ? [] : skipped,
    ...(search
      ? { search: { name: search.name, own, leftOut: path === undefined ? nothing : leftOut } }
      : {}),
  };
  if (output !== undefined) await writeEvaluation(output, evaluated);
  print(json, evaluationData(evaluated), () => evaluationText(evaluated));
}

export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('Test a trained network on videos: what a search has left, or published weights')
    .argument(
      '[videos]',
      `${VIDEOS}; one such list by itself; or the folder of one class (default: those of the network's run)`,
    )
    .option('--network <network>', NETWORK)
    .option('--output <folder>', 'write evaluation.json, predictions.csv and confusion.svg there')
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
        'evaluate --network s0123456789',
        'evaluate ~/videos/others --network s0123456789 --output others',
        'evaluate others/test.csv --network s0123456789',
        'evaluate ~/videos/kinetics/val --model XS --weights x3d_xs.pyth',
      ),
    )
    .action(evaluate);
}
