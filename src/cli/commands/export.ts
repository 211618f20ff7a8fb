/** `export`: the network found, in the form in which other programs take it. */
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { STANDARD_INPUT } from '../../deployment/clips.js';
import type { Difference } from '../../deployment/exporting.js';
import { type NamedNetwork, networkNamed } from '../../deployment/named.js';
import { X3dError } from '../../errors.js';
import { writeWhole } from '../../files.js';
import { type Home, homeAt } from '../../home.js';
import { trainerEnvironment } from '../../workers/child.js';
import { example, homeOption, jsonOption, NETWORK } from '../flags.js';
import { print } from '../printing.js';

const FORMATS = ['onnx', 'safetensors', 'torch', 'slowfast'] as const;
type Format = (typeof FORMATS)[number];

interface ExportOptions {
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
}

async function clipsToCompare(named: NamedNetwork, videos: readonly string[], home: Home) {
  const { madeClips } = await import('../../deployment/exporting.js');
  const on = 'made clips' as const;
  if (videos.length === 0) return { on, source: madeClips(named, MADE_CLIPS) };
  const { clipsOf, lookAt, videoFiles } = await import('../../deployment/clips.js');
  const files = await videoFiles(videos, async () => '');
  const step = Math.max(1, Math.floor(files.length / VIDEOS_COMPARED));
  const chosen = files.filter((_, index) => index % step === 0).slice(0, VIDEOS_COMPARED);
  const { videos: seen } = await lookAt(chosen, { cacheFolder: home.cache });
  if (seen.length === 0)
    throw new X3dError('data', {
      subject: '--videos',
      expected: 'videos that can be decoded',
      got: files.length === 0 ? 'none' : `${chosen.length} files, none of them one`,
    });
  const options = { views: 2, cacheFolder: home.cache, threads: 1 };
  return { on: 'videos' as const, source: clipsOf(seen, named.saved.preprocessing, options) };
}

async function writeOnnx(named: NamedNetwork, options: ExportOptions, home: Home): Promise<Written> {
  const { compareWithEngine, onnxGraph, onnxModel } = await import('../../deployment/exporting.js');
  const model = onnxModel(named, onnxGraph(named));
  const { on, source } = await clipsToCompare(named, options.videos ?? [], home);
  const difference = await compareWithEngine(model, named, source, { device: 'cpu', threads: 1 });
  if (difference.largest > MOST_DIFFERENCE)
    throw new X3dError('environment', {
      subject: options.output,
      expected: `scores within ${MOST_DIFFERENCE} of the engine's, by onnxruntime`,
      got: `a difference of ${difference.largest.toExponential(1)}; nothing was written`,
      remedy: "Please report it with the network's network.json: both should compute the same function.",
    });
  await writeWhole(options.output, model);
  return { files: [options.output], difference: { ...difference, on } };
}

async function write(named: NamedNetwork, options: ExportOptions, home: Home): Promise<Written> {
  const { format, output } = options;
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

function text({ files, difference }: Written): string {
  const lines = files.map((file) => `wrote ${file}`);
  if (difference) {
    const { largest, clips, on } = difference;
    lines.push(
      `onnxruntime's scores differ from the engine's by ${largest.toExponential(1)} at most, on ${clips} ${on === 'videos' ? 'clips of the videos' : on}`,
    );
  }
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
  return new Command('export')
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
      'what onnx is compared with the engine on: files, folders or lists (default: made clips)',
    )
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        'export s0123456789 --format onnx --output gestures.onnx --videos ~/videos/gestures',
        'export x3d-search-data/runs/s0123456789 --format torch --output gestures-torch',
      ),
    )
    .action(exportNetwork);
}
