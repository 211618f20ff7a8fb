/** `export`: the network found, in the form in which other programs take it. */
import { join } from 'node:path';
import { Command, Option } from 'commander';
import type { Dataset } from '../../data/index.js';
import { STANDARD_INPUT } from '../../deployment/clips.js';
import type { Difference } from '../../deployment/exporting.js';
import { type NamedNetwork, networkNamed } from '../../deployment/named.js';
import type { Cost, Quantised } from '../../deployment/quantising.js';
import { X3dError } from '../../errors.js';
import { writeWhole } from '../../files.js';
import { type Home, homeAt } from '../../home.js';
import { partedAs } from '../../training/held.js';
import { trainerEnvironment } from '../../workers/child.js';
import { type DataOptions, dataFrom, withData } from '../data.js';
import { digits, percent } from '../figures.js';
import { example, homeOption, jsonOption, NETWORK } from '../flags.js';
import { print } from '../printing.js';
import { progressLine } from '../progress.js';
import { type Searched, searchedBy } from '../searched.js';
import { columns } from '../table.js';

const FORMATS = ['onnx', 'safetensors', 'torch', 'slowfast'] as const;
type Format = (typeof FORMATS)[number];

interface ExportOptions extends DataOptions {
  readonly int8?: boolean;
  readonly format: Format;
  readonly output: string;
  readonly videos?: readonly string[];
  readonly home: string;
  readonly json?: boolean;
}

/** How far onnxruntime's scores may be from the engine's. */
const MOST_DIFFERENCE = 1e-3;
/** What the two are compared on: two clips of each video, or made ones. */
const VIDEOS_COMPARED = 8;
const MADE_CLIPS = 8;

interface Written {
  readonly files: readonly string[];
  /** Of ONNX. */
  readonly difference?: Difference & { readonly on: 'videos' | 'made clips' };
  /** Of ONNX in 8 bits. */
  readonly int8?: Omit<Quantised, 'model'> & {
    /** Whether the network was trained on the validation videos too. */
    readonly validationTrained: boolean;
  };
}

/** Videos in the parts that trained and validated the network: ranges are taken from some, the cost from others. */
async function dividedSet(
  { classes, saved }: NamedNetwork,
  search: Searched | undefined,
  options: ExportOptions,
  home: Home,
): Promise<Dataset> {
  const [path, ...more] = options.videos ?? [];
  if (path === undefined && search) return search.data;
  if (path === undefined || more.length > 0)
    throw new X3dError('invalid-input', {
      subject: '--int8',
      expected: search
        ? "one folder of videos beside it, --videos, or none for those of the network's run"
        : 'one folder of videos beside it, --videos, with the flags that divided them for training',
      got: path === undefined ? 'none' : `${more.length + 1} paths`,
    });
  const { rate } = saved.preprocessing;
  const data = { path, ...(rate === undefined ? {} : { rate }), ...dataFrom(options) };
  const { openDataset } = await import('../../data/index.js');
  const opened = await openDataset(data, {
    cacheFolder: home.cache,
    classes,
    onProgress: progressLine('looking at videos'),
    ...(search && !options.shares ? { undivided: 'test' } : {}),
  });
  return search ? partedAs(opened, search) : opened;
}

async function clipsToCompare(
  named: NamedNetwork,
  search: Searched | undefined,
  given: readonly string[],
  home: Home,
) {
  const { clipsOf, lookAt, videoFiles } = await import('../../deployment/clips.js');
  const isGiven = given.length > 0;
  const files = isGiven
    ? await videoFiles(given, async () => '')
    : (search?.data.videos.map(({ path }) => path) ?? []);
  const step = Math.max(1, Math.floor(files.length / VIDEOS_COMPARED));
  const chosen = files.filter((_, index) => index % step === 0).slice(0, VIDEOS_COMPARED);
  const { videos: seen } = await lookAt(chosen, { cacheFolder: home.cache });
  if (seen.length > 0) {
    const options = { views: 2, cacheFolder: home.cache, threads: 1 };
    return { on: 'videos' as const, source: clipsOf(seen, named.saved.preprocessing, options) };
  }
  if (isGiven)
    throw new X3dError('data', {
      subject: '--videos',
      expected: 'videos that can be decoded',
      got: files.length === 0 ? 'none' : `${chosen.length} files, none of them one`,
    });
  const { madeClips } = await import('../../deployment/exporting.js');
  return { on: 'made clips' as const, source: madeClips(named, MADE_CLIPS) };
}

async function writeOnnx(named: NamedNetwork, options: ExportOptions, home: Home): Promise<Written> {
  const { compareWithEngine, onnxGraph, onnxModel } = await import('../../deployment/exporting.js');
  const search = await searchedBy(named);
  const dataset = options.int8 ? await dividedSet(named, search, options, home) : undefined;
  const graph = onnxGraph(named);
  const model = onnxModel(named, graph);
  const { on, source } = await clipsToCompare(named, search, options.videos ?? [], home);
  const difference = await compareWithEngine(model, named, source, { device: 'cpu', threads: 1 });
  if (difference.largest > MOST_DIFFERENCE)
    throw new X3dError('environment', {
      subject: options.output,
      expected: `scores within ${MOST_DIFFERENCE} of the engine's, by onnxruntime`,
      got: `a difference of ${difference.largest.toExponential(1)}; nothing was written`,
      remedy: "Please report it with the network's network.json: both should compute the same function.",
    });
  const found = { files: [options.output], difference: { ...difference, on } };
  if (!dataset) {
    await writeWhole(options.output, model);
    return found;
  }
  const { quantise } = await import('../../deployment/quantising.js');
  const shown = { ranges: progressLine('taking ranges'), validation: progressLine('validating') };
  const { model: small, ...int8 } = await quantise(graph, named, dataset, {
    cacheFolder: home.cache,
    onProgress: (what, done, of) => shown[what](done, of),
  });
  await writeWhole(options.output, small);
  const validationTrained = named.saved.trainedOn === 'train-and-validation';
  return { ...found, int8: { ...int8, validationTrained } };
}

async function write(named: NamedNetwork, options: ExportOptions, home: Home): Promise<Written> {
  const { format, output } = options;
  if (options.int8 && format !== 'onnx')
    throw new X3dError('invalid-input', {
      subject: '--int8',
      expected: '--format onnx beside it',
      got: format,
    });
  if (format === 'onnx') return writeOnnx(named, options, home);
  if (format === 'slowfast') {
    const { slowfastConfiguration } = await import('../../deployment/slowfast.js');
    await writeWhole(output, slowfastConfiguration(named));
    return { files: [output] };
  }
  const { metadataOf, torchWeights } = await import('../../deployment/exporting.js');
  const weights = torchWeights(named.saved, metadataOf(named));
  if (format === 'safetensors') {
    await writeWhole(output, weights);
    return { files: [output] };
  }
  const { TORCH_SCRIPT, TORCH_WEIGHTS, torchScript } = await import('../../deployment/torch.js');
  const files = [join(output, TORCH_SCRIPT), join(output, TORCH_WEIGHTS)];
  await writeWhole(join(output, TORCH_WEIGHTS), weights);
  await writeWhole(join(output, TORCH_SCRIPT), torchScript(named));
  return { files };
}

function int8Text({ clips, validation, validationTrained }: NonNullable<Written['int8']>): string[] {
  const { videos, agreeing, float, int8 } = validation;
  const table = columns({
    on: 'left',
    'top-1': 'right',
    loss: 'right',
    bytes: 'right',
    'ms a clip': 'right',
  });
  const row = (name: string, { metrics, bytes, milliseconds }: Cost) =>
    table.push([
      name,
      percent(metrics.accuracy),
      metrics.loss.toFixed(3),
      digits(bytes),
      milliseconds.toFixed(2),
    ]);
  row('single precision', float);
  row('8 bits', int8);
  return [
    `What 8 bits cost on the ${videos} videos of the validation part, by onnxruntime on one thread of this machine:`,
    String(table),
    `The most probable class is the same for ${agreeing} of them. Ranges are of ${clips} training clips.`,
    ...(validationTrained
      ? ['These videos trained the network too: on others both do worse, and 8 bits may cost more.']
      : []),
  ];
}

function text({ files, difference, int8 }: Written): string {
  const lines = files.map((file) => `wrote ${file}`);
  if (difference) {
    const { largest, clips, on } = difference;
    lines.push(
      `onnxruntime's scores differ from the engine's by ${largest.toExponential(1)} at most, on ${clips} ${on === 'videos' ? 'clips of the videos' : on}`,
    );
  }
  if (int8) lines.push(...int8Text(int8));
  return lines.join('\n');
}

async function exportNetwork(network: string, options: ExportOptions): Promise<void> {
  const home = homeAt(options.home);
  if (options.videos?.includes(STANDARD_INPUT))
    throw new X3dError('invalid-input', {
      subject: '--videos',
      expected: 'files, folders or lists',
      got: '-',
    });
  const named = await networkNamed(network, home);
  // Read as TensorFlow loads.
  Object.assign(process.env, trainerEnvironment(1, 'cpu'));
  const written = await write(named, options, home);
  print(options.json, written, () => text(written));
}

export function exportCommand(): Command {
  const command = new Command('export')
    .description('Write a network found for other programs: ONNX, safetensors, PyTorch, SlowFast')
    .argument('<network>', NETWORK)
    .addOption(
      new Option(
        '--format <name>',
        "onnx: one file, any batch size; safetensors: weights under PyTorchVideo's names; torch: a folder with these and the Python file that loads them; slowfast: a YAML",
      )
        .choices(FORMATS)
        .makeOptionMandatory(),
    )
    .requiredOption('--output <path>', 'the file to write; for torch the folder')
    .option(
      '--videos <paths...>',
      "what onnx is compared with the engine on: files, folders or lists (default: those of the network's run, else made clips)",
    )
    .option(
      '--int8',
      "onnx in 8 bits: ranges from the training part of --videos or of the network's run, and what it costs on the validation part",
    );
  return withData(command)
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        'export s0123456789 --format onnx --output gestures.onnx --videos ~/videos/gestures',
        'export s0123456789 --format onnx --int8 --output small.onnx',
        'export x3d-search-data/runs/s0123456789 --format torch --output gestures-torch',
      ),
    )
    .action(exportNetwork);
}
