/** Looks at a Redis again and again while it is in use: what was right at the start may change under a service. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { lookAt } from './checking.js';

export interface RedisWatch {
  /** What is wrong with it now, in one sentence; undefined where nothing is. Never throws. */
  trouble(): Promise<string | undefined>;
  close(): void;
}

const EVERY_MS = 10_000;
/** Whoever asks within this time hears the same. */
const KEPT_MS = 500;
const SILENCE_MS = 2000;

export function watchRedis(redis: Redis, log: Logger): RedisWatch {
  let last: { readonly at: number; readonly answer: Promise<string | undefined> } | undefined;
  let known: string | undefined;
  let advised = false;
  const look = async (): Promise<string | undefined> => {
    const answered = new AbortController();
    const answer = await Promise.race([
      lookAt(redis).then(
        ({ refusal, advice }) => {
          if (advice !== undefined && !advised) log.warn(advice);
          advised = true;
          return refusal;
        },
        (error: Error) => `Redis does not answer: ${error.message}`,
      ),
      sleep(SILENCE_MS, 'Redis does not answer: silence', { ref: false, signal: answered.signal }),
    ]);
    answered.abort();
    if (answer !== known) {
      if (answer === undefined) log.info('Redis is as it should be again');
      else log.error({ trouble: answer }, 'Redis');
    }
    known = answer;
    return answer;
  };
  const trouble = () => {
    if (!last || Date.now() - last.at > KEPT_MS) last = { at: Date.now(), answer: look() };
    return last.answer;
  };
  const timer = setInterval(trouble, EVERY_MS).unref();
  return { trouble, close: () => clearInterval(timer) };
}
