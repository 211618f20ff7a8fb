/** A Redis of the user's own is looked at before anything waits for it. */
import { X3dError } from '../errors.js';
import { connectForRequests } from '../redis/connection.js';

/** REDIS_URL, where it is set. */
export const redisFromEnvironment = (): string | undefined => process.env.REDIS_URL || undefined;

/** Throws X3dError: invalid-input where `url` is not one of a Redis, environment where none answers there. */
export async function checkRedis(url: string): Promise<void> {
  if (!/^rediss?:\/\/./.test(url) || !URL.canParse(url))
    throw new X3dError('invalid-input', {
      subject: 'the URL of Redis',
      expected: 'one such as redis://host:6379',
      got: url,
    });
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
        subject: `Redis at ${url}`,
        expected: 'to answer',
        got: last,
        remedy: /EPIPE|ECONNRESET|no answer/.test(last)
          ? 'Is it in protected mode? Without a password it hangs up on other machines than its own.'
          : 'Is it running, and reachable from here?',
      },
      { cause },
    );
  } finally {
    redis.disconnect();
  }
}
