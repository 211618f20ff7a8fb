/** `logs`: what has happened in a search, a line for each event. */
import { Command } from 'commander';
import { apply } from '../../search/fold.js';
import type { SearchState } from '../../search/state.js';
import { type Client, follow } from '../client.js';
import { EXIT } from '../failure.js';
import { example, homeOption, jsonOption, serviceOption } from '../flags.js';
import { interruptible } from '../interruption.js';
import { lineOf } from '../lines.js';
import { say, sayData } from '../printing.js';
import { type Reach, withService, withServiceOf } from '../reaching.js';

interface LogsOptions extends Reach {
  readonly follow?: boolean;
  readonly json?: boolean;
}

/** "2026-11-27 15:30:12", in UTC as the log has it. */
const time = (at: string) => at.slice(0, 19).replace('T', ' ');

/** Prints events up to the search's end; `upTo`: the last one that there is by now. */
async function print(
  client: Client,
  id: string,
  json: boolean | undefined,
  upTo: number,
  signal: AbortSignal,
): Promise<void> {
  let state: SearchState | undefined;
  for await (const happening of follow(client, id, signal)) {
    if (happening.kind !== 'event') continue;
    const { event, version } = happening;
    state = apply(state, event);
    if (json) sayData({ version, ...event });
    else say(`${time(event.at)}  ${lineOf(event, state)}`);
    if (version >= upTo) return;
  }
}

async function logs(id: string, { follow: on, json, ...reach }: LogsOptions): Promise<void> {
  const interrupted = await interruptible(async (signal) => {
    if (on)
      return withServiceOf(reach, id, (client) => print(client, id, json, Number.POSITIVE_INFINITY, signal));
    await withService(reach, async (client) => {
      const { version } = await client.get<{ version: number }>(`/searches/${encodeURIComponent(id)}`);
      await print(client, id, json, version, signal);
    });
  });
  if (interrupted) process.exitCode = EXIT.interrupted;
}

export function logsCommand(): Command {
  return new Command('logs')
    .description('Print what has happened in a search, a line for each event, with times in UTC')
    .argument('<id>', 'of the search')
    .option('-f, --follow', 'go on with what happens, until the end')
    .addOption(serviceOption())
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText('after', example('logs s0123456789', 'logs s0123456789 --follow'))
    .action(logs);
}
