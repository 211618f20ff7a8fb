/** `serve`: the HTTP service with its workers, until stopped. */
import { Command } from 'commander';
import { homeAt } from '../../home.js';
import { redisFromEnvironment } from '../../redis/checking.js';
import { example, homeOption, jsonOption, port } from '../flags.js';
import { adviceOn, type FleetOptions, fleetOf, withFleet } from '../fleet.js';
import { aborted, interruptible } from '../interruption.js';
import { startSupervisor } from '../supervisor.js';

interface ServeOptions extends FleetOptions {
  readonly host: string;
  readonly port: number;
  readonly home: string;
  readonly json?: boolean;
}

async function serve(options: ServeOptions): Promise<void> {
  const say = (line: string, data: object) =>
    process.stdout.write(`${options.json ? JSON.stringify(data) : line}\n`);
  const redisUrl = redisFromEnvironment();
  const fleet = fleetOf(options);
  await interruptible(async (interrupted) => {
    const supervisor = await startSupervisor({
      home: homeAt(options.home),
      ...(redisUrl === undefined ? {} : { redisUrl }),
      service: { host: options.host, port: options.port },
      fleet,
      verbose: true,
      onReplaced: (name, why) =>
        say(`${name} ended (${why}) and is started again`, { kind: 'replaced', process: name, why }),
    });
    for (const { line, data } of adviceOn(fleet.devices)) say(line, data);
    try {
      const { url } = supervisor;
      say(`Listening on ${url}, documents at ${url}/docs`, { kind: 'listening', url });
      const error = await Promise.race([aborted(interrupted), supervisor.givenUp]);
      if (error) throw error;
    } finally {
      await supervisor.stop();
    }
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
