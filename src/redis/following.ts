/**
 * Says when there is more in the logs of searches, over one connection for however many ask: it waits for all streams
 * that somebody follows at once. Whoever follows reads what there is by itself, so that one who is slow holds up no other
 * and keeps nothing in memory here.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectForRequests } from './connection.js';

export interface Following {
  /** Resolves when `stream` may have entries after `version` or is gone, at the latest when `signal` is aborted. */
  more(stream: string, version: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** One who begins to follow is waited for with the others after so long at most. */
const BLOCK_MS = 400;
const RETRY_MS = 500;
/** Reads that brought nothing, after which it is looked whether the logs are still there. */
const LOOK_EVERY = 5;

interface Wait {
  readonly version: number;
  readonly done: () => void;
}

export function followLogs(redisUrl: string): Following {
  const waiting = new Map<string, Set<Wait>>();
  let reader: ReturnType<typeof connectForRequests> | undefined;
  let reading = false;
  let closed = false;
  let reads = 0;

  /** Waits until one of the streams goes on; tells all that wait for it. */
  const readOnce = async (redis: ReturnType<typeof connectForRequests>) => {
    const streams = [...waiting.keys()];
    const least = streams.map((stream) => {
      const versions = [...(waiting.get(stream) ?? [])].map(({ version }) => version);
      return `${Math.min(...versions)}-0`;
    });
    const read = await redis.xread('COUNT', 1, 'BLOCK', BLOCK_MS, 'STREAMS', ...streams, ...least);
    reads += 1;
    if (!read && reads % LOOK_EVERY === 0)
      for (const stream of streams)
        if ((await redis.exists(stream)) === 0) for (const { done } of waiting.get(stream) ?? []) done();
    for (const [stream, entries] of read ?? []) {
      const last = Number.parseInt(entries.at(-1)?.[0] ?? '0', 10);
      for (const wait of waiting.get(stream) ?? []) if (wait.version < last) wait.done();
    }
  };
  const read = async () => {
    reader ??= connectForRequests(redisUrl).on('error', () => {});
    reading = true;
    while (waiting.size > 0 && !closed)
      // While Redis is away all wait, each until its own client goes.
      await readOnce(reader).catch(() => sleep(RETRY_MS));
    reading = false;
  };

  return {
    more: (stream, version, signal) =>
      new Promise((resolve) => {
        const waits = waiting.get(stream) ?? new Set<Wait>();
        waiting.set(stream, waits);
        const done = () => {
          signal.removeEventListener('abort', done);
          waits.delete(wait);
          if (waits.size === 0 && waiting.get(stream) === waits) waiting.delete(stream);
          resolve();
        };
        const wait = { version, done };
        waits.add(wait);
        if (signal.aborted || closed) return done();
        signal.addEventListener('abort', done, { once: true });
        if (!reading) void read();
      }),
    close: () => {
      closed = true;
      for (const waits of waiting.values()) for (const { done } of [...waits]) done();
      reader?.disconnect();
    },
  };
}
