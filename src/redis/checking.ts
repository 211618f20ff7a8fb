/** A Redis of the user's own is looked at before anything waits for it. */
import { X3dError } from '../errors.js';
import { connectForRequests } from './connection.js';

/** REDIS_URL, where it is set. */
export const redisFromEnvironment = (): string | undefined => process.env.REDIS_URL || undefined;

/** Throws X3dError invalid-input where `url` is not one of a Redis. */
export function checkUrl(url: string): void {
  if (/^rediss?:\/\/./.test(url) && URL.canParse(url)) return;
  throw new X3dError('invalid-input', {
    subject: 'the URL of Redis',
    expected: 'one such as redis://host:6379',
    got: url,
  });
}

/** A URL as it may be shown: without user and password. */
export function shownUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}

/** What to do about a Redis that gave this for an answer. */
export function remedyFor(answer: string): string {
  if (/NOAUTH|WRONGPASS|AUTH/.test(answer))
    return 'Give the user and password that it wants in the URL, as redis://user:password@host:6379.';
  if (/EPIPE|ECONNRESET|no answer/.test(answer))
    return 'Is it in protected mode? Without a password it hangs up on other machines than its own.';
  return 'Is it running, and reachable from here?';
}

/** Throws X3dError: invalid-input where `url` is not one of a Redis, environment where none answers there. */
export async function checkRedis(url: string): Promise<void> {
  checkUrl(url);
  const redis = connectForRequests(url);
  let last = 'no answer';
  redis.on('error', (error: NodeJS.ErrnoException) => {
    last = error.code ?? error.message;
  });
  try {
    await redis.ping();
  } catch (cause) {
    throw new X3dError(
      'environment',
      {
        subject: `Redis at ${shownUrl(url)}`,
        expected: 'to answer',
        got: last.replace(/\.+$/, ''),
        remedy: remedyFor(last),
      },
      { cause },
    );
  } finally {
    redis.disconnect();
  }
}
