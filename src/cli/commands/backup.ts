/** `backup` and `restore`: the logs of a home's searches and what they left, while it is in use. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { type Home, homeAt } from '../../home.js';
import { redisFromEnvironment } from '../../redis/checking.js';
import { connectForRequests } from '../../redis/connection.js';
import { runningRedis, startRedis } from '../../redis/embedded.js';
import { type Backup, backUp, restoreBackup } from '../../search/backup.js';
import { example, homeOption, jsonOption } from '../flags.js';
import { print } from '../printing.js';

type Act = (redis: ReturnType<typeof connectForRequests>, home: Home, folder: string) => Promise<Backup>;

/** With the Redis of REDIS_URL, the home's own that runs, or else one that is started for this. */
async function withRedis(home: Home, folder: string, act: Act): Promise<Backup> {
  const there = redisFromEnvironment() ?? (await runningRedis(home));
  const own = there === undefined ? await startRedis(home) : undefined;
  const redis = connectForRequests(there ?? own?.url ?? '');
  redis.on('error', () => {});
  try {
    return await act(redis, home, folder);
  } finally {
    redis.disconnect();
    await own?.stop();
  }
}

interface Options {
  readonly home: string;
  readonly json?: boolean;
}

const command = (
  name: string,
  description: string,
  does: Act,
  said: (done: Backup, folder: string) => string,
) =>
  new Command(name)
    .description(description)
    .argument('<folder>', 'of the backup')
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText('after', example(`${name} /mnt/backup/x3d-monday --home ./x3d-search-data`))
    .action(async (folder: string, { home, json }: Options) => {
      const done = await withRedis(homeAt(home), resolve(folder), does);
      print(json, done, () => said(done, folder));
    });

const counted = ({ searches, events, runs }: Backup) =>
  `${searches} searches (${events} events) and the folders of ${runs} runs`;

export const backupCommand = (): Command =>
  command(
    'backup',
    'Copy the logs of all searches and what they left, also while they go on',
    backUp,
    (done, folder) => `${counted(done)} are in ${folder}`,
  );

export const restoreCommand = (): Command =>
  command(
    'restore',
    'Bring back from a backup what a home lacks; searches that were running go on',
    restoreBackup,
    (done) => `${counted(done)} are back`,
  );
