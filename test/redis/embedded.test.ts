import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { homeAt } from '../../src/home.js';
import { startRedis } from '../../src/redis/embedded.js';

const redisModule = new URL('../../dist/redis/embedded.js', import.meta.url).href;
const homeModule = new URL('../../dist/home.js', import.meta.url).href;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x3d-redis-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const refused = async (url: string) => {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => {});
  return redis.connect().then(
    () => {
      redis.disconnect();
      return false;
    },
    () => true,
  );
};

/** A process that owns a home's Redis and does nothing else. */
async function spawnOwner() {
  const script = `
    import { startRedis } from ${JSON.stringify(redisModule)};
    import { homeAt } from ${JSON.stringify(homeModule)};
    const redis = await startRedis(homeAt(${JSON.stringify(folder)}));
    console.log(redis.url);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, url: line.toString().trim() };
}

describe('the embedded Redis', () => {
  test('keeps what was written from one start to the next', async () => {
    const first = await startRedis(homeAt(folder));
    const writer = new Redis(first.url);
    await writer.set('kept', 'yes');
    writer.disconnect();
    await first.stop();
    expect(await first.ended).toBe('stopped');
    expect(await refused(first.url)).toBe(true);

    const second = await startRedis(homeAt(folder));
    const reader = new Redis(second.url);
    expect(await reader.get('kept')).toBe('yes');
    expect(await reader.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
    expect(await reader.config('GET', 'bind')).toEqual(['bind', '127.0.0.1']);
    reader.disconnect();
    await second.stop();
  });

  test('refuses a home that a living process owns, and names that process', async () => {
    const owner = await spawnOwner();
    await expect(startRedis(homeAt(folder))).rejects.toMatchObject({
      kind: 'conflict',
      facts: { got: `one in use by process ${owner.child.pid} with ${owner.url}` },
    });
    owner.child.kill('SIGKILL');
    await once(owner.child, 'exit');
  });

  test('ends with an owner killed by SIGKILL, and its home can be taken over at once', async () => {
    const owner = await spawnOwner();
    owner.child.kill('SIGKILL');
    await once(owner.child, 'exit');
    const next = await startRedis(homeAt(folder));
    expect(next.url).not.toBe(owner.url);
    expect(await refused(owner.url)).toBe(true);
    await next.stop();
  });

  test('starts again on the same port after it died', async () => {
    const redis = await startRedis(homeAt(folder));
    const client = new Redis(redis.url);
    client.on('error', () => {});
    const info = await client.info('server');
    process.kill(Number(/process_id:(\d+)/.exec(info)?.[1]), 'SIGKILL');
    expect(await redis.ended).toMatch(/^exit 137/);
    const again = await startRedis(homeAt(folder), { port: Number(new URL(redis.url).port) });
    expect(again.url).toBe(redis.url);
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
    await again.stop();
  });

  test("takes no other server for its own that has taken its port, such as another home's", async () => {
    const other = await startRedis(homeAt(join(folder, 'other')));
    const port = Number(new URL(other.url).port);
    await expect(startRedis(homeAt(folder), { port })).rejects.toMatchObject({
      kind: 'environment',
      facts: { got: expect.stringMatching(/^exit 1: /) },
    });
    await other.stop();
  });

  test('says what to do where redis-server is missing', async () => {
    const path = process.env.PATH;
    await writeFile(join(folder, 'flock'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    process.env.PATH = folder;
    try {
      await expect(startRedis(homeAt(join(folder, 'home')))).rejects.toMatchObject({
        kind: 'environment',
        facts: { subject: 'redis-server', remedy: expect.stringContaining('x3d-search setup') },
      });
    } finally {
      process.env.PATH = path;
    }
  });

  test('names a home that is no folder', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(startRedis(homeAt(join(folder, 'file')))).rejects.toMatchObject({
      kind: 'invalid-input',
      facts: { subject: 'home', got: `${join(folder, 'file')} (ENOTDIR)` },
    });
  });

  test('says what Redis said where it does not start', async () => {
    await mkdir(join(folder, 'redis', 'appendonlydir'), { recursive: true });
    await writeFile(join(folder, 'redis', 'appendonlydir', 'appendonly.aof.manifest'), 'no manifest');
    await expect(startRedis(homeAt(folder))).rejects.toMatchObject({
      kind: 'environment',
      facts: { expected: `to start in ${join(folder, 'redis')}`, got: expect.stringMatching(/^exit 1: .+/) },
    });
  });

  test('is waited for where what its own killed server left behind still holds the home', async () => {
    const home = homeAt(folder);
    const redis = await startRedis(home);
    const client = new Redis(redis.url);
    const pid = Number(/process_id:(\d+)/.exec(await client.info('server'))?.[1]);
    client.disconnect();
    process.kill(pid, 'SIGKILL');
    await redis.ended;
    const left = spawn('flock', [join(folder, 'redis', 'lock'), 'sh', '-c', 'echo held; sleep 1']);
    await once(left.stdout, 'data');
    const again = await startRedis(home, { port: Number(new URL(redis.url).port) });
    expect(again.url).toBe(redis.url);
    await again.stop();
  });
});
