/** A Redis of the user's own: what can't be worked with is refused in one sentence, at the start and while in use. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, connect as dial, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { checkRedis, checkUrl, lookAt } from '../../src/redis/checking.js';
import { connect, connectForRequests } from '../../src/redis/connection.js';
import { certificateIn } from '../certificates.js';
import { start, temporaryFolder, x3d } from '../cli/spawning.js';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

/** A redis-server with these settings, until the test is over. */
async function redisWith(...settings: string[]): Promise<{ port: number; url: string; folder: string }> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'x3d-redis-'));
  const server = spawn('redis-server', [
    ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...settings],
  ]);
  cleanUp.push(() => rm(folder, { recursive: true, force: true }));
  cleanUp.push(async () => {
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
  });
  await new Promise<void>((up) =>
    server.stdout.on('data', (text) => `${text}`.includes('Ready to accept') && up()),
  );
  return { port, url: `redis://127.0.0.1:${port}`, folder };
}

const refusal = async (url: string): Promise<string> => {
  const error = await checkRedis(url).then(
    () => new Error('taken'),
    (thrown: Error) => thrown,
  );
  expect(error.message).not.toContain('secret');
  return error.message;
};

describe('a Redis that is refused', () => {
  test.each([
    [
      'that may drop keys',
      ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'],
      /maxmemory-policy allkeys-lru\); noeviction is needed/,
    ],
    [
      'that is full',
      ['--maxmemory', '500kb', '--maxmemory-policy', 'noeviction'],
      /bytes that it may take \(maxmemory\); more are needed/,
    ],
    [
      'that is a replica',
      ['--replicaof', '127.0.0.1', '1'],
      /is a replica, which takes no writes; 127\.0\.0\.1:1 is its master/,
    ],
    ['that is of a cluster', ['--cluster-enabled', 'yes'], /is a node of a cluster/],
    ['that wants too many replicas', ['--min-replicas-to-write', '1'], /Redis takes no writes: NOREPLICAS/],
    [
      'that wants a password',
      ['--requirepass', 'secret'],
      /got NOAUTH.*Give the user and password that it wants/,
    ],
  ])('%s', async (_, settings, sentence) => {
    const { url } = await redisWith(...settings);
    expect(await refusal(url)).toMatch(sentence);
  });

  test('that has not the database asked for', async () => {
    const { url } = await redisWith('--databases', '2');
    await checkRedis(`${url}/1`);
    expect(await refusal(`${url}/7`)).toMatch(/DB index is out of range.*Name a database that it has/);
  });

  test('whose password is wrong, which is not shown', async () => {
    const { port } = await redisWith('--requirepass', 'right');
    expect(await refusal(`redis://user:secret@127.0.0.1:${port}`)).toMatch(/WRONGPASS/);
  });

  test.each([
    ['redis://:se#cret@host:6379', 'redis://…@host:6379'],
    ['http://user:secret@host', 'http://…@host'],
    ['redis://user:secret@host/x', 'redis://…@host/x'],
  ])('whose URL is none, and what to do about special characters is said: %s', (url, shown) => {
    expect(() => checkUrl(url)).toThrow(
      `got ${shown}. Special characters in a user or password are written percent-coded: %23 for #`,
    );
  });
});

describe('a Redis that is taken', () => {
  test('though it keeps no append-only file, which is said', async () => {
    const { url } = await redisWith();
    const redis = connectForRequests(url);
    cleanUp.push(() => redis.disconnect());
    expect(await lookAt(redis)).toEqual({ advice: expect.stringContaining('appendonly no') });
    await redis.config('SET', 'appendonly', 'yes');
    expect(await lookAt(redis)).toEqual({});
    await redis.config('SET', 'maxmemory-policy', 'volatile-ttl');
    expect(await lookAt(redis)).toEqual({ refusal: expect.stringContaining('volatile-ttl') });
  });

  test('with a password full of special characters', async () => {
    const password = 'a#b/c?d@e:f%g h';
    const { port } = await redisWith('--requirepass', password);
    await checkRedis(`redis://:${encodeURIComponent(password)}@127.0.0.1:${port}`);
  });

  test('over TLS whose certificate is trusted, and not over another', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'x3d-tls-'));
    cleanUp.push(() => rm(folder, { recursive: true, force: true }));
    const { cert, key } = certificateIn(folder, 'IP:127.0.0.1');
    const port = await freePort();
    await redisWith(
      ...[
        '--tls-port',
        `${port}`,
        '--tls-cert-file',
        cert,
        '--tls-key-file',
        key,
        '--tls-ca-cert-file',
        cert,
      ],
      ...['--tls-auth-clients', 'no'],
    );
    const url = `rediss://127.0.0.1:${port}`;
    expect(await refusal(url)).toMatch(/NODE_EXTRA_CA_CERTS=ca\.pem/);
    const home = temporaryFolder();
    const trusting = start(['serve', '--port', '0', '--home', home, '--workers', '1', '--json'], {
      REDIS_URL: url,
      NODE_EXTRA_CA_CERTS: cert,
    });
    onTestFinished(async () => {
      trusting.process.kill('SIGTERM');
      await trusting.finished;
    });
    await trusting.line((line) => line.includes('"listening"'));
  });

  test('as a user with no more rights than the ones documented, and no secret in arguments or messages', async () => {
    const documented = /ACL SETUSER x3d (.*)/.exec(await readFile('docs/operations.md', 'utf8'))?.[1] ?? '';
    const { url, port } = await redisWith();
    const admin = new Redis(url);
    await admin.call('ACL', 'SETUSER', 'x3d', ...documented.replace('PASSWORD', 'secret').split(' '));
    await admin.call('ACL', 'SETUSER', 'default', 'off');
    admin.disconnect();
    const home = temporaryFolder();
    const serving = start(['serve', '--port', '0', '--home', home, '--workers', '1', '--json'], {
      REDIS_URL: `redis://x3d:secret@127.0.0.1:${port}`,
    });
    const listening = await serving.line((line) => line.includes('"listening"'));
    const at = (JSON.parse(listening) as { url: string }).url;
    expect((await fetch(`${at}/readyz`)).status).toBe(200);
    expect((await fetch(`${at}/metrics`)).status).toBe(200);
    const { pid } = serving.process;
    const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
    expect(children.length).toBeGreaterThanOrEqual(2);
    for (const child of [pid, ...children])
      expect(await readFile(`/proc/${child}/cmdline`, 'utf8')).not.toContain('secret');
    serving.process.kill('SIGTERM');
    const { stdout, stderr } = await serving.finished;
    expect(stdout + stderr).not.toContain('secret');
    expect(stderr).not.toContain('NOPERM');
  });

  test('and its password is not taken as an argument', async () => {
    const refused = await x3d(
      'worker',
      '--redis',
      'redis://:secret@127.0.0.1:1',
      '--home',
      temporaryFolder(),
    );
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Set REDIS_URL to it instead.'),
    });
    expect(refused.stderr).not.toContain('secret');
  });
});

test('whoever waits for a Redis that refuses writes asks once a second, not thousands of times', async () => {
  const { url } = await redisWith('--replicaof', '127.0.0.1', '1');
  const redis = connect(url).on('error', () => {});
  cleanUp.push(() => redis.disconnect());
  let refusals = 0;
  for (const start = Date.now(); Date.now() - start < 2500; refusals++)
    await expect(redis.set('x', '1')).rejects.toThrow('READONLY');
  expect(refusals).toBeLessThanOrEqual(3);
});

describe('a connection whose other end is gone without a word', () => {
  /** Passes bytes on until it is told to be silent. */
  async function silencable(to: number) {
    let silent = false;
    const sockets: Socket[] = [];
    const server = createServer((client) => {
      const upstream = dial(to, '127.0.0.1');
      sockets.push(client, upstream);
      client.on('data', (bytes) => !silent && upstream.write(bytes)).on('error', () => {});
      upstream.on('data', (bytes) => !silent && client.write(bytes)).on('error', () => {});
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanUp.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { port } = server.address() as { port: number };
    return {
      url: `redis://127.0.0.1:${port}`,
      silence: () => {
        silent = true;
      },
      // What was open stays dead; what is opened from now on works.
      revive: () => {
        for (const socket of sockets) socket.removeAllListeners('data');
        silent = false;
      },
    };
  }

  test('fails a request within seconds', async () => {
    const { port } = await redisWith();
    const line = await silencable(port);
    const redis = connectForRequests(line.url).on('error', () => {});
    cleanUp.push(() => redis.disconnect());
    await redis.ping();
    line.silence();
    const asked = Date.now();
    await expect(redis.ping()).rejects.toThrow(/timed out/);
    expect(Date.now() - asked).toBeLessThan(8000);
  });

  test('is opened anew by whoever waits, and what was asked is asked again', {
    timeout: 60_000,
  }, async () => {
    const { port } = await redisWith();
    const line = await silencable(port);
    const redis = connect(line.url).on('error', () => {});
    cleanUp.push(() => redis.disconnect());
    await redis.set('x', '1');
    line.silence();
    const asked = Date.now();
    const answer = redis.get('x');
    line.revive();
    expect(await answer).toBe('1');
    expect(Date.now() - asked).toBeLessThan(40_000);
  });
});
