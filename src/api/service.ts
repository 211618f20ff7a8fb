/** What the routes share: Redis, the queues, the home, and the types of an application with TypeBox schemas. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { QueueEvents } from 'bullmq';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { Redis } from 'ioredis';
import Type from 'typebox';
import type { Home } from '../home.js';
import { connect, connectForRequests, KEY_PREFIX } from '../redis/connection.js';
import { CANDIDATES, openQueues, type Queues } from '../workers/queues.js';
import { openReadings, type Readings } from './readings.js';

export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface Service {
  readonly home: Home;
  /** Fails soon when Redis is away. */
  readonly redis: Redis;
  readonly queues: Queues;
  readonly readings: Readings;
  /** Progress of candidates as it is reported. */
  readonly candidateEvents: QueueEvents;
  close(): Promise<void>;
}

export interface ServiceOptions {
  readonly redisUrl: string;
  readonly home: Home;
  /** How long a request waits for videos to be looked at, milliseconds. Default PATIENCE_MS. */
  readonly patienceMs?: number;
}

/** Less than the minute after which proxies give up. */
const PATIENCE_MS = 30_000;

export function openService({ redisUrl, home, patienceMs = PATIENCE_MS }: ServiceOptions): Service {
  const redis = connectForRequests(redisUrl);
  const listener = connect(redisUrl);
  for (const connection of [redis, listener]) connection.on('error', () => {});
  const queues = openQueues(redis);
  const readings = openReadings(home, patienceMs);
  const candidateEvents = new QueueEvents(CANDIDATES, { connection: listener, prefix: KEY_PREFIX });
  candidateEvents.on('error', () => {});
  return {
    home,
    redis,
    queues,
    readings,
    candidateEvents,
    close: async () => {
      await Promise.all([candidateEvents.close(), queues.close(), readings.close()]);
      redis.disconnect();
      listener.disconnect();
    },
  };
}

export const SearchId = Type.Object(
  { id: Type.String({ minLength: 1, description: "The search's id." }) },
  { additionalProperties: false },
);
