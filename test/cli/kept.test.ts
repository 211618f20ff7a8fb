/** Processes that are kept alive. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type KeptOptions, keep } from '../../src/cli/kept.js';
import { keepRedis } from '../../src/cli/kept-redis.js';
import { homeAt } from '../../src/home.js';
import { eventually } from '../workers/candidates.js';
import { temporaryFolder } from './spawning.js';

const PROGRAM = fileURLToPath(new URL('./kept-program.mjs', import.meta.url));
const HASTY = { beatMs: 200, pauseMs: 1 };

function keeping(does: string, more: Partial<KeptOptions> = {}) {
  const starts = join(temporaryFolder(), 'starts');
  const replaced: string[] = [];
  const kept = keep({
    name: 'the program',
    program: PROGRAM,
    argument: () => ({ does, starts }),
    environment: {},
    verbose: false,
    onReplaced: (name, why) => replaced.push(`${name}: ${why}`),
    pace: HASTY,
    ...more,
  });
  return { kept, replaced, starts: () => readFileSync(starts, 'utf8').length };
}

describe('a process that is kept alive', () => {
  test('and no longer answers is killed and started again', async () => {
    const { kept, replaced } = keeping('freeze once');
    const running = await kept;
    await eventually(async () => running.url() === 'http://2');
    expect(replaced).toEqual(['the program: it did not answer for 1.2 s, and was killed']);
    await running.stop();
  });

  test('and is stopped by another for a while is killed too, and one that answers is left alone', async () => {
    const { kept, starts } = keeping('stay');
    const running = await kept;
    await new Promise((done) => setTimeout(done, 20 * HASTY.beatMs));
    expect(starts()).toBe(1);
    process.kill(running.pid() ?? 0, 'SIGSTOP');
    await eventually(async () => running.url() === 'http://2');
    await running.stop();
  });

  test('is given up when it ends by one cause again and again, with what it said last', async () => {
    const given: string[] = [];
    const { kept, starts } = keeping('fail once it was up', {
      onGivenUp: ({ message }) => given.push(message),
    });
    const running = await kept;
    await eventually(async () => given.length > 0);
    expect(given).toEqual([
      'the program: expected a process that stays up, got 12 ends soon after its start by exit 1: Error: no room at try 12.',
    ]);
    expect(starts()).toBe(12);
    await running.stop();
  });

  test('is tried for ever where the others go on without it', async () => {
    const { kept, starts, replaced } = keeping('fail once it was up');
    const running = await kept;
    await eventually(async () => starts() > 13, 120_000);
    expect(replaced).toHaveLength(4);
    await running.stop();
  }, 130_000);

  test('and never comes up is an error at once', async () => {
    const { kept, starts } = keeping('never come up');
    await expect(kept).rejects.toMatchObject({
      kind: 'environment',
      facts: { subject: 'the program', got: expect.stringContaining('Error: no room at try 6') },
    });
    expect(starts()).toBe(6);
  });
});

test('an embedded Redis that no longer answers is killed, and comes back with what it had', async () => {
  const replaced: string[] = [];
  const kept = await keepRedis({
    home: homeAt(temporaryFolder()),
    onReplaced: (name, why) => replaced.push(`${name}: ${why}`),
    onGivenUp: (error) => expect.unreachable(error.message),
    pace: HASTY,
  });
  onTestFinished(() => kept.stop());
  const client = new Redis(kept.url, { maxRetriesPerRequest: null });
  onTestFinished(() => client.disconnect());
  await client.set('kept', 'yes');
  const server = Number(/process_id:(\d+)/.exec(await client.info('server'))?.[1]);
  process.kill(server, 'SIGSTOP');
  await eventually(async () => replaced.length > 0);
  expect(replaced).toEqual(['Redis: it did not answer for 2.4 s, and was killed']);
  expect(await client.get('kept')).toBe('yes');
});
