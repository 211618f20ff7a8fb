/** `describe`: a network's layers, shapes and costs. */
import { Command } from 'commander';
import { layerCost, networkCost } from '../../flops/cost.js';
import {
  BASES,
  type BaseNetwork,
  describeNetwork,
  type Factors,
  layersOf,
  MODELS,
  type Shape,
  testCrop,
} from '../../network/index.js';
import { type FactorOptions, factorsFrom, refuseBaseBesideModel, withFactors } from '../factors.js';
import { clip, digits } from '../figures.js';
import { example, jsonOption, whole } from '../flags.js';
import { print } from '../printing.js';
import { columns } from '../table.js';

type DescribeOptions = FactorOptions & {
  readonly classes?: number;
  readonly json?: boolean;
};

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
  refuseBaseBesideModel(options);
  const named = BASES[options.base ?? 'x2d'];
  const base: BaseNetwork = classes === undefined ? named : { ...named, classes };
  const found = description(base, factorsFrom(model ? MODELS[model] : base.factors, options));
  print(json, found, () => descriptionText(found));
}

export function describeCommand(): Command {
  const command = new Command('describe').description(
    "Print a network's layers with shapes, multiply-adds, parameters and bytes of activations",
  );
  return withFactors(command, 'x2d')
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
