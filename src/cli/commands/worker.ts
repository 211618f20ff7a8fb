/** `worker`: workers only, for a service on another machine. */
import { Command, Option } from 'commander';
import { X3dError } from '../../errors.js';
import { homeAt } from '../../home.js';
import { checkUrl, hasPassword, shownUrl } from '../../redis/checking.js';
import { example, homeOption, jsonOption } from '../flags.js';
import { type FleetOptions, fleetOf, withFleet } from '../fleet.js';
import { standUntilStopped } from '../standing.js';
import { devicesOf } from '../supervisor.js';

interface WorkerOptions extends FleetOptions {
  readonly redis?: string;
  readonly home: string;
  readonly json?: boolean;
}

async function work(options: WorkerOptions, command: Command): Promise<void> {
  const { redis: redisUrl } = options;
  if (redisUrl === undefined)
    throw new X3dError('invalid-input', {
      subject: '--redis',
      expected: 'the URL of the Redis that the service uses (or REDIS_URL)',
      got: 'nothing',
    });
  checkUrl(redisUrl);
  if (command.getOptionValueSource('redis') === 'cli' && hasPassword(redisUrl))
    throw new X3dError('invalid-input', {
      subject: '--redis',
      expected: 'a URL without a password, since everyone on the machine can read arguments',
      got: `one with a password, for ${shownUrl(redisUrl)}`,
      remedy: 'Set REDIS_URL to it instead.',
    });
  const fleet = fleetOf(options);
  const devices = devicesOf(fleet);
  await standUntilStopped({
    home: homeAt(options.home),
    redisUrl,
    fleet,
    json: options.json ?? false,
    onUp: (_, say) =>
      say(`${devices.length} workers on ${devices.join(', ')} for ${shownUrl(redisUrl)}`, {
        kind: 'working',
        devices,
      }),
  });
}

export function workerCommand(): Command {
  return withFleet(
    new Command('worker')
      .description(
        'Train candidates for a service elsewhere, until stopped; it needs the same videos and home',
      )
      .addOption(new Option('--redis <url>', 'the Redis that the service uses').env('REDIS_URL'))
      .addOption(homeOption()),
  )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example('worker --redis redis://queue:6379 --home /shared/x3d --device cuda:0,cuda:1'),
    )
    .action(work);
}
