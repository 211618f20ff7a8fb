/** `describe`: a network's layers, shapes and costs. */
import { Command, Option } from 'commander';
import { Compile } from 'typebox/compile';
import { X3dError } from '../../errors.js';
import { layerCost, networkCost } from '../../flops/cost.js';
import {
  BASES,
  type BaseName,
  type BaseNetwork,
  describeNetwork,
  type Factors,
  layersOf,
  MODELS,
  type ModelName,
  type Shape,
  testCrop,
} from '../../network/index.js';
import { FactorsSchema } from '../../network/schema.js';
import { mismatches } from '../../validation.js';
import { clip, digits } from '../figures.js';
import { example, jsonOption, numeric, whole } from '../flags.js';
import { print } from '../printing.js';
import { columns } from '../table.js';

type DescribeOptions = Partial<Record<keyof Factors, number | string>> & {
  readonly model?: ModelName;
  readonly base?: BaseName;
  readonly classes?: number;
  readonly json?: boolean;
};

const FACTORS = [
  'frames',
  'stride',
  'crop',
  'width',
  'bottleneck',
  'depth',
] as const satisfies readonly (keyof Factors)[];
const factorsSchema = Compile(FactorsSchema);
/** A network beyond this is a mistyped number, and would only exhaust the memory. */
const MOST_DEPTH = 100;

/** Throws X3dError invalid-input that names the flag. */
function factorsFrom(base: BaseNetwork, options: DescribeOptions): Factors {
  const given = FACTORS.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]]));
  const factors: unknown = {
    ...(options.model ? MODELS[options.model] : base.factors),
    ...Object.fromEntries(given),
  };
  const [wrong] = mismatches(factorsSchema, factors);
  if (wrong)
    throw new X3dError('invalid-input', {
      subject: `--${wrong.field}`,
      expected: wrong.expected,
      got: wrong.got,
    });
  const valid = factors as Factors;
  if (valid.depth > MOST_DEPTH)
    throw new X3dError('invalid-input', {
      subject: '--depth',
      expected: `at most ${MOST_DEPTH}`,
      got: String(valid.depth),
    });
  return valid;
}

/** Everything that `describe` says, as data. */
export function description(base: BaseNetwork, factors: Factors) {
  const network = describeNetwork(base, factors);
  const sideCrop = testCrop(factors.crop);
  const view = networkCost(describeNetwork(base, factors, { crop: sideCrop }));
  const own = networkCost(network);
  return {
    base: base.name,
    classes: network.classes,
    factors,
    input: network.input,
    ...own,
    test: {
      crop: sideCrop,
      view: { multiplyAdds: view.multiplyAdds, activationBytes: view.activationBytes },
      /** K-Center takes the training crop, K-LeftCenterRight the larger one of `view` (the paper, section 4). */
      center: { views: 10, multiplyAdds: 10 * own.multiplyAdds },
      leftCenterRight: { views: 30, multiplyAdds: 30 * view.multiplyAdds },
    },
    layers: layersOf(network).map((layer) => ({
      name: layer.name,
      kind: layer.kind,
      input: layer.input,
      output: layer.output,
      ...layerCost(layer),
    })),
  };
}

type Description = ReturnType<typeof description>;

const shapeText = ([frames, height, width, channels]: Shape) => `${frames}x${height}x${width}x${channels}`;

/** One line for each layer, its batch norm's parameters beside its own. */
function layerTable(layers: Description['layers']): string {
  const table = columns({
    layer: 'left',
    kind: 'left',
    output: 'right',
    'multiply-adds': 'right',
    parameters: 'right',
    'of its BN': 'right',
    bytes: 'right',
  });
  layers.forEach(({ name, kind, output, multiplyAdds, parameters, activationBytes }, index) => {
    if (kind === 'batch-norm') return;
    const next = layers[index + 1];
    table.push([
      name,
      kind,
      shapeText(output),
      digits(multiplyAdds),
      digits(parameters),
      next?.kind === 'batch-norm' ? digits(next.parameters) : '',
      digits(activationBytes),
    ]);
  });
  return table.toString();
}

function descriptionText(found: Description): string {
  const { factors, test } = found;
  return [
    layerTable(found.layers),
    `network      ${found.base}, clip ${clip(factors)}, crop ${factors.crop}, width ${factors.width}, ` +
      `bottleneck ${factors.bottleneck}, depth ${factors.depth}, ${found.classes} classes`,
    `parameters   ${digits(found.parameters)}, with batch norm ${digits(found.parametersWithBatchNorm)}`,
    `train crop   ${factors.crop} px: ${digits(found.multiplyAdds)} multiply-adds, ${digits(found.activationBytes)} bytes of activations`,
    `test view    ${test.crop} px: ${digits(test.view.multiplyAdds)} multiply-adds, ${digits(test.view.activationBytes)} bytes of activations`,
    `all views    10-Center (at the train crop): ${digits(test.center.multiplyAdds)} multiply-adds; 10-LeftCenterRight (30 test views): ${digits(test.leftCenterRight.multiplyAdds)}`,
  ].join('\n');
}

function run(options: DescribeOptions): void {
  const { model, classes, json } = options;
  if (model !== undefined && options.base !== undefined && options.base !== 'x2d')
    throw new X3dError('invalid-input', {
      subject: '--base',
      expected: 'x2d or nothing beside --model, as the published models are expansions of x2d',
      got: options.base,
    });
  const named = BASES[options.base ?? 'x2d'];
  const base: BaseNetwork = classes === undefined ? named : { ...named, classes };
  const found = description(base, factorsFrom(base, options));
  print(json, found, () => descriptionText(found));
}

export function describeCommand(): Command {
  return new Command('describe')
    .description("Print a network's layers with shapes, multiply-adds, parameters and bytes of activations")
    .addOption(new Option('--model <name>', 'a published network').choices(Object.keys(MODELS)))
    .addOption(
      new Option('--base <name>', 'what the factors expand (default: x2d)').choices(Object.keys(BASES)),
    )
    .option('--frames <n>', 'frames of a clip', numeric)
    .option('--stride <n>', 'source frames from one frame of the clip to the next', numeric)
    .option('--crop <px>', 'side of the training crop', numeric)
    .option('--width <factor>', 'times the channels of every layer', numeric)
    .option('--bottleneck <factor>', 'inner channels of a block, times its outer ones', numeric)
    .option('--depth <factor>', 'times the blocks of every stage', numeric)
    .option('--classes <n>', "default: the base's", whole)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        'describe --model M',
        'describe --base x2d --frames 4 --stride 12 --crop 160 --bottleneck 2.25 --depth 2.2',
      ),
    )
    .action(run);
}
