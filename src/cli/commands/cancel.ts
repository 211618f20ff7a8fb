/** `cancel`: end a search of a running service. */
import { Command } from 'commander';
import { homeAt } from '../../home.js';
import { serviceOf } from '../client.js';
import { example, homeOption, jsonOption } from '../flags.js';
import { print } from '../printing.js';

interface CancelOptions {
  readonly url?: string;
  readonly home: string;
  readonly json?: boolean;
}

async function cancel(id: string, { url, home, json }: CancelOptions): Promise<void> {
  const client = await serviceOf(homeAt(home), url);
  const search = await client.post<object>(`/searches/${encodeURIComponent(id)}/cancel`);
  print(json, search, () => `search ${id} is cancelled`);
}

export function cancelCommand(): Command {
  return new Command('cancel')
    .description('End a search; what it has trained is kept')
    .argument('<id>', 'of the search')
    .option('--url <url>', 'of the service (default: the one that runs on --home)')
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText('after', example('cancel s0123456789'))
    .action(cancel);
}
