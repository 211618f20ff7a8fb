/** Backups of a home that is in use, and what comes back from them. */
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Home, homeAt } from '../../src/home.js';
import { connect } from '../../src/redis/connection.js';
import { type EmbeddedRedis, runningRedis, startRedis } from '../../src/redis/embedded.js';
import { backUp, restoreBackup } from '../../src/search/backup.js';
import { appendEvents, listSearches, readLog } from '../../src/search/log.js';
import { writeSummed, writeSums } from '../../src/sums.js';
import { configured, dataset } from './searching.js';

let folder: string;
let home: Home;
let server: EmbeddedRedis;
let redis: Redis;
let made = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x3d-backup-'));
  server = await startRedis(homeAt(join(folder, 'redis')));
  redis = connect(server.url);
});
beforeEach(async () => {
  await redis.flushall();
  home = homeAt(join(folder, `home-${++made}`));
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const newFolder = () => join(folder, `backup-${++made}`);
const weights = (of: Home) => join(of.run('s1'), 'network', 'weights.safetensors');

async function filled(): Promise<void> {
  for (const [index, search] of ['s1', 's2'].entries())
    await appendEvents(
      redis,
      search,
      0,
      [{ kind: 'search-created', search, configuration: configured(), dataset }, { kind: 'search-paused' }],
      new Date(1000 * index),
    );
  await mkdir(join(home.run('s1'), 'network'), { recursive: true });
  await writeFile(weights(home), 'weights');
  await writeSums(join(home.run('s1'), 'network'));
}
const logs = async () => Promise.all(['s1', 's2'].map((search) => readLog(redis, search)));

describe('a backup', () => {
  test('brings back the logs and runs of a home that lost both', async () => {
    await filled();
    const before = await logs();
    const backup = newFolder();
    expect(await backUp(redis, home, backup)).toEqual({ searches: 2, events: 4, runs: 1 });
    await redis.flushall();
    await rm(home.folder, { recursive: true });
    expect(await restoreBackup(redis, home, backup)).toEqual({ searches: 2, events: 4, runs: 1 });
    expect(await logs()).toEqual(before);
    expect(await listSearches(redis, { offset: 0, limit: 10 })).toEqual({ total: 2, searches: ['s2', 's1'] });
    expect(await readFile(weights(home), 'utf8')).toBe('weights');
    // What is there stays, and a search that has gone on since is left as it is.
    await appendEvents(redis, 's1', 2, [{ kind: 'search-cancelled' }]);
    expect(await restoreBackup(redis, home, backup)).toEqual({ searches: 0, events: 0, runs: 0 });
    expect((await logs())[0]).toHaveLength(3);
  });

  test('does not take the place of another search of the same id, nor of anything', async () => {
    await filled();
    const backup = newFolder();
    await backUp(redis, home, backup);
    await expect(backUp(redis, home, backup)).rejects.toMatchObject({ kind: 'invalid-input' });
    await redis.flushall();
    await appendEvents(redis, 's2', 0, [
      { kind: 'search-created', search: 's2', configuration: configured({ seed: 9 }), dataset },
    ]);
    await expect(restoreBackup(redis, home, backup)).rejects.toMatchObject({
      kind: 'conflict',
      facts: { subject: 'search s2' },
    });
    expect(await readLog(redis, 's1')).toEqual([]);
  });

  test.each([
    ['its logs', (backup: string) => truncate(join(backup, 'searches.jsonl'), 100)],
    [
      'weights in it',
      (backup: string) => truncate(join(backup, 'runs', 's1', 'network', 'weights.safetensors'), 2),
    ],
    ['all of it', (backup: string) => rm(join(backup, 'searches.jsonl'))],
  ])('of which %s is damaged restores nothing', async (_, damage) => {
    await filled();
    const backup = newFolder();
    await backUp(redis, home, backup);
    await damage(backup);
    await redis.flushall();
    await rm(home.folder, { recursive: true });
    await expect(restoreBackup(redis, home, backup)).rejects.toMatchObject({ kind: 'data' });
    expect(await redis.dbsize()).toBe(0);
  });
});

test('a backup of a run of which a report is damaged can be restored: a report is made again', async () => {
  await filled();
  await writeSummed(home.run('s1'), { 'report.html': 'whole', 'data.json': '{}' });
  await writeFile(join(home.run('s1'), 'report.html'), 'hole');
  const backup = newFolder();
  await backUp(redis, home, backup);
  await redis.flushall();
  await rm(home.folder, { recursive: true });
  expect(await restoreBackup(redis, home, backup)).toMatchObject({ runs: 1 });
  await redis.flushall();
  await writeFile(join(backup, 'runs', 's1', 'data.json'), '[]');
  await expect(restoreBackup(redis, home, backup)).rejects.toMatchObject({ kind: 'data' });
});

test('the Redis of a home that is not in use is not taken for one that runs', async () => {
  expect(await runningRedis(home)).toBeUndefined();
  // This process's own.
  expect(await runningRedis(homeAt(join(folder, 'redis')))).toBeUndefined();
});
