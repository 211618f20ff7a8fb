/**
 * The worker's process. REDIS_URL names the Redis. Its one argument is JSON: {"home", "device", "threads",
 * "memoryBytes"?, "quiet"?, "lockMs"?, "silenceMs"?, "trainer"? (a command), "trainerProgram"?}. Says {"kind": "up"} to a
 * parent that forked it. Ends in order on SIGTERM, SIGINT, and when the channel to a parent closes.
 */
import closeWithGrace from 'close-with-grace';
import Type from 'typebox';
import { Value } from 'typebox/value';
import { answerParent } from '../answering.js';
import { homeAt } from '../home.js';
import { openLog } from '../logging.js';
import { DEFAULT_REDIS_URL, redisFromEnvironment } from '../redis/checking.js';
import { type Device, Work } from '../training/training.js';
import { startWorker } from './worker.js';

const Argument = Type.Object(
  {
    home: Type.String(),
    device: Type.Unsafe<Device>(Type.String({ pattern: '^(cpu|cuda:\\d+)$' })),
    threads: Type.Integer({ minimum: 1 }),
    memoryBytes: Type.Optional(Type.Integer({ minimum: 1 })),
    quiet: Type.Optional(Type.Boolean()),
    lockMs: Type.Optional(Type.Integer({ minimum: 100 })),
    silenceMs: Type.Optional(Type.Integer({ minimum: 100 })),
    trainer: Work.properties.trainer,
    trainerProgram: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

answerParent();
const { home, quiet, ...rest } = Value.Parse(Argument, JSON.parse(process.argv[2] ?? '{}'));
const log = openLog('worker', { quiet: quiet ?? false });
const redisUrl = redisFromEnvironment() ?? DEFAULT_REDIS_URL;

// A parent that goes before this has started leaves nobody to stop it, and perhaps no Redis to start with.
const orphaned = () => process.exit(1);
if (process.connected === false) orphaned();
process.once('disconnect', orphaned);
const worker = await startWorker({ ...rest, redisUrl, home: homeAt(home), log });
const grace = closeWithGrace({ delay: 5000 }, async ({ err }) => {
  if (err) log.error(err);
  await worker.stop();
});
process.off('disconnect', orphaned);
process.once('disconnect', () => grace.close());
process.send?.({ kind: 'up' });
