/** Who is at work: each worker says so every few seconds, and is forgotten when it falls silent. */
import type { Redis } from 'ioredis';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { KEY_PREFIX } from '../redis/connection.js';
import { TrainingProgress } from '../training/training.js';

const Id = Type.String({ maxLength: 300 });
const Time = Type.String({ maxLength: 40, description: 'ISO time.' });

export const WorkerRecord = Type.Object({
  id: Id,
  host: Type.String({ maxLength: 300 }),
  pid: Type.Integer({ minimum: 0 }),
  device: Type.String({ maxLength: 40, description: 'cpu, or a card as cuda:0.' }),
  threads: Type.Integer({ minimum: 0 }),
  memoryBytes: Type.Integer({ minimum: 0, description: 'That a training may take, as estimated.' }),
  since: Time,
  seen: Type.Optional(Type.String({ maxLength: 40, description: 'When it was last heard of, ISO time.' })),
  load: Type.Optional(
    Type.Number({
      minimum: 0,
      description:
        'Of its machine: processes that ran or wanted to over the last minute, a core; 1 is fully used.',
    }),
  ),
  home: Type.Optional(
    Type.String({ maxLength: 64, description: 'The id of its home; absent where that is away.' }),
  ),
  trainer: Type.Optional(
    Type.String({ maxLength: 1000, description: "The command that trains, where it is the user's own." }),
  ),
  training: Type.Optional(
    Type.Object(
      { id: Id, since: Time, progress: Type.Optional(TrainingProgress) },
      { description: 'What it trains, if it does.' },
    ),
  ),
});
export type WorkerRecord = Static<typeof WorkerRecord>;

const workerRecord = Compile(WorkerRecord);

/** What other processes wrote is looked at before it is believed; what is not of this form is not shown. */
function recordFrom(text: string): WorkerRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return workerRecord.Check(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const ALL = `${KEY_PREFIX}:workers`;
const keyOf = (id: string) => `${KEY_PREFIX}:worker:${id}`;

/** Why searches wait, where no worker is at work. */
export const NOBODY_TRAINS = 'No worker is at work: searches wait until one is started (x3d-search worker).';

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
