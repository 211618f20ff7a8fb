/** `replay`: the search's decisions on a table of recorded results. */
import { Command, Option } from 'commander';
import { X3dError } from '../../errors.js';
import { readRegular } from '../../files.js';
import { BASES, type BaseName } from '../../network/index.js';
import { parseAmount } from '../../search/configuration.js';
import { parseTable, type Replay, replay } from '../../search/replay.js';
import { amount, change, clip, digits, inWords } from '../figures.js';
import { example, jsonOption } from '../flags.js';
import { print } from '../printing.js';
import { columns } from '../table.js';

interface ReplayOptions {
  readonly table: string;
  readonly target: string;
  readonly base: BaseName;
  readonly json?: boolean;
}

const flat = ({ factors, cost }: Replay['final']) => ({ ...factors, ...cost, factors });

/** What `--json` prints. */
function replayJson({ base, target, steps, contraction, unreachable, final }: Replay) {
  return {
    base: { name: base.name, ...flat(base) },
    target,
    steps: steps.map(({ factors, cost, ...rest }) => ({ ...rest, ...flat({ factors, cost }) })),
    ...(contraction
      ? {
          contraction: {
            axis: contraction.axis,
            from: contraction.from,
            to: contraction.to,
            ...contraction.cost,
          },
        }
      : {}),
    ...(unreachable === undefined ? {} : { unreachable }),
    final: flat(final),
  };
}

function replayText({ base, target, steps, contraction, unreachable, final }: Replay): string {
  const table = columns({
    step: 'right',
    axis: 'left',
    change: 'left',
    clip: 'right',
    crop: 'right',
    'multiply-adds': 'right',
    top1: 'right',
    'decided by': 'left',
  });
  table.push([
    0,
    base.name,
    '',
    clip(base.factors),
    base.factors.crop,
    digits(base.cost.multiplyAdds),
    '',
    '',
  ]);
  let from = base.factors;
  for (const { step, tiedAxes, factors, cost, top1, decidedBy } of steps) {
    const moved = change(from, factors);
    table.push([
      step,
      tiedAxes.join(' = '),
      moved,
      clip(factors),
      factors.crop,
      digits(cost.multiplyAdds),
      top1,
      inWords(decidedBy),
    ]);
    from = factors;
  }
  const { factors, cost } = final;
  return [
    table.toString(),
    contraction
      ? `contraction of ${contraction.axis} to ${amount(target)}: ${change(contraction.from, contraction.to)}`
      : unreachable === undefined
        ? `no contraction: the last step meets ${amount(target)} exactly`
        : `target not reached: ${unreachable}`,
    `final: ${clip(factors)}, crop ${factors.crop}, width ${factors.width}, bottleneck ${factors.bottleneck}, ` +
      `depth ${factors.depth}: ${digits(cost.multiplyAdds)} multiply-adds, ${digits(cost.parameters)} parameters`,
  ].join('\n');
}

const MOST_BYTES = 64 * 2 ** 20;

async function readTable(path: string): Promise<string> {
  try {
    return (await readRegular(path, MOST_BYTES)).toString();
  } catch (cause) {
    if (cause instanceof X3dError) throw cause;
    throw new X3dError(
      'not-found',
      {
        subject: '--table',
        expected: 'a file that can be read',
        got: `${path} (${(cause as NodeJS.ErrnoException).code})`,
      },
      { cause },
    );
  }
}

async function run({ table, target, base, json }: ReplayOptions): Promise<void> {
  const rows = parseTable(await readTable(table), table);
  const result = replay(rows, base, parseAmount(target, '--target'));
  print(json, replayJson(result), () => replayText(result));
}

export function replayCommand(): Command {
  return new Command('replay')
    .description('Run the search on a table of recorded results, without training')
    .requiredOption(
      '--table <file>',
      'comma-separated, with the columns step, axis (tau, t, s, d, w, b) and top1',
    )
    .requiredOption('--target <amount>', 'multiply-adds, as a number or like 600M or 2G')
    .addOption(
      new Option('--base <name>', 'what the search starts from').choices(Object.keys(BASES)).default('x2d'),
    )
    .addOption(jsonOption())
    .addHelpText('after', example('replay --table results.csv --target 2G'))
    .action(run);
}
