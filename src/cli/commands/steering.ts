/** `cancel` and `retry`: what is said to a search of a running service. */
import { Command } from 'commander';
import { homeAt } from '../../home.js';
import { serviceOf } from '../client.js';
import { example, homeOption, jsonOption } from '../flags.js';
import { print } from '../printing.js';

interface SteeringOptions {
  readonly url?: string;
  readonly home: string;
  readonly json?: boolean;
}

const steering = (name: 'cancel' | 'retry', description: string, done: string): Command =>
  new Command(name)
    .description(description)
    .argument('<id>', 'of the search')
    .option('--url <url>', 'of the service (default: the one that runs on --home)')
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText('after', example(`${name} s0123456789`))
    .action(async (id: string, { url, home, json }: SteeringOptions) => {
      const client = await serviceOf(homeAt(home), url);
      const search = await client.post<object>(`/searches/${encodeURIComponent(id)}/${name}`);
      print(json, search, () => `search ${id} ${done}`);
    });

export const cancelCommand = (): Command =>
  steering('cancel', 'End a search; what it has trained is kept', 'is cancelled');

export const retryCommand = (): Command =>
  steering(
    'retry',
    'Try again the trainings that failed for good, and go on with a search that waits for that',
    'goes on',
  );
