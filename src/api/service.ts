/** What the routes share: Redis, the queues, the home, and the types of an application with TypeBox schemas. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { homedir } from 'node:os';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { QueueEvents } from 'bullmq';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import Type from 'typebox';
import { BOUNDS, type Bounds } from '../bounds.js';
import { CACHE_LIMIT } from '../data/cache.js';
import { openViewing, type Viewing } from '../deployment/viewing.js';
import { type Home, identified } from '../home.js';
import { type WatchedHome, watchHome } from '../home-watch.js';
import { connect, connectForRequests, KEY_PREFIX } from '../redis/connection.js';
import { type Following, followLogs } from '../redis/following.js';
import { type RedisWatch, watchRedis } from '../redis/watching.js';
import { trainerEnvironment } from '../workers/child.js';
import { CANDIDATES, openQueues, type Queues } from '../workers/queues.js';
import { isLoopback } from './access.js';
import { type Endings, openEndings } from './endings.js';
import { openQuotas, type Quotas } from './quotas.js';
import { openReadings, type Readings } from './readings.js';
import { openSpeeds, type Speeds } from './speeds.js';

export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface Service {
  readonly home: Home;
  /** Whether the home is as it was when the service started. */
  readonly homeWatch: WatchedHome;
  /** Of the cache of decoded frames, bytes. */
  readonly cacheLimit: number;
  /** Fails soon when Redis is away. */
  readonly redis: Redis;
  readonly queues: Queues;
  readonly readings: Readings;
  readonly quotas: Quotas;
  readonly speeds: Speeds;
  readonly endings: Endings;
  /** Videos looked at in processes of their own. */
  readonly viewing: Viewing;
  readonly bounds: Bounds;
  /** The command that trains for searches that begin here, where it is the user's own. */
  readonly trainer?: string;
  /** Whether Redis is as it should be. */
  readonly watch: RedisWatch;
  /** Says when there is more in a search's log. */
  readonly following: Following;
  /** Progress of candidates as it is reported. */
  readonly candidateEvents: QueueEvents;
  close(): Promise<void>;
}

export interface ServiceOptions {
  readonly redisUrl: string;
  readonly home: Home;
  /** The address that is listened on. Default 127.0.0.1. */
  readonly host?: string;
  /** Where videos may lie. Default: on loopback the home folder of whoever started the service, elsewhere nowhere. */
  readonly dataRoots?: readonly string[];
  /** The command that trains for searches that begin here. Default: the trainer of this program. */
  readonly trainer?: string;
  /** How long a request waits for videos to be looked at, milliseconds. Default PATIENCE_MS. */
  readonly patienceMs?: number;
  /** How long videos are looked at for whoever was told to ask again, milliseconds. Default LINGER_MS. */
  readonly lingerMs?: number;
  /** Default BOUNDS. */
  readonly bounds?: Bounds;
  /** Of the cache of decoded frames, bytes. Default CACHE_LIMIT. */
  readonly cacheLimit?: number;
}

/** Less than the minute after which proxies give up. */
const PATIENCE_MS = 30_000;
/** Clients are told to ask again after five seconds; people are slower. */
const LINGER_MS = 10 * 60_000;

export async function openService(options: ServiceOptions & { readonly log: Logger }): Promise<Service> {
  const { redisUrl, home, host = '127.0.0.1', trainer, log, bounds = BOUNDS } = options;
  const { patienceMs = PATIENCE_MS, lingerMs = LINGER_MS } = options;
  const homeWatch = watchHome(home, await identified(home));
  const { cacheLimit = CACHE_LIMIT } = options;
  const roots = options.dataRoots ?? (isLoopback(host) ? [homedir()] : []);
  const redis = connectForRequests(redisUrl);
  const listener = connect(redisUrl);
  for (const connection of [redis, listener]) connection.on('error', () => {});
  const queues = openQueues(redis);
  const readings = openReadings({ home, roots, patienceMs, lingerMs, bounds });
  const speeds = openSpeeds(home, log);
  const endings = openEndings(redis, speeds, log);
  const viewing = openViewing({ environment: trainerEnvironment(1, 'cpu'), bounds });
  const watch = watchRedis(redis, log);
  const following = followLogs(redisUrl);
  const candidateEvents = new QueueEvents(CANDIDATES, { connection: listener, prefix: KEY_PREFIX });
  candidateEvents.on('error', () => {});
  return {
    home,
    homeWatch,
    cacheLimit,
    redis,
    queues,
    readings,
    quotas: openQuotas(redis),
    speeds,
    endings,
    viewing,
    bounds,
    watch,
    following,
    candidateEvents,
    ...(trainer === undefined ? {} : { trainer }),
    close: async () => {
      watch.close();
      following.close();
      await Promise.all([
        ...[candidateEvents.close(), queues.close(), readings.close(), viewing.close(), speeds.close()],
        endings.close(),
      ]);
      redis.disconnect();
      listener.disconnect();
    },
  };
}

export const SearchId = Type.Object(
  { id: Type.String({ minLength: 1, maxLength: 100, description: "The search's id." }) },
  { additionalProperties: false },
);
