/** `pause`, `cancel` and `retry`: what is said to a search. */
import { Command } from 'commander';
import { example, homeOption, jsonOption, serviceOption } from '../flags.js';
import { print } from '../printing.js';
import { type Reach, withService } from '../reaching.js';

interface SteeringOptions extends Reach {
  readonly json?: boolean;
}

const steering = (name: 'pause' | 'cancel' | 'retry', description: string, done: string): Command =>
  new Command(name)
    .description(description)
    .argument('<id>', 'of the search')
    .addOption(serviceOption())
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText('after', example(`${name} s0123456789`))
    .action(async (id: string, { json, ...reach }: SteeringOptions) => {
      const search = await withService(reach, (client) =>
        client.post<object>(`/searches/${encodeURIComponent(id)}/${name}`),
      );
      print(json, search, () => `search ${id} ${done}`);
    });

export const pauseCommand = (): Command =>
  steering(
    'pause',
    'Stop a search until `run --resume` goes on with it; its trainings keep their checkpoints',
    'is paused; `run --resume` goes on with it',
  );

export const cancelCommand = (): Command =>
  steering('cancel', 'End a search; what it has trained is kept', 'is cancelled');

export const retryCommand = (): Command =>
  steering(
    'retry',
    'Try again the trainings that failed for good, and go on with a search that waits for that',
    'goes on',
  );
