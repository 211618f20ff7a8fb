/** `status`: the searches and trainings of a home or a service, or where one of them stands. */
import { basename } from 'node:path';
import { Command } from 'commander';
import pc from 'picocolors';
import type { Singles } from '../../api/routes/singles.js';
import type { SearchView } from '../../api/search-view.js';
import { homeAt } from '../../home.js';
import type { SingleView } from '../../search/reporting/single.js';
import type { Trajectory } from '../../search/views.js';
import { isSingleId } from '../../training/single.js';
import type { WorkerRecord } from '../../workers/registry.js';
import type { Trouble } from '../../workers/troubles.js';
import type { Client } from '../client.js';
import { amount, duration, percent, quantity, timeLeft } from '../figures.js';
import { example, homeOption, jsonOption, serviceOption } from '../flags.js';
import { print } from '../printing.js';
import { type Reach, withService } from '../reaching.js';
import { resultText, singleText } from '../result.js';
import { columns } from '../table.js';
import { phaseTable, trajectoryTable } from '../tables.js';

interface StatusOptions extends Reach {
  readonly json?: boolean;
}

/** On test videos, where there are any. */
function accuracyOf({ result }: Pick<SearchView, 'result'>): string {
  const { test, validation } = result?.evaluations ?? {};
  if (test) return `${percent(test.metrics.accuracy)} test`;
  return validation ? `${percent(validation.metrics.accuracy)} val` : '';
}

/** From its creation to its end, pauses included; of one that runs, what is left. */
function timeOf({
  createdAt,
  endedAt,
  ending,
}: Pick<SearchView, 'createdAt' | 'endedAt' | 'ending'>): string {
  if (endedAt !== undefined) return duration((Date.parse(endedAt) - Date.parse(createdAt)) / 1000);
  return ending ? `${timeLeft(ending)} left` : '';
}

/** "11-27 15:30", as this machine's clock has it. */
function begun(createdAt: string): string {
  const at = new Date(createdAt);
  const pad = (value: number) => String(value).padStart(2, '0');
  return `${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

interface Row {
  readonly createdAt: string;
  readonly cells: readonly string[];
}

const searchRow = (search: SearchView): Row => {
  const { id, status, round, createdAt, complexity, configuration } = search;
  return {
    createdAt,
    cells: [
      id,
      configuration.name ?? '',
      status === 'running' ? `round ${round}` : status,
      complexity === undefined ? '' : quantity(complexity, configuration.complexity),
      quantity(configuration.target, configuration.complexity),
      accuracyOf(search),
      timeOf(search),
      begun(createdAt),
    ],
  };
};

const singleRow = (single: SingleView): Row => {
  const { id, status, path, cost, step, steps, createdAt } = single;
  return {
    createdAt,
    cells: [
      id,
      `train ${basename(path)}`,
      status === 'ended'
        ? status
        : `${status === 'running' ? '' : `${status}, `}${Math.floor((100 * step) / steps)} %`,
      amount(cost.multiplyAdds),
      '',
      accuracyOf(single),
      timeOf(single),
      begun(createdAt),
    ],
  };
};

function listText(searches: readonly SearchView[], singles: readonly SingleView[], total: number): string {
  if (total + singles.length === 0) return 'no searches';
  const table = columns(
    {
      id: 'left',
      name: 'left',
      status: 'left',
      cost: 'right',
      target: 'right',
      accuracy: 'right',
      time: 'right',
      begun: 'left',
    },
    { drop: ['begun', 'target'], cut: ['name'] },
  );
  const rows = [...searches.map(searchRow), ...singles.map(singleRow)];
  rows.sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
  for (const { cells } of rows) table.push([...cells]);
  return `${table}${total > searches.length ? `\nand ${total - searches.length} more searches` : ''}`;
}

/** What holds up searches, or one of them, a line each. Where none runs nothing is held up, but something may be gone. */
async function troubleLines(client: Client, running: boolean, search?: string): Promise<string[]> {
  const query = search === undefined ? '' : `?search=${encodeURIComponent(search)}`;
  const { troubles } = await client.get<{ troubles: Trouble[] }>(`/troubles${query}`);
  return troubles.filter(({ kind }) => running || kind === 'lost').map(({ message }) => pc.yellow(message));
}

const NOBODY = 'No worker is at work on it; `x3d-search run --resume` goes on with it.';

async function showSingle(client: Client, id: string, { json, service, home }: StatusOptions): Promise<void> {
  const view = await client.get<SingleView>(`/singles/${encodeURIComponent(id)}`);
  const here = service === undefined ? homeAt(home) : undefined;
  print(json, view, () => [`training ${id}: ${view.status}`, singleText(view, here)].join('\n'));
}

async function showOne(client: Client, id: string, { json, service, home }: StatusOptions): Promise<void> {
  const path = `/searches/${encodeURIComponent(id)}`;
  const trajectory = await client.get<Trajectory>(`${path}/trajectory`);
  const { ending } = await client.get<SearchView>(path);
  const { workers } = await client.get<{ workers: WorkerRecord[] }>('/workers');
  const progresses = new Map(
    workers.flatMap(({ training }) =>
      training?.progress ? [[training.id, training.progress] as const] : [],
    ),
  );
  const { status, reason } = trajectory;
  const troubles = await troubleLines(client, status === 'running', id);
  const isOver = status === 'ended' || status === 'failed' || status === 'cancelled';
  const here = service === undefined ? homeAt(home) : undefined;
  const folder = here?.run(id) ?? `${client.url}/searches/${id}/artifacts`;
  print(json, trajectory, () =>
    [
      ...troubles,
      `search ${id}: ${status}${reason === undefined ? '' : `: ${reason}`}`,
      ...(status === 'running' ? [phaseTable(trajectory, progresses)] : []),
      isOver ? resultText(trajectory, folder, here) : trajectoryTable(trajectory),
      ...(ending ? [`time left: ${timeLeft(ending)}`] : []),
      ...(status === 'running' && workers.length === 0 ? [NOBODY] : []),
    ].join('\n'),
  );
}

async function status(id: string | undefined, options: StatusOptions): Promise<void> {
  const { json, ...reach } = options;
  await withService(reach, async (client) => {
    if (id !== undefined) return (isSingleId(id) ? showSingle : showOne)(client, id, options);
    const page = await client.get<{ searches: SearchView[]; total: number }>('/searches');
    const running = page.searches.some((search) => search.status === 'running');
    const troubles = await troubleLines(client, running);
    const { singles } = await client.get<Singles>('/singles');
    print(json, { ...page, singles }, () =>
      [...troubles, listText(page.searches, singles, page.total)].join('\n'),
    );
  });
}

export function statusCommand(): Command {
  return new Command('status')
    .description('List the searches and trainings of a home or a service, or show where one stands')
    .argument('[id]', 'of a search, or of a training of `train`')
    .addOption(serviceOption())
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText('after', example('status', 'status s0123456789 --service http://gpu1:8080'))
    .action(status);
}
