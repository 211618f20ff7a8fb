import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { homeAt } from '../../src/home.js';
import { startRedis } from '../../src/redis/embedded.js';
import { eventually } from '../workers/candidates.js';
import { alive, QUICK, service, smallVideos, type Videos, workersOf } from './searches.js';
import { start, temporaryFolder, x3d } from './spawning.js';

let videos: Videos;
beforeAll(() => {
  videos = smallVideos();
});
afterAll(() => videos.remove());

async function serving(home: string, environment: Record<string, string> = {}) {
  const running = start(
    ['serve', '--port', '0', '--home', home, '--data-root', videos.path, '--json', ...QUICK],
    environment,
  );
  onTestFinished(async () => {
    running.process.kill('SIGTERM');
    await running.finished;
  });
  const { url } = JSON.parse(await running.line((line) => line.includes('"listening"'))) as { url: string };
  return { running, url };
}

describe('serve', () => {
  it('takes searches over HTTP, which status shows and cancel ends, until it is stopped', async () => {
    const home = temporaryFolder();
    const { running, url } = await serving(home);
    expect((await x3d('status', '--home', home)).stdout).toBe('no searches\n');
    const response = await fetch(`${url}/searches`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'shapes', data: { path: videos.path }, target: '2G', method: 'paper' }),
    });
    const { id } = (await response.json()) as { id: string };

    expect((await x3d('status', '--home', home)).stdout).toMatch(
      new RegExp(`${id} +shapes +round \\d+ .* 2G `),
    );
    const one = await x3d('status', id, '--service', url);
    expect(one.stdout).toMatch(
      new RegExp(`^search ${id}: running\\ncandidate +change [^]*\\n# +won by [^]* x2d-micro  1x16, 48 px`),
    );
    expect(JSON.parse((await x3d('status', id, '--home', home, '--json')).stdout)).toMatchObject({
      search: id,
    });
    expect((await x3d('cancel', id, '--home', home)).stdout).toBe(`search ${id} is cancelled\n`);
    expect((await x3d('status', id, '--home', home)).stdout).toContain(`search ${id}: cancelled`);
    const missing = await x3d('cancel', 's0', '--home', home);
    expect(missing).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('search: expected the id of a search, got s0.'),
    });

    const workers = await eventually(async () => {
      const present = await workersOf(home);
      return present.length === 2 && present;
    });
    const pids = [service(home).pid, ...workers.map(({ pid }) => pid)];
    running.process.kill('SIGTERM');
    expect((await running.finished).code).toBe(0);
    expect(pids.filter(alive)).toEqual([]);
  });

  it('and run refuse a home that is in use', async () => {
    const home = temporaryFolder();
    await serving(home);
    const { code, stderr } = await x3d('run', videos.path, '--target', '2M', '--home', home);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining(
        'expected a home that no other x3d-search is using, got one in use by process',
      ),
    });
  });

  it.each([
    ['while they start', 0],
    ['when they are at work', 2],
  ])('ends with its processes when it is killed %s', async (_, workers) => {
    const home = temporaryFolder();
    const { running } = await serving(home);
    const pids = await eventually(async () => {
      const present = await workersOf(home);
      return present.length >= workers && [service(home).pid, ...present.map(({ pid }) => pid)];
    });
    running.process.kill('SIGKILL');
    await eventually(async () => !pids.some(alive));
    // Nobody holds its standard error any more.
    await running.finished;
  });
});

describe('worker', () => {
  it('works for a service elsewhere that shares its Redis', async () => {
    const home = temporaryFolder();
    const redis = await startRedis(homeAt(home));
    onTestFinished(() => redis.stop());
    await serving(home, { REDIS_URL: redis.url });
    const fleet = start(['worker', '--redis', redis.url, '--home', home, ...QUICK]);
    expect(await fleet.line(() => true)).toBe(`2 workers on cpu, cpu for ${redis.url}`);
    await eventually(async () => (await workersOf(home)).length === 4);
    fleet.process.kill('SIGINT');
    expect((await fleet.finished).code).toBe(0);
    await eventually(async () => (await workersOf(home)).length === 2);
  });
});
