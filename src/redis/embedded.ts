/**
 * The system's redis-server on a free port of 127.0.0.1, with an append-only file in a home's folder, for as long as
 * its owner lives.
 *
 * A shell stands between the owner and the server. It waits on a pipe that only the owner holds open, so that the
 * server is stopped in order even when the owner is killed with SIGKILL; and it holds an exclusive lock on a file of
 * the folder, which the kernel frees with the last process that has it, so that no two servers ever write one
 * append-only file and no stale process id has to be guessed about.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { X3dError } from '../errors.js';
import type { Home } from '../home.js';
import { isAlive } from '../machine.js';

export interface EmbeddedRedis {
  readonly url: string;
  /** Resolves when the server has ended, with why: "stopped", or its exit and last words. */
  readonly ended: Promise<string>;
  /** Ends the server in order: what was written is on disk. After a while by force. */
  stop(): Promise<void>;
  /** Ends one that no longer answers, by force. */
  kill(): void;
}

export interface EmbeddedRedisOptions {
  /** Start again on the port of a server that died, so that its clients find it. Default: a free one. */
  readonly port?: number;
}

/** Exit status of the shell when another process has the lock. */
const LOCKED = 75;
/** A server whose owner was killed needs a moment to write its file and go. */
const LOCK_WAIT_MS = 5000;
const START_MS = 60_000;
/** One that waits for a slow disk has most to lose. */
const STOP_MS = 20_000;

const GUARD = `
exec 9>>"$1"; shift
flock -n 9 || exit ${LOCKED}
exec 3<&0 0</dev/null
redis-server "$@" 3<&- &
server=$!
(read -r owner <&3; kill -TERM $server) 2>/dev/null 9>&- &
exec 3<&-
wait $server
`;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return address.port;
}

const missing = (command: string) =>
  new X3dError('environment', {
    subject: command,
    expected: 'to be installed, for the embedded Redis',
    got: 'no such command',
    remedy:
      'Run `x3d-search setup`, or `apt-get install redis-server`, or set REDIS_URL to a Redis of your own.',
  });

interface Server {
  readonly process: ChildProcess;
  /** The last of what it said. */
  readonly words: () => string;
  readonly exited: Promise<number>;
}

function spawnServer(folder: string, port: number): Server {
  const child = spawn(
    '/bin/sh',
    [
      '-c',
      GUARD,
      'redis-guard',
      join(folder, 'lock'),
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--daemonize', 'no'],
      ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''],
      ...['--maxmemory-policy', 'noeviction', '--loglevel', 'notice'],
    ],
    // A session of its own: Ctrl-C in a terminal is for the owner, who stops the server last.
    { detached: true, stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let words = '';
  const listen = (bytes: Buffer) => {
    words = (words + bytes.toString()).slice(-2000);
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  const exited = once(child, 'exit').then(([code]) => {
    // Lets the shell's waiting reader go, which outlives a server that ended by itself.
    child.stdin.destroy();
    return (code as number | null) ?? -1;
  });
  return { process: child, words: () => words.trim(), exited };
}

const lastLine = (text: string) => text.split('\n').at(-1) ?? '';

/** Whether a Redis works in this folder: another process's may have taken the port. */
async function worksIn(folder: string, redis: Redis): Promise<boolean> {
  const [, found = ''] = (await redis.config('GET', 'dir').catch(() => [])) as string[];
  return found !== '' && found === (await realpath(folder));
}

/** Waits until the server has read its file and answers, or has exited. */
async function ready(server: Server, url: string, folder: string): Promise<boolean> {
  let exited = false;
  void server.exited.then(() => {
    exited = true;
  });
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => 50, maxRetriesPerRequest: null });
  redis.on('error', () => {});
  const deadline = Date.now() + START_MS;
  try {
    void redis.connect().catch(() => {});
    while (!exited && Date.now() < deadline) {
      if (redis.status === 'ready' && (await worksIn(folder, redis))) return true;
      await sleep(20);
    }
    return false;
  } finally {
    redis.disconnect();
  }
}

/**
 * Starts the embedded Redis of a home, or goes on with what an earlier one left there.
 *
 * Throws X3dError: environment where redis-server is missing or does not start, conflict where another process owns
 * this home's Redis, invalid-input where the home can't be written to.
 */
export async function startRedis(home: Home, options: EmbeddedRedisOptions = {}): Promise<EmbeddedRedis> {
  const folder = home.redis;
  const ownerPath = join(folder, 'owner.json');
  await mkdir(folder, { recursive: true }).catch((cause) => {
    throw new X3dError(
      'invalid-input',
      { subject: 'home', expected: 'a folder that can be written to', got: `${home.folder} (${cause.code})` },
      { cause },
    );
  });
  const deadline = Date.now() + LOCK_WAIT_MS;
  for (;;) {
    const port = options.port ?? (await freePort());
    const url = `redis://127.0.0.1:${port}`;
    const server = spawnServer(folder, port);
    if (await ready(server, url, folder)) {
      await writeFile(ownerPath, `${JSON.stringify({ pid: process.pid, url })}\n`);
      let stopping = false;
      // The shell and all that it started.
      const kill = () => {
        try {
          if (server.process.pid !== undefined) process.kill(-server.process.pid, 'SIGKILL');
        } catch {
          // They are gone.
        }
      };
      return {
        url,
        ended: server.exited.then((code) =>
          stopping ? 'stopped' : `exit ${code}: ${lastLine(server.words())}`,
        ),
        stop: async () => {
          stopping = true;
          server.process.stdin?.end();
          const force = setTimeout(kill, STOP_MS);
          await server.exited;
          clearTimeout(force);
        },
        kill,
      };
    }
    server.process.stdin?.end();
    const code = await server.exited;
    const words = server.words();
    if (code === LOCKED) {
      if (Date.now() < deadline && !(await anotherOwns(ownerPath))) {
        await sleep(100);
        continue;
      }
      throw new X3dError('conflict', {
        subject: home.folder,
        expected: 'a home that no other x3d-search is using',
        got: `one in use by ${await describeOwner(ownerPath)}`,
        remedy: 'Stop that one, give another --home, or set REDIS_URL to share one Redis.',
      });
    }
    if (/redis-server: (command )?not found/.test(words)) throw missing('redis-server');
    if (/flock: (command )?not found/.test(words)) throw missing('flock (of util-linux)');
    if (options.port === undefined && /Address already in use/.test(words) && Date.now() < deadline) continue;
    throw new X3dError('environment', {
      subject: 'the embedded Redis',
      expected: `to start in ${folder}`,
      got: `exit ${code}: ${lastLine(words)}`,
      remedy: 'Look at the message, or set REDIS_URL to a Redis of your own.',
    });
  }
}

async function readOwner(path: string): Promise<{ pid: number; url: string } | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as { pid: number; url: string };
  } catch {
    return undefined;
  }
}

/** Where the embedded Redis of a home that a process keeps alive listens; undefined where none does. */
export async function runningRedis(home: Home): Promise<string | undefined> {
  const path = join(home.redis, 'owner.json');
  return (await anotherOwns(path)) ? (await readOwner(path))?.url : undefined;
}

/** Whether another process that lives started the server. This one's own, which died, may have left a child behind. */
async function anotherOwns(path: string): Promise<boolean> {
  const owner = await readOwner(path);
  return owner !== undefined && owner.pid !== process.pid && isAlive(owner.pid);
}

async function describeOwner(path: string): Promise<string> {
  const owner = await readOwner(path);
  return owner ? `process ${owner.pid} with ${owner.url}` : 'another process';
}
