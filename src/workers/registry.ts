/** Who is at work: each worker says so every few seconds, and is forgotten when it falls silent. */
import type { Redis } from 'ioredis';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { KEY_PREFIX } from '../redis/connection.js';
import type { TrainingProgress } from '../training/training.js';

export interface WorkerRecord {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly device: string;
  readonly threads: number;
  /** That a training may take, as the estimate counts it. */
  readonly memoryBytes: number;
  /** ISO time. */
  readonly since: string;
  /** What it trains, if it does. */
  readonly training?: { readonly id: string; readonly since: string; readonly progress?: TrainingProgress };
}

/** What other processes wrote is looked at before it is believed; what is not of this form is not shown. */
const Time = Type.String({ maxLength: 40 });
const record = Compile(
  Type.Object({
    id: Type.String({ maxLength: 300 }),
    host: Type.String({ maxLength: 300 }),
    pid: Type.Integer(),
    device: Type.String({ maxLength: 40 }),
    threads: Type.Integer(),
    memoryBytes: Type.Integer({ minimum: 0 }),
    since: Time,
    candidate: Type.Optional(
      Type.Object({
        id: Type.String({ maxLength: 64 }),
        since: Time,
        progress: Type.Optional(
          Type.Object({ phase: Type.String(), done: Type.Number(), of: Type.Number() }),
        ),
      }),
    ),
  }),
);

function recordFrom(text: string): WorkerRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return record.Check(value) ? (value as WorkerRecord) : undefined;
  } catch {
    return undefined;
  }
}

const ALL = `${KEY_PREFIX}:workers`;
const keyOf = (id: string) => `${KEY_PREFIX}:worker:${id}`;

/** A worker not heard of for so long is gone. */
export const WORKER_TTL_MS = 6000;
export const HEARTBEAT_MS = 1500;

export async function announceWorker(redis: Redis, record: WorkerRecord): Promise<void> {
  await redis
    .multi()
    .sadd(ALL, record.id)
    .set(keyOf(record.id), JSON.stringify(record), 'PX', WORKER_TTL_MS)
    .exec();
}

export async function dismissWorker(redis: Redis, id: string): Promise<void> {
  await redis.multi().srem(ALL, id).del(keyOf(id)).exec();
}

/** Workers heard of lately, by id. */
export async function listWorkers(redis: Redis): Promise<WorkerRecord[]> {
  const ids = (await redis.smembers(ALL)).sort();
  if (ids.length === 0) return [];
  const records = await redis.mget(ids.map(keyOf));
  const gone = ids.filter((_, index) => records[index] === null);
  if (gone.length > 0) await redis.srem(ALL, gone);
  return records.flatMap((text) => recordFrom(text ?? '') ?? []);
}
