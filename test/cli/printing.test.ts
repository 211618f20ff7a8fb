/** What commands print is harmless to a terminal, and the same to programs. */
import { Writable } from 'node:stream';
import { afterEach, expect, it, vi } from 'vitest';
import { print, say, sayData } from '../../src/cli/printing.js';

const NAME = 'cat\u001b]0;owned\u0007\u009b2J\u202e';
const SPELLED = 'cat\\u001b]0;owned\\u0007\\u009b2J\\u202e';

afterEach(() => vi.restoreAllMocks());

function printed(act: () => void): string {
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += chunk;
    return true;
  });
  act();
  vi.restoreAllMocks();
  return text;
}

it('spells out what would steer a terminal, and leaves lines and colours', () => {
  expect(printed(() => say(`\u001b[31m${NAME}\u001b[39m\nand more`))).toBe(
    `\u001b[31m${SPELLED}\u001b[39m\nand more\n`,
  );
  expect(printed(() => print(false, { name: NAME }, () => NAME))).toBe(`${SPELLED}\n`);
});

it('gives programs the very names, in JSON that a terminal can be shown', () => {
  for (const text of [
    printed(() => sayData({ name: NAME })),
    printed(() => print(true, { name: NAME }, () => NAME)),
  ]) {
    expect(text).toContain(SPELLED);
    expect(JSON.parse(text)).toEqual({ name: NAME });
  }
});

it('says elsewhere what it is told to', () => {
  const chunks: string[] = [];
  const elsewhere = new Writable({
    write: (chunk, _, done) => {
      chunks.push(String(chunk));
      done();
    },
  });
  expect(printed(() => say(NAME, elsewhere))).toBe('');
  expect(chunks.join('')).toBe(`${SPELLED}\n`);
});
