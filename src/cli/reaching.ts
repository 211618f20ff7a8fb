/**
 * The service that a command talks to: the one that --service names, the one that runs on the home, or, where none does,
 * one of its own that stands for as long as the command takes. So a home can be looked at and tidied at any time. No
 * coordinator and no worker is started: searches stay where they are.
 */
import { existsSync } from 'node:fs';
import type { SearchView } from '../api/search-view.js';
import { X3dError } from '../errors.js';
import { type Home, homeAt } from '../home.js';
import { openLog } from '../logging.js';
import { redisFromEnvironment } from '../redis/checking.js';
import { isSingleId } from '../training/single.js';
import { type Client, connectTo, serviceOf } from './client.js';
import { invocation } from './invocation.js';

export interface Reach {
  readonly service?: string;
  readonly home: string;
}

/** Whether anything listens there. */
const answers = ({ url }: Client): Promise<boolean> =>
  fetch(`${url}/healthz`).then(
    () => true,
    () => false,
  );

/** The service that runs; undefined where none does, or the one that did was killed. */
async function running({ service, home }: Reach): Promise<Client | undefined> {
  if (service !== undefined) return connectTo(service);
  const client = await serviceOf(homeAt(home)).catch((error: unknown) => {
    if (error instanceof X3dError && error.kind === 'environment') return undefined;
    throw error;
  });
  return client && (await answers(client)) ? client : undefined;
}

/** Throws X3dError not-found where nothing was ever searched, trained or looked at: a path may be mistyped. */
function refuseNoHome(home: Home): void {
  const marks = [home.redis, home.cache, home.pretrained];
  if (redisFromEnvironment() !== undefined || marks.some((folder) => existsSync(folder))) return;
  throw new X3dError('not-found', {
    subject: home.folder,
    expected: 'a home with searches',
    got: 'none',
    remedy: 'Start one with `x3d-search run`, or name another --home or a --service.',
  });
}

/** Throws X3dError: not-found where there is no home, conflict for one that is just being started, and what `use` throws. */
export async function withService<T>(reach: Reach, use: (client: Client) => Promise<T>): Promise<T> {
  const client = await running(reach);
  if (client) return use(client);
  const home = homeAt(reach.home);
  refuseNoHome(home);
  const [{ startServer }, { newToken }, { startRedis }] = await Promise.all([
    import('../api/server.js'),
    import('../api/tokens.js'),
    import('../redis/embedded.js'),
  ]);
  const url = redisFromEnvironment();
  const redis = url === undefined ? await startRedis(home) : undefined;
  try {
    const ownerToken = newToken();
    const server = await startServer({
      host: '127.0.0.1',
      port: 0,
      tokenNeeded: true,
      ownerToken,
      home,
      redisUrl: url ?? redis?.url ?? '',
      log: openLog('x3d-search', { quiet: true }),
    });
    try {
      return await use(connectTo(server.url, ownerToken));
    } finally {
      await server.stop();
    }
  } finally {
    await redis?.stop();
  }
}

/** Of a training of `train`, which has no log. */
const noSearch = (id: string, reach: Reach) =>
  new X3dError('invalid-input', {
    subject: id,
    expected: 'the id of a search',
    got: 'that of a training, which is shown where `x3d-search train` runs',
    remedy: `\`${invocation('status', id, ...reachFlags(reach))}\` says how far it is.`,
  });

/**
 * As `withService`, for what follows a search to its end: one that has ended is there to be read without a service that goes
 * on with it. Throws X3dError environment for one that has not, where nothing runs.
 */
export async function withServiceOf<T>(
  reach: Reach,
  search: string,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  if (isSingleId(search)) throw noSearch(search, reach);
  const client = await running(reach);
  if (client) return use(client);
  return withService(reach, async (client) => {
    const { status, endedAt } = await client.get<SearchView>(`/searches/${encodeURIComponent(search)}`);
    if (endedAt !== undefined) return use(client);
    throw new X3dError('environment', {
      subject: `search ${search}`,
      expected: 'a service that goes on with it',
      got: `none, and it is ${status === 'running' ? 'not at its end' : status}`,
      remedy: `\`${invocation('run', '--resume', search, ...reachFlags(reach))}\` goes on with it.`,
    });
  });
}

/** What has another command reach the same. */
export const reachFlags = ({ service, home }: Reach): string[] =>
  service === undefined ? ['--home', homeAt(home).folder] : ['--service', service];
