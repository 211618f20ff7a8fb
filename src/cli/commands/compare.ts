/** `compare`: several searches in one table and one chart. */
import { join } from 'node:path';
import { Command } from 'commander';
import { X3dError } from '../../errors.js';
import { writeWhole } from '../../files.js';
import { type Home, homeAt, REPORT } from '../../home.js';
import { type Compared, comparedOf, comparisonSpecification, type Figure } from '../../search/comparison.js';
import { svgOf } from '../../search/drawing.js';
import type { Trajectory } from '../../search/views.js';
import { readWritten } from '../../sums.js';
import { amount, duration, quantity } from '../figures.js';
import { example, homeOption, jsonOption, serviceOption } from '../flags.js';
import { print } from '../printing.js';
import { type Reach, withService } from '../reaching.js';
import { columns } from '../table.js';
import { networkText } from '../tables.js';

interface CompareOptions extends Reach {
  readonly chart?: string;
  readonly json?: boolean;
}

/**
 * As the run's folder has it; undefined where the search has not ended or is of another home. Throws X3dError environment
 * where it is damaged.
 */
const trajectoryOnDisk = async (home: Home, id: string): Promise<Trajectory | undefined> =>
  (await readWritten(join(home.run(id), REPORT.trajectory))) as Trajectory | undefined;

/** From the home's runs where they are there; else from the service. */
async function trajectoriesOf(ids: readonly string[], reach: Reach): Promise<readonly Trajectory[]> {
  const home = homeAt(reach.home);
  const known = new Map<string, Trajectory>();
  for (const id of reach.service === undefined ? ids : []) {
    const found = await trajectoryOnDisk(home, id);
    if (found) known.set(id, found);
  }
  const others = ids.filter((id) => !known.has(id));
  if (others.length > 0)
    await withService(reach, async (client) => {
      for (const id of others)
        known.set(id, await client.get<Trajectory>(`/searches/${encodeURIComponent(id)}/trajectory`));
    });
  return ids.flatMap((id) => known.get(id) ?? []);
}

function refuseOtherVideos(trajectories: readonly Trajectory[]): void {
  const [first, ...others] = trajectories;
  const other = others.find(({ dataset }) => dataset.fingerprint !== first?.dataset.fingerprint);
  if (!first || !other) return;
  throw new X3dError('invalid-input', {
    subject: `search ${other.search}`,
    expected: `the videos of search ${first.search}, divided in the same way`,
    got: 'others',
    remedy: 'Compare searches on the same videos: figures on others say nothing about the searches.',
  });
}

const share = ({ mean, error }: Figure) => `${(100 * mean).toFixed(1)} ± ${(100 * error).toFixed(0)}`;
const nats = ({ mean, error }: Figure) => `${mean.toFixed(2)} ± ${error.toFixed(2)}`;

const ALIGNMENTS = {
  search: 'left',
  name: 'left',
  method: 'left',
  seed: 'right',
  'network found': 'left',
  cost: 'right',
  'validation, %': 'right',
  'test, %': 'right',
  'test loss': 'right',
  trainings: 'right',
  'multiply-adds': 'right',
  'worker time': 'right',
} as const;

/** A row a search, or, where a terminal is too narrow for that, a column. */
function text(rows: readonly Compared[]): string {
  const table = columns(ALIGNMENTS);
  const cells: (string | number)[][] = [];
  for (const row of rows) {
    const { search, name, method, seed, status, complexity, factors, cost, validation, test, spending } = row;
    cells.push([
      search,
      name ?? '',
      method,
      seed,
      factors ? networkText(factors) : status,
      cost === undefined ? '' : quantity(cost, complexity),
      validation ? share(validation.accuracy) : '',
      test ? share(test.accuracy) : '',
      test ? nats(test.loss) : '',
      spending.trainings,
      amount(spending.multiplyAdds),
      duration(3600 * spending.hours),
    ]);
  }
  for (const row of cells) table.push(row);
  if (table.fits()) return table.toString();
  const upright = columns({
    search: 'left',
    ...Object.fromEntries(rows.map(({ search }) => [search, 'left'])),
  });
  for (const [index, name] of Object.keys(ALIGNMENTS).entries())
    if (index > 0) upright.push([name, ...cells.map((row) => row[index] ?? '')]);
  return upright.toString();
}

async function compare(ids: readonly string[], options: CompareOptions): Promise<void> {
  const trajectories = await trajectoriesOf([...new Set(ids)], options);
  refuseOtherVideos(trajectories);
  const rows = trajectories.map(comparedOf);
  if (options.chart !== undefined)
    await writeWhole(options.chart, await svgOf(comparisonSpecification(trajectories)));
  print(options.json, { searches: rows }, () => text(rows));
}

export function compareCommand(): Command {
  return new Command('compare')
    .description(
      'Set searches on the same videos side by side: what they found, how good it is, what it took',
    )
    .argument('<ids...>', 'of the searches')
    .option('--chart <file>', 'also draw every candidate of all of them, as SVG')
    .addOption(serviceOption())
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText('after', example('compare s0123456789 s9876543210 --chart comparison.svg'))
    .action(compare);
}
