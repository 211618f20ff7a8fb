/** A Redis of a test file's own, in a temporary home. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { homeAt } from '../../src/home.js';
import { connect } from '../../src/redis/connection.js';
import { startRedis } from '../../src/redis/embedded.js';

export interface OwnRedis {
  readonly folder: string;
  readonly url: string;
  readonly client: Redis;
  stop(): Promise<void>;
}

export async function ownRedis(): Promise<OwnRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'x3d-redis-'));
  const server = await startRedis(homeAt(folder));
  const client = connect(server.url);
  return {
    folder,
    url: server.url,
    client,
    stop: async () => {
      client.disconnect();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
