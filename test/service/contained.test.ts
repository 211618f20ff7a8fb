/** The service as an image runs it: a plain user, and nothing to write to but its home. */
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { homeAt } from '../../src/home.js';
import { startRedis } from '../../src/redis/embedded.js';

const NOBODY = 65_534;
const SERVICE = fileURLToPath(new URL('../../dist/service/main.js', import.meta.url));
/** Needs root, which alone can take such rights away. */
const possible =
  spawnSync('unshare', ['-m', 'true']).status === 0 && spawnSync('setpriv', ['--version']).status === 0;

test.skipIf(!possible)('as a plain user on a root that can not be written to', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'x3d-contained-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const redis = await startRedis(homeAt(join(folder, 'redis')));
  onTestFinished(() => redis.stop());
  const home = join(folder, 'home');
  mkdirSync(home);
  chownSync(folder, NOBODY, NOBODY);
  chownSync(home, NOBODY, NOBODY);
  const argument = JSON.stringify({ home, host: '127.0.0.1', port: 0, dataRoots: ['/videos'] });
  const script = `
    mount --bind "$1" "$1" && mount -o remount,bind,ro / && mount -o remount,bind,rw "$1" || exit 9
    shift
    exec setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups --no-new-privs --bounding-set=-all "$@"`;
  const service = spawn(
    'unshare',
    ['-m', 'sh', '-c', script, 'contained', home, process.execPath, SERVICE, argument],
    {
      cwd: '/',
      env: { PATH: process.env.PATH, REDIS_URL: redis.url },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  onTestFinished(() => void service.kill('SIGKILL'));
  let log = '';
  const url = await new Promise<string>((up, down) => {
    service.stderr.on('data', (bytes) => {
      log += bytes;
      const found = /Server listening at (http:[^"]+)/.exec(log)?.[1];
      if (found !== undefined) up(found);
    });
    service.on('exit', (code) => down(new Error(`exit ${code}: ${log}`)));
  });
  expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ status: 'ready' });
  expect((await fetch(`${url}/searches`)).status).toBe(200);
});
