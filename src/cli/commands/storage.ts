/** `du`, `gc` and `rm`: what a home takes on disk, what nothing needs of it, and searches that are no longer wanted. */
import { Command } from 'commander';
import { isSingleId } from '../../training/single.js';
import type { Collected, Storage } from '../../workers/storage.js';
import { cacheLimitOption } from '../cache-limit.js';
import { bytes } from '../figures.js';
import { example, homeOption, jsonOption, serviceOption } from '../flags.js';
import { print } from '../printing.js';
import { type Reach, withService } from '../reaching.js';
import { columns } from '../table.js';

interface Options extends Reach {
  readonly json?: boolean;
}

const counted = (count: number | undefined, one: string, more: string) =>
  `${count ?? 0} ${count === 1 ? one : more}`;

type Usage = Storage & { readonly home: string; readonly cacheLimit: number };

function usageText({ home, cacheLimit, ...parts }: Usage): string {
  const table = columns({ part: 'left', size: 'right', files: 'right', '': 'left' });
  const { runs, candidates, unused, pretrained, unusedPretrained, cache, redis, other } = parts;
  const row = (part: string, of: typeof runs, words: string) =>
    table.push([part, bytes(of.bytes), of.files, words]);
  row('runs', runs, `${counted(runs.entries, 'folder', 'folders')} of run and train`);
  row(
    'candidates',
    candidates,
    `${counted(candidates.entries, 'training', 'trainings')}; ${counted(unused.entries, 'is', 'are')} of no search (${bytes(unused.bytes)})`,
  );
  row(
    'pretrained',
    pretrained,
    `weights to start from; ${counted(unusedPretrained.files, 'is', 'are')} of no run (${bytes(unusedPretrained.bytes)})`,
  );
  row('cache', cache, `decoded frames; kept within ${bytes(cacheLimit)}`);
  row('redis', redis, "the searches' logs");
  row('other', other, '');
  const sum = [runs, candidates, pretrained, cache, redis, other].reduce(
    (all, of) => ({ bytes: all.bytes + of.bytes, files: all.files + of.files }),
    { bytes: 0, files: 0 },
  );
  row('all', sum, home);
  return table.toString();
}

export function duCommand(): Command {
  return new Command('du')
    .description('Show what a home takes on disk: searches, trainings, weights, decoded frames')
    .addOption(serviceOption())
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText('after', example('du'))
    .action(async ({ json, ...reach }: Options) => {
      const usage = await withService(reach, (client) => client.get<Usage>('/storage'));
      print(json, usage, () => usageText(usage));
    });
}

function collectedText({ candidates, pretrained, cache }: Collected): string {
  const part = (count: number, one: string, more: string, size: number) =>
    `${counted(count, one, more)} (${bytes(size)})`;
  return [
    `removed ${part(candidates.trainings, 'training', 'trainings', candidates.bytes)} of no search,`,
    `${part(pretrained.files, 'file', 'files', pretrained.bytes)} of weights that nothing starts from,`,
    `${part(cache.files, 'file', 'files', cache.bytes)} of decoded frames`,
  ].join('\n        ');
}

export function gcCommand(): Command {
  return new Command('gc')
    .description(
      'Remove what nothing needs: trainings of no search, weights that none starts from, and of the cache what is over its limit, the least recently used first',
    )
    .addOption(cacheLimitOption())
    .addOption(serviceOption())
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText('after', example('gc', 'gc --cache-limit 20G'))
    .action(async ({ json, cacheLimit, ...reach }: Options & { readonly cacheLimit?: number }) => {
      const removed = await withService(reach, (client) =>
        client.post<Collected>('/storage/collect', cacheLimit === undefined ? {} : { cacheLimit }),
      );
      print(json, removed, () => collectedText(removed));
    });
}

interface Removed {
  readonly trainings?: number;
  readonly bytes: number;
}

/** What is said of one that was removed. */
const removedText = (id: string, { trainings, bytes: size }: Removed): string =>
  trainings === undefined
    ? `removed training ${id} (${bytes(size)})`
    : `removed search ${id} with ${counted(trainings, 'training', 'trainings')} that no other search has (${bytes(size)})`;

export function rmCommand(): Command {
  return new Command('rm')
    .description(
      'Remove searches that do not run: their logs, their folders, and the trainings that no other search has; or trainings of `train`',
    )
    .argument('<ids...>', 'of the searches and trainings')
    .addOption(serviceOption())
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText('after', example('rm s0123456789 s9876543210'))
    .action((ids: readonly string[], { json, ...reach }: Options) =>
      withService(reach, async (client) => {
        for (const id of ids) {
          const all = isSingleId(id) ? 'singles' : 'searches';
          const removed = await client.remove<Removed>(`/${all}/${encodeURIComponent(id)}`);
          print(json, removed, () => removedText(id, removed));
        }
      }),
    );
}
