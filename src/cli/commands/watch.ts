/** `watch`: the live view of a search that a service runs; of one that has ended, what it came to. */
import { Command } from 'commander';
import { homeAt } from '../../home.js';
import { watching } from '../elsewhere.js';
import { example, homeOption, jsonOption, serviceOption } from '../flags.js';
import { type Reach, reachFlags, withServiceOf } from '../reaching.js';

interface WatchOptions extends Reach {
  readonly json?: boolean;
}

async function watch(id: string, { json = false, ...reach }: WatchOptions): Promise<void> {
  const home = reach.service === undefined ? homeAt(reach.home) : undefined;
  process.exitCode = await withServiceOf(reach, id, (client) =>
    watching({ client, reach: reachFlags(reach), home, json, begin: { watch: id } }),
  );
}

export function watchCommand(): Command {
  return new Command('watch')
    .description('Show a search as it goes on, until its end; or what one that has ended came to')
    .argument('<id>', 'of the search')
    .addOption(serviceOption())
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText('after', example('watch s0123456789', 'watch s0123456789 --service http://gpu1:8080'))
    .action(watch);
}
