/** What is done for others is done in processes that can be killed, and that take no more than they may. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { EndedApart } from '../../src/apart/ended.js';
import { openPool, type PoolOptions } from '../../src/apart/pool.js';
import { temporaryFolder } from '../data/videos.js';
import { gone, lives } from '../processes.js';

type Order = Readonly<{ kind: string } & Record<string, unknown>>;

function poolOf(options: Partial<PoolOptions> = {}) {
  const pool = openPool<Order, unknown, { pid: number }>(new URL('./program.mjs', import.meta.url), {
    ...{ subject: 'orders', seconds: 60, bytes: 2 ** 30, atOnce: 1, mostWaiting: 8 },
    ...options,
  });
  onTestFinished(() => pool.close());
  return pool;
}

/** An order under way, and the id of the process that carries it out. */
async function begun(pool: ReturnType<typeof poolOf>, order: Order, signal?: AbortSignal) {
  let answer: Promise<unknown> = Promise.resolve();
  const pid = await new Promise<number>((begin) => {
    answer = pool.run(order, { ...(signal ? { signal } : {}), onProgress: ({ pid }) => begin(pid) });
  });
  // It may fail before anyone looks.
  answer.catch(() => {});
  return { answer, pid };
}

describe('an order', () => {
  test('is answered, or refused as the program refuses it', async () => {
    const pool = poolOf();
    expect(await pool.run({ kind: 'double', number: 21 })).toBe(42);
    await expect(pool.run({ kind: 'refuse' })).rejects.toMatchObject({
      kind: 'data',
      facts: { subject: 'a', expected: 'b' },
    });
    await expect(pool.run({ kind: 'throw' })).rejects.toThrow(/RangeError: a mistake/);
  });

  test('is carried out where this process was given its program as text', async () => {
    const text = `
      const { openPool } = await import(${JSON.stringify(new URL('../../dist/apart/pool.js', import.meta.url).href)});
      const bounds = { subject: 'orders', seconds: 60, bytes: 2 ** 30, atOnce: 1, mostWaiting: 1 };
      const pool = openPool(new URL(${JSON.stringify(new URL('./program.mjs', import.meta.url).href)}), bounds);
      console.log(await pool.run({ kind: 'double', number: 21 }));
      await pool.close();`;
    const asked = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', text]);
    expect((await asked).stdout).toBe('42\n');
  });

  test('is carried out by a process without secrets', async () => {
    vi.stubEnv('REDIS_URL', 'redis://user:password@host');
    vi.stubEnv('X3D_TOKEN', 'a token');
    onTestFinished(() => void vi.unstubAllEnvs());
    const names = await poolOf().run({ kind: 'environment' });
    expect(names).toContain('PATH');
    expect(names).not.toContain('REDIS_URL');
    expect(names).not.toContain('X3D_TOKEN');
  });

  test('waits for its turn, and is refused where many wait', async () => {
    const pool = poolOf({ mostWaiting: 1 });
    const first = await begun(pool, { kind: 'sleep', ms: 500 });
    const second = begun(pool, { kind: 'double', number: 1 });
    await expect(pool.run({ kind: 'double', number: 2 })).rejects.toMatchObject({
      kind: 'too-many',
      facts: { subject: 'orders', expected: expect.stringContaining('at most 1 that wait') },
    });
    await first.answer;
    expect(await (await second).answer).toBe(2);
  });

  test.each([
    ['longer', { kind: 'spin' }, { seconds: 5 }, 'took longer than 5 s'],
    ['more memory', { kind: 'hog' }, { bytes: 200 * 2 ** 20 }, 'took more than 200 MiB of memory'],
  ])(
    'that takes %s than it may is ended, and the next one is carried out',
    async (_, order, bounds, reason) => {
      const pool = poolOf(bounds);
      const { answer, pid } = await begun(pool, order);
      await expect(answer).rejects.toThrow(new EndedApart(reason));
      await gone(pid);
      if (!('seconds' in bounds)) expect(await pool.run({ kind: 'double', number: 3 })).toBe(6);
    },
  );

  test('whose process is killed says so, and the next one is carried out', async () => {
    const pool = poolOf();
    const { answer, pid } = await begun(pool, { kind: 'spin' });
    process.kill(pid, 'SIGKILL');
    await expect(answer).rejects.toThrow(new EndedApart('ended the process that looked at it (SIGKILL)'));
    expect(await pool.run({ kind: 'double', number: 4 })).toBe(8);
  });

  test('that nobody wants any more ends, whether it has begun or waits', async () => {
    const pool = poolOf();
    const unwanted = new AbortController();
    const { answer, pid } = await begun(pool, { kind: 'spin' }, unwanted.signal);
    const waiting = pool.run({ kind: 'spin' }, { signal: unwanted.signal });
    waiting.catch(() => {});
    unwanted.abort(new Error('no longer wanted'));
    await expect(answer).rejects.toThrow('no longer wanted');
    await expect(waiting).rejects.toThrow('no longer wanted');
    await gone(pid);
    expect(await pool.run({ kind: 'double', number: 5 })).toBe(10);
  });

  test('that nobody wants any more keeps what it came to, where it is given time', async () => {
    const file = join(temporaryFolder(), 'kept');
    const pool = poolOf({ graceMs: 10_000 });
    const unwanted = new AbortController();
    const { pid } = await begun(pool, { kind: 'keep', file }, unwanted.signal);
    unwanted.abort();
    await gone(pid);
    expect(existsSync(file)).toBe(true);
  });
});

describe('a process', () => {
  test('is kept for the next order as long as it may rest', async () => {
    const pool = poolOf({ idleMs: 300 });
    const first = await begun(pool, { kind: 'double', number: 1 });
    await first.answer;
    const second = await begun(pool, { kind: 'double', number: 1 });
    expect(second.pid).toBe(first.pid);
    await gone(first.pid);
  });

  test('ends with the pool', async () => {
    const pool = poolOf({ atOnce: 2, idleMs: 60_000 });
    const resting = await begun(pool, { kind: 'double', number: 1 });
    const busy = await begun(pool, { kind: 'spin' });
    await resting.answer;
    await pool.close();
    await expect(busy.answer).rejects.toThrow();
    expect([resting.pid, busy.pid].filter(lives)).toEqual([]);
  });

  test('ends with whoever started it, also in the middle of its work', async () => {
    const parent = spawn(process.execPath, [fileURLToPath(new URL('./parent.mjs', import.meta.url))], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(said.toString());
    expect(lives(pid)).toBe(true);
    parent.kill('SIGKILL');
    await gone(pid);
  });
});
