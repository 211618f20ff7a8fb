/** An embedded Redis that is kept alive: started again, on its port, when it ends, and when it no longer answers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { X3dError } from '../errors.js';
import type { Home } from '../home.js';
import { connectForRequests } from '../redis/connection.js';
import { type EmbeddedRedis, startRedis } from '../redis/embedded.js';
import { REFUSAL } from '../redis/refusal.js';
import { MOST_FAULTS, openRestarts, PACE, type Pace, sayable } from './restarts.js';

export interface KeptRedisOptions {
  readonly home: Home;
  /** As of any process that is kept (`kept.ts`). */
  readonly onReplaced: (name: string, why: string) => void;
  readonly onGivenUp: (error: X3dError) => void;
  /** Default PACE. */
  readonly pace?: Pace;
}

export interface KeptRedis {
  readonly url: string;
  stop(): Promise<void>;
}

const NAME = 'Redis';
/** More than of other processes: one that waits for a slow disk is not helped by being started again. */
const MOST_MISSED = 12;
/** The shell's status where another process ended the server. */
const KILLED = /^exit (129|130|137|143)\b/;

/** Ends a server that leaves too many questions in a row without an answer. Resolves with why it ended. */
async function watched(redis: EmbeddedRedis, beatMs: number): Promise<{ why: string; ranMs: number }> {
  const started = performance.now();
  let heard = started;
  let missed = 0;
  const client = connectForRequests(redis.url);
  client.on('error', () => {});
  const answered = () => {
    heard = performance.now();
    missed = 0;
  };
  const beat = setInterval(() => {
    missed += 1;
    if (missed > MOST_MISSED) redis.kill();
    else
      client.ping().then(answered, ({ message }: Error) => {
        if (REFUSAL.test(message)) answered();
      });
  }, beatMs);
  try {
    const why = await redis.ended;
    return missed > MOST_MISSED
      ? {
          why: `it did not answer for ${(MOST_MISSED * beatMs) / 1000} s, and was killed`,
          ranMs: heard - started,
        }
      : { why, ranMs: performance.now() - started };
  } finally {
    clearInterval(beat);
    client.disconnect();
  }
}

/** Starts it. Throws as `startRedis`. */
export async function keepRedis(options: KeptRedisOptions): Promise<KeptRedis> {
  const { home, onReplaced, onGivenUp, pace = PACE } = options;
  const restarted = openRestarts(pace);
  const stopping = new AbortController();
  let redis = await startRedis(home);
  const { url } = redis;
  const port = Number(new URL(url).port);

  const noted = async (why: string, ranMs: number): Promise<void> => {
    const after = restarted({ why, ranMs, sent: KILLED.test(why) });
    if (after.faults >= MOST_FAULTS) {
      const got = `${after.faults} ends soon after its start by ${why}`;
      throw new X3dError('environment', { subject: NAME, expected: 'a process that stays up', got });
    }
    const said = sayable(after, why);
    if (said !== undefined) onReplaced(NAME, said);
    await sleep(after.pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
  };
  const watch = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const { why, ranMs } = await watched(redis, pace.beatMs);
      if (stopping.signal.aborted) return;
      await noted(why, ranMs);
      let running: EmbeddedRedis | undefined;
      while (!running && !stopping.signal.aborted)
        running = await startRedis(home, { port }).catch(async (error: Error) => {
          // Its disk may be full, or away, for a while.
          await noted(error.message, 0);
          return undefined;
        });
      if (running) redis = running;
    }
    await redis.stop();
  };
  const watching = watch().catch(onGivenUp);
  return {
    url,
    stop: async () => {
      stopping.abort();
      await redis.stop();
      await watching;
    },
  };
}
