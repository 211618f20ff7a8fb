/** `watch`: the live view of a search that a service runs. */
import { Command } from 'commander';
import { watching } from '../elsewhere.js';
import { example, homeOption, jsonOption, serviceOption } from '../flags.js';
import { type Reach, reachFlags, runningService } from '../reaching.js';

interface WatchOptions extends Reach {
  readonly json?: boolean;
}

async function watch(id: string, { json = false, ...reach }: WatchOptions): Promise<void> {
  const client = await runningService(reach);
  process.exitCode = await watching({ client, reach: reachFlags(reach), json, begin: { watch: id } });
}

export function watchCommand(): Command {
  return new Command('watch')
    .description('Show a search of a running service as it goes on, until its end')
    .argument('<id>', 'of the search')
    .addOption(serviceOption())
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText('after', example('watch s0123456789', 'watch s0123456789 --service http://gpu1:8080'))
    .action(watch);
}
