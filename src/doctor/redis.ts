/** The Redis that a search would use: the one that REDIS_URL names, else the system's redis-server. */
import { Redis } from 'ioredis';
import { X3dError } from '../errors.js';
import { checkUrl, remedyFor } from '../redis/checking.js';
import { ended } from './commands.js';
import type { Finding } from './finding.js';

const CONNECT_MS = 3000;

async function remote(url: string): Promise<Finding> {
  try {
    checkUrl(url);
  } catch (error) {
    const found = error instanceof X3dError ? error.message : String(error);
    return { name: 'redis', state: 'missing', found, remedy: 'Set REDIS_URL to such a one, or unset it.' };
  }
  const { host } = new URL(url);
  const connection = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let reason = '';
  connection.on('error', (error: Error) => {
    reason = error.message;
  });
  try {
    await connection.connect();
    const info = await connection.info();
    const field = (name: string) => new RegExp(`^${name}:(\\S*)`, 'm').exec(info)?.[1] ?? 'unknown';
    const details = {
      version: field('redis_version'),
      appendOnly: field('aof_enabled') === '1',
      policy: field('maxmemory_policy'),
    };
    const found = `Redis ${details.version} at ${host}${details.appendOnly ? '' : ', without an append-only file'}`;
    if (details.policy === 'noeviction') return { name: 'redis', state: 'ok', found, details };
    return {
      name: 'redis',
      state: 'missing',
      found: `${found}, which may drop keys (maxmemory-policy ${details.policy})`,
      remedy: 'Set its maxmemory-policy to noeviction.',
      details,
    };
  } catch (error) {
    const answer = reason || (error as Error).message;
    return {
      name: 'redis',
      state: 'missing',
      found: `REDIS_URL's ${host} does not answer: ${answer}`,
      remedy: `${remedyFor(answer)} Without REDIS_URL an embedded one is used.`,
    };
  } finally {
    connection.disconnect();
  }
}

async function embedded(): Promise<Finding> {
  const { code, stdout } = await ended('redis-server', ['--version']);
  const version = /v=(\S+)/.exec(stdout)?.[1];
  if (code === 0 && version !== undefined)
    return { name: 'redis', state: 'ok', found: `redis-server ${version}`, details: { version } };
  return {
    name: 'redis',
    state: 'missing',
    found: 'there is no redis-server for the embedded Redis',
    remedy:
      'Run `x3d-search setup` as root, or `apt-get install redis-server`, or set REDIS_URL to one that you run.',
  };
}

export function redis(url: string | undefined = process.env.REDIS_URL): Promise<Finding> {
  return url ? remote(url) : embedded();
}
