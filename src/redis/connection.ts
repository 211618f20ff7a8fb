/**
 * Connections to Redis. Whoever works through an outage (workers, the coordinator) waits for Redis to come back;
 * whoever answers a request fails soon instead, so that the caller hears of it. Neither waits for a connection whose
 * other end is gone without a word: what brings nothing while something is asked for is closed, and opened again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { REFUSAL } from './refusal.js';

/** Every key of the product starts with this, so that it can share a Redis. */
export const KEY_PREFIX = 'x3d';

const RETRY_MS = { first: 100, most: 2000 };
/** Longer than any command that blocks: BullMQ's wait ten seconds. */
const SILENCE_MS = 20_000;
const REQUEST_MS = 4000;
const REFUSAL_MS = 1000;

const common = {
  keepAlive: 10_000,
  retryStrategy: (times: number) => Math.min(RETRY_MS.first * times, RETRY_MS.most),
};

/** BullMQ asks again at once when it is refused, thousands of times a second: it hears of a refusal a second later. */
function slowlyRefused(redis: Redis): Redis {
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (...args) => {
    const answer: unknown = send(...args);
    if (!(answer instanceof Promise)) return answer;
    const later = answer.catch(async (error: Error) => {
      if (REFUSAL.test(error.message)) await sleep(REFUSAL_MS);
      throw error;
    });
    // Those of a transaction are heard of by its own end.
    later.catch(() => {});
    return later;
  };
  return redis;
}

/**
 * Commands wait for Redis as long as it takes, and are sent again after a reconnection. For blocking commands and
 * BullMQ's workers.
 */
export function connect(url: string): Redis {
  return slowlyRefused(new Redis(url, { ...common, maxRetriesPerRequest: null, socketTimeout: SILENCE_MS }));
}

/** Commands fail after a few tries or a few seconds. Connects again by itself. */
export function connectForRequests(url: string): Redis {
  return new Redis(url, {
    ...common,
    maxRetriesPerRequest: 2,
    connectTimeout: 2000,
    commandTimeout: REQUEST_MS,
    socketTimeout: 2 * REQUEST_MS,
  });
}
