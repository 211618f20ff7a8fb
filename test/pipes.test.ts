/** A file that someone names may be a pipe, or a device, that never comes to an end: it is refused by name, at once. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { accountOf, newToken } from '../src/api/tokens.js';
import { serviceOf } from '../src/cli/client.js';
import { readConfiguration } from '../src/cli/config-file.js';
import { readLatencyTable } from '../src/cli/device-table.js';
import { listText, openDataset, probeAll } from '../src/data/index.js';
import { videoFiles } from '../src/deployment/clips.js';
import { startNamed } from '../src/deployment/starting.js';
import { openRegular, readRegular } from '../src/files.js';
import { homeAt } from '../src/home.js';
import { restoreBackup } from '../src/search/backup.js';
import { damagedIn, writeSums } from '../src/sums.js';
import { readSaved } from '../src/training/saved.js';
import { readWeights } from '../src/training/weights.js';
import { x3d } from './cli/spawning.js';
import { writeGreys } from './data/videos.js';

vi.setConfig({ testTimeout: 60_000 });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'x3d-pipes-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;
const newFolder = () => {
  const path = join(folder, String(++made));
  mkdirSync(path);
  return path;
};
const pipe = (name: string, at = newFolder()) => {
  const path = join(at, name);
  expect(spawnSync('mkfifo', [path]).status).toBe(0);
  return path;
};
const refusal = (path: string, got = 'a pipe') =>
  expect.objectContaining({
    kind: 'data',
    facts: expect.objectContaining({ subject: path, expected: 'a regular file', got }),
  });

describe('a pipe is refused', () => {
  test.each<[string, string, (path: string) => Promise<unknown>]>([
    ['as a configuration', 'search.yaml', readConfiguration],
    ['as a table of latencies', 'table.json', readLatencyTable],
    ['as a list', 'train.csv', listText],
    ['as a list of what to predict', 'videos.txt', (path) => videoFiles([path], async () => '')],
    ['as weights', 'weights.pyth', readWeights],
    ['as weights to start from', 'weights.pyth', (path) => startNamed(path, homeAt(newFolder()))],
    ['as the description of a network', 'network.json', (path) => readSaved(join(path, '..'))],
  ])('%s', async (_, name, read) => {
    const path = pipe(name);
    await expect(read(path)).rejects.toEqual(refusal(path));
  });

  test('as classes.txt beside lists, as one that can not be read is', async () => {
    const path = newFolder();
    const video = writeGreys(join(path, 'a.mp4'), 5);
    writeFileSync(join(path, 'train.csv'), `${video} 0\n`);
    const classes = pipe('classes.txt', path);
    await expect(openDataset({ path }, { cacheFolder: newFolder() })).rejects.toEqual(refusal(classes));
    rmSync(classes);
    writeFileSync(classes, Uint8Array.of(0x61, 0xff, 0x0a));
    await expect(openDataset({ path }, { cacheFolder: newFolder() })).rejects.toMatchObject({
      facts: { subject: classes, got: 'bytes that are not UTF-8' },
    });
  });

  test('as a video', async () => {
    const path = pipe('a.mp4');
    expect(await probeAll([path], { subject: 'one', cacheFolder: newFolder() })).toEqual([
      { kind: 'undecodable', reason: 'a pipe' },
    ]);
  });

  test('as the logs of a backup, and is damage among files that have sums', async () => {
    const logs = pipe('searches.jsonl');
    const redis = {} as Parameters<typeof restoreBackup>[0];
    await expect(restoreBackup(redis, homeAt(newFolder()), join(logs, '..'))).rejects.toEqual(refusal(logs));
    const summed = newFolder();
    writeFileSync(join(summed, 'a'), '');
    await writeSums(summed);
    rmSync(join(summed, 'a'));
    pipe('a', summed);
    expect(await damagedIn(summed)).toEqual(['a']);
  });

  test('as a file of a token or of a service: there is none', async () => {
    const home = homeAt(newFolder());
    mkdirSync(home.tokens);
    pipe('0123456789ab.json', home.tokens);
    expect(await accountOf(home, newToken('0123456789ab'))).toBeUndefined();
    pipe('service.json', home.folder);
    await expect(serviceOf(home)).rejects.toMatchObject({ kind: 'environment' });
  });

  test.each([
    ['replay', (path: string) => ['replay', '--table', path, '--target', '2G']],
    [
      'serve',
      (path: string) => [
        'serve',
        '--port',
        '0',
        '--tls-cert',
        path,
        '--tls-key',
        path,
        '--home',
        newFolder(),
      ],
    ],
  ])('by %s', async (_, args) => {
    const path = pipe('file');
    const done = await x3d(...args(path));
    expect(done).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^(error: )?\S+\/file: expected a regular file, got a pipe\. .*\n$/),
    });
  });
});

describe('a file that was named', () => {
  test('is refused where it is a device, also behind a link', async () => {
    await expect(readRegular('/dev/zero', 100)).rejects.toEqual(refusal('/dev/zero', 'a device'));
    const link = join(newFolder(), 'link');
    symlinkSync('/dev/zero', link);
    await expect(openRegular(link)).rejects.toEqual(refusal(link, 'a device'));
  });

  test('is read within its bound, and no further', async () => {
    const path = join(newFolder(), 'file');
    writeFileSync(path, 'four');
    expect(String(await readRegular(path, 4))).toBe('four');
    await expect(readRegular(path, 3)).rejects.toMatchObject({ kind: 'data', facts: { got: '4 bytes' } });
    await expect(readRegular(`${path}s`, 3)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(readRegular(join(path, '..'), 3000)).rejects.toMatchObject({ code: 'EISDIR' });
  });
});
