/** `describe`: a network's layers, shapes and costs. */
import { Command } from 'commander';
import { X3dError } from '../../errors.js';
import { layerCost, networkCost } from '../../flops/cost.js';
import { type LatencyTable, predictLatency } from '../../flops/latency.js';
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
import { deviceTableOption, readLatencyTable } from '../device-table.js';
import { type FactorOptions, factorsFrom, refuseBaseBesideModel, withFactors } from '../factors.js';
import { clip, digits } from '../figures.js';
import { example, jsonOption, whole } from '../flags.js';
import { print } from '../printing.js';
import { columns } from '../table.js';

type DescribeOptions = FactorOptions & {
  readonly classes?: number;
  readonly deviceTable?: string;
  readonly json?: boolean;
};

/** Everything that `describe` says, as data. */
export function description(base: BaseNetwork, factors: Factors, device?: LatencyTable) {
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
    ...(device
      ? {
          latency: {
            milliseconds: predictLatency(network, device),
            device: device.device,
            threads: device.threads,
          },
        }
      : {}),
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
  const table = columns(
    {
      layer: 'left',
      kind: 'left',
      output: 'right',
      'multiply-adds': 'right',
      parameters: 'right',
      'of its BN': 'right',
      bytes: 'right',
    },
    { drop: ['kind', 'of its BN', 'bytes'], cut: ['layer'] },
  );
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
  const { factors, latency, test } = found;
  return [
    layerTable(found.layers),
    `network      ${found.base}, clip ${clip(factors)}, crop ${factors.crop}, width ${factors.width}, ` +
      `bottleneck ${factors.bottleneck}, depth ${factors.depth}, ${found.classes} classes`,
    `parameters   ${digits(found.parameters)}, with batch norm ${digits(found.parametersWithBatchNorm)}`,
    `train crop   ${factors.crop} px: ${digits(found.multiplyAdds)} multiply-adds, ${digits(found.activationBytes)} bytes of activations`,
    ...(latency
      ? [
          `latency      ${latency.milliseconds.toFixed(2)} ms a clip on ${latency.device}, ${latency.threads === 1 ? 'one thread' : `${latency.threads} threads`}, as the table predicts`,
        ]
      : []),
    `test view    ${test.crop} px: ${digits(test.view.multiplyAdds)} multiply-adds, ${digits(test.view.activationBytes)} bytes of activations`,
    `all views    10-Center (at the train crop): ${digits(test.center.multiplyAdds)} multiply-adds; 10-LeftCenterRight (30 test views): ${digits(test.leftCenterRight.multiplyAdds)}`,
  ].join('\n');
}

async function run(options: DescribeOptions): Promise<void> {
  const { model, classes, deviceTable, json } = options;
  refuseBaseBesideModel(options);
  const named = BASES[options.base ?? 'x2d'];
  const base: BaseNetwork = classes === undefined ? named : { ...named, classes };
  const device = deviceTable === undefined ? undefined : await readLatencyTable(deviceTable);
  if (device && device.base !== base.name)
    throw new X3dError('invalid-input', {
      subject: '--device-table',
      expected: `a table of ${base.name}`,
      got: `one of ${device.base}`,
    });
  const found = description(base, factorsFrom(model ? MODELS[model] : base.factors, options), device);
  print(json, found, () => descriptionText(found));
}

export function describeCommand(): Command {
  const command = new Command('describe').description(
    "Print a network's layers with shapes, multiply-adds, parameters and bytes of activations",
  );
  return withFactors(command, 'x2d')
    .option('--classes <n>', "default: the base's", whole)
    .addOption(deviceTableOption())
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
