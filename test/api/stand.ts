/** A whole installation in a temporary home: Redis, a service process, workers with the scripted trainer, videos. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import { makeDemoVideos } from '../../src/data/demo/index.js';
import type { DataConfiguration } from '../../src/data/index.js';
import { type Home, homeAt } from '../../src/home.js';
import { startRedis } from '../../src/redis/embedded.js';
import type { Trajectory } from '../../src/search/views.js';
import { SCRIPTED_TRAINER } from '../workers/candidates.js';

export interface ServerSentEvent {
  readonly id?: number;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

export interface Stand {
  readonly home: Home;
  readonly redisUrl: string;
  readonly data: DataConfiguration;
  url(): string;
  /** `changes` are to its argument. */
  startService(changes?: object): Promise<ChildProcess>;
  /** `redisUrl`: where it reaches Redis, if not where all do. */
  startWorker(redisUrl?: string): ChildProcess;
  redisPid(): Promise<number>;
  killRedis(): Promise<void>;
  /** Starts another Redis server on what the one that was killed left, and where it was. */
  reviveRedis(): Promise<void>;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body?: unknown): Promise<Response>;
  /** Events until the stream ends, or until `enough` says so. */
  events(
    search: string,
    after?: number,
    enough?: (event: ServerSentEvent) => boolean,
  ): Promise<ServerSentEvent[]>;
  trajectory(search: string): Promise<Trajectory>;
  close(): Promise<void>;
}

/** The problem document that an answer is. */
export async function problemIn(
  response: Response,
): Promise<{ status: number; detail: string; type: string; instance: string }> {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const body = (await response.json()) as Awaited<ReturnType<typeof problemIn>>;
  expect(body.status).toBe(response.status);
  return body;
}

const program = (path: string) => fileURLToPath(new URL(`../../dist/${path}`, import.meta.url));

export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}

async function* parsed(response: Response): AsyncGenerator<ServerSentEvent> {
  let text = '';
  for await (const bytes of response.body ?? []) {
    text += Buffer.from(bytes).toString();
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      text = text.slice(end + 2);
      const event = fields.get('event');
      if (event === undefined) continue;
      const id = fields.get('id');
      yield {
        ...(id === undefined ? {} : { id: Number(id) }),
        event,
        data: JSON.parse(fields.get('data') ?? 'null'),
      };
    }
  }
}

export interface StandOptions {
  /** The trainers' program; null for the real one. Default: the scripted trainer. */
  readonly trainer?: string | null;
  /** Default: videos of its own. */
  readonly data?: DataConfiguration;
  /** Where its home is made. Default: among the system's temporary files. */
  readonly on?: string;
}

export async function stand({
  trainer = SCRIPTED_TRAINER,
  data: given,
  on = tmpdir(),
}: StandOptions = {}): Promise<Stand> {
  const folder = await mkdtemp(join(on, 'x3d-service-'));
  const home = homeAt(join(folder, 'home'));
  let redis = await startRedis(home);
  const data = given ?? makeDemoVideos(join(folder, 'videos'), { scenes: 5 });
  const children: ChildProcess[] = [];
  let url = '';
  const spawn = (path: string, argument: object, redisUrl = redis.url) => {
    const shared = { home: home.folder, quiet: true, lockMs: 1000 };
    const child = fork(program(path), [JSON.stringify({ ...shared, ...argument })], {
      env: { ...process.env, REDIS_URL: redisUrl },
    });
    children.push(child);
    return child;
  };
  const redisPid = async () => {
    const client = new Redis(redis.url);
    const info = await client.info('server');
    client.disconnect();
    return Number(/process_id:(\d+)/.exec(info)?.[1]);
  };
  return {
    home,
    redisUrl: redis.url,
    redisPid,
    data,
    url: () => url,
    startService: async (changes = {}) => {
      const child = spawn('service/main.js', { host: '127.0.0.1', port: 0, dataRoots: ['/'], ...changes });
      const [message] = (await once(child, 'message')) as [{ url: string }];
      url = message.url;
      return child;
    },
    startWorker: (redisUrl) =>
      spawn(
        'workers/main.js',
        { device: 'cpu', threads: 1, ...(trainer === null ? {} : { trainerProgram: trainer }) },
        redisUrl,
      ),
    killRedis: async () => {
      process.kill(await redisPid(), 'SIGKILL');
      await redis.ended;
    },
    reviveRedis: async () => {
      redis = await startRedis(home, { port: Number(new URL(redis.url).port) });
    },
    get: (path, headers = {}) => fetch(url + path, { headers }),
    post: (path, body) =>
      fetch(url + path, {
        method: 'POST',
        ...(body === undefined
          ? {}
          : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      }),
    events: async (search, after, enough = () => false) => {
      const seen: ServerSentEvent[] = [];
      const headers: Record<string, string> = after === undefined ? {} : { 'last-event-id': String(after) };
      for await (const event of parsed(await fetch(`${url}/searches/${search}/events`, { headers }))) {
        seen.push(event);
        if (enough(event)) break;
      }
      return seen;
    },
    trajectory: async (search) => {
      for (;;) {
        const answer = await fetch(`${url}/searches/${search}/trajectory`);
        if (answer.status !== 429) return (await answer.json()) as Trajectory;
        // Who asks many times a second for a minute is told to wait.
        await sleep(1000 * Number(answer.headers.get('retry-after') ?? 1));
      }
    },
    close: async () => {
      await Promise.all(children.map((child) => end(child, 'SIGKILL')));
      await redis.stop();
      // What makes the pictures of a report goes on writing until it sees that its service is gone.
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** Times, hosts and speeds apart, two searches that went the same way are equal. */
export function withoutTimes(trajectory: Trajectory): unknown {
  const { search, createdAt, endedAt, ...rest } = trajectory;
  return JSON.parse(
    JSON.stringify(rest, (key, value) =>
      ['seconds', 'clipsPerSecond', 'peakBytes', 'hours'].includes(key) ? undefined : value,
    ),
  );
}
