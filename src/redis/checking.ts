/** A Redis of the user's own is looked at before anything waits for it, and while it is in use. */
import type { Redis } from 'ioredis';
import { X3dError } from '../errors.js';
import { connectForRequests, KEY_PREFIX } from './connection.js';

/** REDIS_URL, where it is set. */
export const redisFromEnvironment = (): string | undefined => process.env.REDIS_URL || undefined;

/** Of processes that were started by hand, without REDIS_URL. */
export const DEFAULT_REDIS_URL = 'redis://127.0.0.1:6379';

/** Also one that can't be read is shown without what stands before its @. */
const withoutSecrets = (url: string) => url.replace(/\/\/.*@/s, '//…@');

/** Throws X3dError invalid-input where `url` is not one of a Redis. */
export function checkUrl(url: string): void {
  if (/^rediss?:\/\/./.test(url) && URL.canParse(url) && /^\/?\d*$/.test(new URL(url).pathname)) return;
  throw new X3dError('invalid-input', {
    subject: 'the URL of Redis',
    expected: 'one such as redis://host:6379, rediss:// for TLS, /2 at its end for database 2',
    got: withoutSecrets(url),
    ...(url.includes('@')
      ? {
          remedy: 'Special characters in a user or password are written percent-coded: %23 for #, %2F for /.',
        }
      : {}),
  });
}

/** Whether a URL holds a password. */
export const hasPassword = (url: string): boolean => URL.canParse(url) && new URL(url).password !== '';

/** A URL as it may be shown: without user and password. */
export function shownUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}

/** What to do about a Redis that gave this for an answer. */
export function remedyFor(answer: string): string {
  if (/NOAUTH|WRONGPASS|AUTH/.test(answer))
    return 'Give the user and password that it wants in the URL, as redis://user:password@host:6379, special characters percent-coded.';
  if (/NOPERM/.test(answer)) return 'Its user lacks rights: docs/operations.md says which are needed.';
  if (/DB index/.test(answer)) return 'Name a database that it has, or none, at the end of the URL.';
  if (/CERT|certificate|self.signed/i.test(answer))
    return 'Have Node trust who signed its certificate: NODE_EXTRA_CA_CERTS=ca.pem.';
  if (/EPIPE|ECONNRESET|no answer/.test(answer))
    return 'Is it in protected mode? Without a password it hangs up on other machines than its own.';
  return 'Is it running, and reachable from here?';
}

/** The oldest that BullMQ's scripts and the streams of logs are known to work on. */
const OLDEST = [6, 2] as const;
/** So full that the next search may find no room. */
const FULL = 0.98;

export interface Look {
  /** Why nothing can be kept there, in one sentence. */
  readonly refusal?: string;
  /** What works, but not for long. */
  readonly advice?: string;
}

function refusalIn(field: (name: string) => string): string | undefined {
  const [major = 0, minor = 0] = field('redis_version').split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
    return `Redis is of version ${field('redis_version')}; ${OLDEST.join('.')} or later is needed`;
  if (field('cluster_enabled') === '1')
    return 'Redis is a node of a cluster; one that holds all keys is needed, since scripts work on several';
  if (field('role') === 'slave')
    return `Redis is a replica, which takes no writes; ${field('master_host')}:${field('master_port')} is its master`;
  const policy = field('maxmemory_policy');
  if (policy !== '' && policy !== 'noeviction')
    return `Redis may drop keys when its memory is full (maxmemory-policy ${policy}); noeviction is needed`;
  const most = Number(field('maxmemory'));
  if (most > 0 && Number(field('used_memory')) > FULL * most)
    return `Redis has used ${field('used_memory')} of the ${most} bytes that it may take (maxmemory); more are needed`;
  if (field('aof_last_write_status') === 'err')
    return 'Redis can not write its append-only file; look at its disk and its log';
  return undefined;
}

/**
 * Looks at what a Redis is and whether it takes writes. Throws what ioredis throws where it does not answer.
 */
export async function lookAt(redis: Redis): Promise<Look> {
  const info = await redis.info();
  const field = (name: string) => new RegExp(`^${name}:(\\S*)`, 'm').exec(info)?.[1] ?? '';
  const refusal = refusalIn(field);
  if (refusal !== undefined) return { refusal };
  try {
    await redis.set(`${KEY_PREFIX}:probe`, '1', 'PX', 60_000);
  } catch (error) {
    const { message } = error as Error;
    if (!/^[A-Z]+ /.test(message)) throw error;
    return { refusal: `Redis takes no writes: ${message}` };
  }
  if (field('aof_enabled') === '1') return {};
  return {
    advice:
      'Redis keeps no append-only file (appendonly no): what happened since it last saved is lost when it ends',
  };
}

/**
 * Throws X3dError: invalid-input where `url` is not one of a Redis, environment where none answers there or where it can
 * not be worked with.
 */
export async function checkRedis(url: string): Promise<void> {
  checkUrl(url);
  const redis = connectForRequests(url);
  let last = 'no answer';
  redis.on('error', (error: NodeJS.ErrnoException) => {
    last = error.code ?? error.message;
  });
  const refuse = (expected: string, got: string, remedy: string, cause?: unknown) =>
    new X3dError('environment', { subject: `Redis at ${shownUrl(url)}`, expected, got, remedy }, { cause });
  try {
    const { refusal } = await lookAt(redis);
    if (refusal !== undefined)
      throw refuse(
        'one that can be worked with',
        refusal,
        'Mend that, or leave REDIS_URL out for one of its own.',
      );
    // A database that is not there is told of by an event; the first one was used then.
    if (/DB index/.test(last)) throw new Error(last);
  } catch (cause) {
    if (cause instanceof X3dError) throw cause;
    const said =
      last === 'no answer' && cause instanceof Error && /^[A-Z]+ /.test(cause.message) ? cause.message : last;
    throw refuse('to answer', said.replace(/\.+$/, ''), remedyFor(said), cause);
  } finally {
    redis.disconnect();
  }
}
