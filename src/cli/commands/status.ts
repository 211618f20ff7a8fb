/** `status`: the searches of a running service, or where one of them stands. */
import { Command } from 'commander';
import pc from 'picocolors';
import { homeAt } from '../../home.js';
import type { Trajectory } from '../../search/views.js';
import type { WorkerRecord } from '../../workers/registry.js';
import type { Trouble } from '../../workers/troubles.js';
import { type Client, serviceOf } from '../client.js';
import { amount } from '../figures.js';
import { example, homeOption, jsonOption } from '../flags.js';
import { print } from '../printing.js';
import { columns } from '../table.js';
import { phaseTable, trajectoryTable } from '../tables.js';

interface StatusOptions {
  readonly url?: string;
  readonly home: string;
  readonly json?: boolean;
}

interface SearchSummary {
  readonly id: string;
  readonly status: string;
  readonly createdAt: string;
  readonly round: number;
  readonly complexity?: number;
  readonly configuration: { readonly name?: string; readonly target: number };
}

function listText(searches: readonly SearchSummary[], total: number): string {
  if (total === 0) return 'no searches';
  const table = columns({
    search: 'left',
    name: 'left',
    status: 'left',
    round: 'right',
    reached: 'right',
    target: 'right',
    created: 'left',
  });
  for (const { id, status, round, createdAt, complexity, configuration } of searches) {
    const reached = complexity === undefined ? '' : amount(complexity);
    table.push([
      id,
      configuration.name ?? '',
      status,
      round,
      reached,
      amount(configuration.target),
      createdAt,
    ]);
  }
  return `${table}${total > searches.length ? `\nand ${total - searches.length} more` : ''}`;
}

/** What holds up searches, or one of them, a line each. */
async function troubleLines(client: Client, search?: string): Promise<string[]> {
  const query = search === undefined ? '' : `?search=${encodeURIComponent(search)}`;
  const { troubles } = await client.get<{ troubles: Trouble[] }>(`/troubles${query}`);
  return troubles.map(({ message }) => pc.yellow(message));
}

async function showOne(client: Client, id: string, json: boolean | undefined): Promise<void> {
  const trajectory = await client.get<Trajectory>(`/searches/${encodeURIComponent(id)}/trajectory`);
  const { workers } = await client.get<{ workers: WorkerRecord[] }>('/workers');
  const progresses = new Map(
    workers.flatMap(({ training }) =>
      training?.progress ? [[training.id, training.progress] as const] : [],
    ),
  );
  const troubles = await troubleLines(client, id);
  print(json, trajectory, () =>
    [
      ...(trajectory.status === 'running' ? troubles : []),
      `search ${id}: ${trajectory.status}${trajectory.reason === undefined ? '' : `: ${trajectory.reason}`}`,
      ...(trajectory.status === 'running' ? [phaseTable(trajectory, progresses)] : []),
      trajectoryTable(trajectory),
    ].join('\n'),
  );
}

async function status(id: string | undefined, { url, home, json }: StatusOptions): Promise<void> {
  const client = await serviceOf(homeAt(home), url);
  if (id !== undefined) return showOne(client, id, json);
  const page = await client.get<{ searches: SearchSummary[]; total: number }>('/searches');
  const troubles = await troubleLines(client);
  print(json, page, () => [...troubles, listText(page.searches, page.total)].join('\n'));
}

export function statusCommand(): Command {
  return new Command('status')
    .description('List the searches of a running service, or show where one stands')
    .argument('[id]', 'of a search')
    .option('--url <url>', 'of the service (default: the one that runs on --home)')
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText('after', example('status', 'status s0123456789 --url http://gpu1:8080'))
    .action(status);
}
