/** `serve`: the HTTP service with its workers, until stopped. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { isLoopback, refuseOpenDoor } from '../../api/access.js';
import { X3dError } from '../../errors.js';
import { homeAt } from '../../home.js';
import { redisFromEnvironment } from '../../redis/checking.js';
import { cacheLimitOption } from '../cache-limit.js';
import { example, homeOption, jsonOption, port } from '../flags.js';
import { type FleetOptions, fleetOf, withFleet } from '../fleet.js';
import { standUntilStopped } from '../standing.js';
import type { Listening } from '../supervisor.js';

interface ServeOptions extends FleetOptions {
  readonly host: string;
  readonly port: number;
  readonly allowHost?: readonly string[];
  readonly dataRoot?: readonly string[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly trustProxy?: readonly string[];
  readonly home: string;
  readonly cacheLimit?: number;
  readonly json?: boolean;
}

const several = (text: string, before: readonly string[] = []): string[] => [...before, text];
const list = (text: string, before: readonly string[] = []): string[] => [...before, ...text.split(',')];

function tlsFrom({ tlsCert: cert, tlsKey: key }: ServeOptions): Listening['tls'] {
  if (cert !== undefined && key !== undefined) return { cert: resolve(cert), key: resolve(key) };
  if (cert === undefined && key === undefined) return undefined;
  throw new X3dError('invalid-input', {
    subject: cert === undefined ? '--tls-cert' : '--tls-key',
    expected: 'both --tls-cert and --tls-key, or neither',
    got: 'nothing',
  });
}

function listeningFrom(options: ServeOptions): Listening {
  const { host, port, allowHost: names, dataRoot, trustProxy, cacheLimit } = options;
  const tls = tlsFrom(options);
  return {
    host,
    port,
    ...(names ? { names } : {}),
    ...(dataRoot ? { dataRoots: dataRoot.map((folder) => resolve(folder)) } : {}),
    ...(trustProxy ? { trustProxy } : {}),
    ...(tls ? { tls } : {}),
    ...(cacheLimit === undefined ? {} : { cacheLimit }),
  };
}

async function serve(options: ServeOptions): Promise<void> {
  const redisUrl = redisFromEnvironment();
  const home = homeAt(options.home);
  const service = listeningFrom(options);
  // The service looks too; here it is said before Redis is started.
  await refuseOpenDoor(home, service);
  await standUntilStopped({
    home,
    ...(redisUrl === undefined ? {} : { redisUrl }),
    service,
    fleet: fleetOf(options),
    json: options.json ?? false,
    onUp: ({ url }, say) => {
      say(`Open ${url} in a browser; for programs, ${url}/docs says what there is.`, {
        kind: 'listening',
        url,
      });
      if (!isLoopback(service.host) && !service.tls && !service.trustProxy)
        say('Without --tls-cert, tokens cross the network as they are: others on it can read them.', {
          kind: 'plain',
        });
    },
  });
}

export function serveCommand(): Command {
  return withFleet(
    new Command('serve')
      .description('Serve searches over HTTP, with workers on this machine, until stopped')
      .option(
        '--host <address>',
        'to listen on; others than loopback need a token (see `token`)',
        '127.0.0.1',
      )
      .option('--port <n>', 'to listen on; 0 for a free one', port, 8080)
      .option(
        '--allow-host <name>',
        'a name that it is reached by, beside addresses and localhost; may be repeated',
        several,
      )
      .option(
        '--data-root <folder>',
        'that videos may lie in; may be repeated (default: your home folder, and none with another --host)',
        several,
      )
      .option('--tls-cert <file>', 'PEM: speak HTTPS with this certificate and its chain')
      .option('--tls-key <file>', "PEM: the certificate's key")
      .option(
        '--trust-proxy <addresses>',
        'of proxies before it, as 10.0.0.2 or 10.0.0.0/8, that say who asks',
        list,
      )
      .addOption(cacheLimitOption())
      .addOption(homeOption()),
  )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `${example('serve --port 8080 --workers 2', 'serve --host 0.0.0.0 --data-root /videos --tls-cert cert.pem --tls-key key.pem')}
Redis is REDIS_URL, or an embedded one in the home. Then open http://localhost:8080 in a browser, or:
  $ curl -X POST localhost:8080/searches -H 'content-type: application/json' \\
      -d '{"data": {"path": "/videos"}, "target": "6M"}'`,
    )
    .action(serve);
}
