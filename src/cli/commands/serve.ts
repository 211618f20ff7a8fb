/** `serve`: the HTTP service with its workers, until stopped. */
import { Command } from 'commander';
import { homeAt } from '../../home.js';
import { redisFromEnvironment } from '../../redis/checking.js';
import { example, homeOption, jsonOption, port } from '../flags.js';
import { type FleetOptions, fleetOf, withFleet } from '../fleet.js';
import { standUntilStopped } from '../standing.js';

interface ServeOptions extends FleetOptions {
  readonly host: string;
  readonly port: number;
  readonly home: string;
  readonly json?: boolean;
}

function serve(options: ServeOptions): Promise<void> {
  const redisUrl = redisFromEnvironment();
  return standUntilStopped({
    home: homeAt(options.home),
    ...(redisUrl === undefined ? {} : { redisUrl }),
    service: { host: options.host, port: options.port },
    fleet: fleetOf(options),
    json: options.json ?? false,
    onUp: ({ url }, say) => say(`Listening on ${url}, documents at ${url}/docs`, { kind: 'listening', url }),
  });
}

export function serveCommand(): Command {
  return withFleet(
    new Command('serve')
      .description('Serve searches over HTTP, with workers on this machine, until stopped')
      .option('--host <address>', 'to listen on', '127.0.0.1')
      .option('--port <n>', 'to listen on; 0 for a free one', port, 8080)
      .addOption(homeOption()),
  )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `${example('serve --port 8080 --workers 2')}
Redis is REDIS_URL, or an embedded one in the home. Then:
  $ curl -X POST localhost:8080/searches -H 'content-type: application/json' \\
      -d '{"data": {"path": "/videos"}, "target": "6M"}'`,
    )
    .action(serve);
}
