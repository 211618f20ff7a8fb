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
  /** Progress of candidates as it is reported. */
  readonly candidateEvents: QueueEvents;
  close(): Promise<void>;
}

export interface ServiceOptions {
  readonly redisUrl: string;
  readonly home: Home;
}

export function openService({ redisUrl, home }: ServiceOptions): Service {
  const redis = connectForRequests(redisUrl);
  const listener = connect(redisUrl);
  for (const connection of [redis, listener]) connection.on('error', () => {});
  const queues = openQueues(redis);
  const candidateEvents = new QueueEvents(CANDIDATES, { connection: listener, prefix: KEY_PREFIX });
  candidateEvents.on('error', () => {});
  return {
    home,
    redis,
    queues,
    candidateEvents,
    close: async () => {
      await Promise.all([candidateEvents.close(), queues.close()]);
      redis.disconnect();
      listener.disconnect();
    },
  };
}

export const SearchId = Type.Object(
  { id: Type.String({ minLength: 1, description: "The search's id." }) },
  { additionalProperties: false },
);
