/**
 * Connections to Redis. Whoever works through an outage (workers, the coordinator) waits for Redis to come back;
 * whoever answers a request fails soon instead, so that the caller hears of it.
 */
import { Redis } from 'ioredis';

/** Every key of the product starts with this, so that it can share a Redis. */
export const KEY_PREFIX = 'x3d';

const RETRY_MS = { first: 100, most: 2000 };

/**
 * Commands wait for Redis as long as it takes, and are sent again after a reconnection. For blocking commands and
 * BullMQ's workers.
 */
export function connect(url: string): Redis {
  return new Redis(url, {
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(RETRY_MS.first * times, RETRY_MS.most),
  });
}

/** Commands fail after a few tries, within about a second. Connects again by itself. */
export function connectForRequests(url: string): Redis {
  return new Redis(url, {
    maxRetriesPerRequest: 2,
    connectTimeout: 2000,
    retryStrategy: (times) => Math.min(RETRY_MS.first * times, RETRY_MS.most),
  });
}
