/** What can be done with a home: without a service, and with one. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { homeAt } from '../../src/home.js';
import { tableOfBase } from '../flops/tables.js';
import { eventually } from '../workers/candidates.js';
import { QUICK, smallVideos, trajectoryIn, type Videos } from './searches.js';
import { start, temporaryFolder, x3d } from './spawning.js';

let videos: Videos;
beforeAll(() => {
  videos = smallVideos();
});
afterAll(() => videos.remove());

/** A configuration for a search in time, in a file beside the table of the device. */
function configuration(folder: string): string {
  writeFileSync(join(folder, 'device.json'), JSON.stringify(tableOfBase('x2d-micro')));
  const [, group, , shares = ''] = videos.flags;
  const [train, validation, test] = shares.split(',');
  const lines = [
    'name: in time # for people',
    'data:',
    `  path: ${videos.path}`,
    `  group: ${group}`,
    `  shares: {train: ${train}, validation: ${validation}, test: ${test}}`,
    'target: 2ms',
    'deviceTable: device.json',
    'method: paper',
  ];
  const file = join(folder, 'search.yaml');
  writeFileSync(file, lines.join('\n'));
  return file;
}

describe('a home without a service', () => {
  it('lists its searches, shows what they did, and is tidied', { timeout: 300_000 }, async () => {
    const folder = temporaryFolder();
    const home = join(folder, 'home');
    const at = ['--home', home];
    const run = await start(['run', '--config', configuration(folder), ...at, ...QUICK, '--json']).finished;
    expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 0, stderr: '' });
    const { search } = JSON.parse(run.stdout.trim().split('\n').at(-1) ?? '') as { search: string };

    // The target was milliseconds on the device.
    const { complexity, target, device, final, rounds } = trajectoryIn(homeAt(home).run(search));
    expect({ complexity, target, device }).toEqual({ complexity: 'latency', target: 2, device: 'made' });
    expect(final?.cost.latency).toBeLessThanOrEqual(2);
    for (const { candidates } of rounds)
      for (const { cost } of candidates) expect(cost.latency).toBeGreaterThan(0.5);

    const list = await x3d('status', ...at);
    expect(list.stdout).toMatch(
      new RegExp(
        `^${search} +in time +ended +[\\d.]+ ms +2 ms +[\\d.]+ % test +\\d+:\\d\\d +\\d\\d-\\d\\d `,
        'm',
      ),
    );
    // One that is over is shown as it was at its end.
    const shown = (await x3d('status', search, ...at)).stdout;
    expect(shown).toMatch(/^# +won by +change +latency /m);
    expect(shown).toMatch(/^test +\d+\.\d % ± \d+ of /m);
    expect(shown).toContain(`folder      ${homeAt(home).run(search)}\n`);
    const logs = (await x3d('logs', search, ...at)).stdout.trim().split('\n');
    expect(logs[0]).toMatch(
      new RegExp(
        `^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d  search ${search}: from x2d-micro to 2 ms latency`,
      ),
    );
    expect(logs.at(-1)).toMatch(/ search ended$/);
    // Nothing more happens in it, so that following it needs no service either.
    const watched = await x3d('watch', search, ...at);
    expect({ code: watched.code, stderr: watched.stderr }).toEqual({ code: 0, stderr: '' });
    expect(watched.stdout).toContain(shown.slice(shown.indexOf('\n') + 1));
    expect((await x3d('logs', search, '--follow', ...at)).stdout.trim().split('\n')).toEqual(logs);
    expect((await x3d('pause', search, ...at)).stderr).toContain(
      'expected a running search, got one that is ended',
    );

    // A training of no search, as a home of before may have it.
    const unused = homeAt(home).candidate('c0ffee');
    mkdirSync(unused);
    writeFileSync(join(unused, 'weights.safetensors'), Buffer.alloc(20_000));
    const usage = JSON.parse((await x3d('du', ...at, '--json')).stdout);
    expect(usage).toMatchObject({ home, runs: { entries: 1 }, unused: { entries: 1 }, cacheLimit: 100e9 });
    expect(usage.unused.bytes).toBeGreaterThanOrEqual(20_000);
    const gc = await x3d('gc', '--cache-limit', '1K', ...at);
    expect(gc.stdout).toMatch(/^removed 1 training \(2\d(\.\d+)? kB\) of no search,$/m);
    expect(existsSync(unused)).toBe(false);

    const rm = await x3d('rm', search, ...at);
    expect(rm.stdout).toMatch(new RegExp(`^removed search ${search} with \\d+ trainings`));
    expect(existsSync(homeAt(home).run(search))).toBe(false);
    expect((await x3d('status', ...at)).stdout).toBe('no searches\n');
    expect((await x3d('rm', search, ...at)).code).toBe(2);
  });

  it('says what goes on with a search that was stopped, to who would follow it', async () => {
    const folder = temporaryFolder();
    const at = ['--home', join(folder, 'home')];
    const run = start(['run', '--config', configuration(folder), ...at, ...QUICK, '--json']);
    const created = await run.line((line) => line.includes('search-created'));
    const { search } = JSON.parse(created) as { search: string };
    run.process.kill('SIGINT');
    await run.finished;
    for (const command of [['watch'], ['logs', '--follow']]) {
      const { code, stderr } = await x3d(...command, search, ...at);
      expect({ command, code }).toEqual({ command, code: 3 });
      expect(stderr).toContain(
        `search ${search}: expected a service that goes on with it, got none, and it is paused. `,
      );
      expect(stderr).toContain(`run --resume ${search} --home `);
    }
  });
});

describe('a service', () => {
  it('runs what run --service asks for; watch, logs and rm ask it too', { timeout: 300_000 }, async () => {
    const folder = temporaryFolder();
    const home = join(folder, 'home');
    const running = start([
      'serve',
      '--port',
      '0',
      '--home',
      home,
      '--data-root',
      videos.path,
      '--json',
      ...QUICK,
    ]);
    onTestFinished(async () => {
      running.process.kill('SIGTERM');
      await running.finished;
    });
    const { url } = JSON.parse(await running.line((line) => line.includes('"listening"'))) as { url: string };
    const at = ['--service', url];

    const run = start(['run', '--config', configuration(folder), ...at, '--json']);
    const created = JSON.parse(await run.line((line) => line.includes('search-created'))) as {
      search: string;
    };
    // Who looks away ends nothing.
    run.process.kill('SIGINT');
    const { code, stdout } = await run.finished;
    const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    if (last.kind === 'interrupted')
      expect({ code, search: last.search }).toEqual({ code: 130, search: created.search });
    const { search } = created;

    const [watch, logs] = await Promise.all([
      x3d('watch', search, '--home', home),
      x3d('logs', search, '--follow', ...at),
    ]);
    expect(watch.code).toBe(0);
    expect(watch.stdout).toContain(`folder      ${join(home, 'runs', search)}`);
    expect(logs.stdout).toMatch(/ search ended\n$/);
    await eventually(async () => (await x3d('rm', search, ...at)).code === 0);
    expect((await x3d('status', search, ...at)).stderr).toContain('expected the id of a search');
    expect((await x3d('run', videos.path, '--target', '2M', ...at, '--workers', '2')).stderr).toContain(
      '--service: expected no flags of workers beside it, as the service has its own, got --workers',
    );
  });
});
