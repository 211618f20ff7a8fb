import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { forTerminal, harmless } from '../src/harmless.js';
import { lineForPeople, openLog } from '../src/logging.js';

function logged() {
  const lines: string[] = [];
  const log = openLog('service', {
    quiet: false,
    countedMs: 100,
    destination: { write: (line) => void lines.push(line) },
  });
  return {
    log,
    lines: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    text: () => lines.join(''),
  };
}

describe('a log', () => {
  test('has a fault that comes thousands of times twice: when it first came, and then how often more', async () => {
    const { log, lines } = logged();
    for (let time = 0; time < 91_000; time++) log.warn({ error: 'READONLY' }, 'Redis');
    log.warn({ error: 'OOM' }, 'Redis');
    await sleep(300);
    expect(lines()).toMatchObject([
      { error: 'READONLY', msg: 'Redis', process: 'service' },
      { error: 'OOM' },
      { error: 'READONLY', msg: 'Redis', timesMore: 90_999 },
    ]);
    log.warn({ error: 'READONLY' }, 'Redis');
    expect(lines()).toHaveLength(4);
  });

  test('has every line that is no fault', () => {
    const { log, lines } = logged();
    for (let time = 0; time < 5; time++) log.info('request completed');
    expect(lines()).toHaveLength(5);
  });

  test('has no password of a Redis command that failed, and no token', () => {
    const { log, text } = logged();
    const error = Object.assign(new Error('WRONGPASS'), {
      command: { name: 'auth', args: ['user', 'secret'] },
    });
    log.error(error, 'Redis');
    log.error({ err: error, error });
    log.warn({ error }, 'Redis');
    log.info({ headers: { authorization: 'Bearer secret' } });
    expect(text()).toContain('WRONGPASS');
    expect(text()).not.toContain('secret');
  });

  test('is a line for people on a terminal, which nothing in it steers', () => {
    const json = JSON.stringify({
      ...{ level: 40, time: 0, pid: 1, hostname: 'h', process: 'worker', msg: 'training failed' },
      ...{ candidate: 'c1', reason: '\u001b[2Jgone\nnext' },
    });
    const line = stripVTControlCharacters(lineForPeople(json));
    expect(line).toBe('00:00:00 worker training failed candidate=c1 reason=\\u001b[2Jgone\\u000anext\n');
  });
});

test('names of others steer no terminal; lines and colours of our own stay', () => {
  expect(harmless('a\u001b]0;title\u0007\u202eb\r\n')).toBe('a\\u001b]0;title\\u0007\\u202eb\\u000d\\u000a');
  expect(forTerminal('\u001b[31mred\u001b[39m\n\u001b[2J\u009b3A')).toBe(
    '\u001b[31mred\u001b[39m\n\\u001b[2J\\u009b3A',
  );
  expect(harmless('Tür 門 🚪 a-b_c')).toBe('Tür 門 🚪 a-b_c');
});
