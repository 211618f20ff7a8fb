/** Sums of files beside them: whether what is read back is what was written. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { damagedIn, isAsWritten, readWritten, SUMS, writeSummed, writeSums } from '../src/sums.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'x3d-sums-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const path = (name: string) => join(folder, name);

describe('files that were written with their sums', () => {
  test('are known to be as they were written, each with the others', async () => {
    await writeSummed(folder, { 'a.json': '{"a":1}' });
    await writeSummed(folder, { 'b.json': '{"b":1}', 'c.bin': Uint8Array.of(0, 255) });
    await writeSummed(folder, { 'a.json': '{"a":2}' });
    expect(await damagedIn(folder)).toEqual([]);
    expect(await readWritten(path('a.json'))).toEqual({ a: 2 });
    writeFileSync(path('b.json'), '{"b":2}');
    expect(await damagedIn(folder)).toEqual(['b.json']);
    await expect(readWritten(path('b.json'))).rejects.toMatchObject({ kind: 'environment' });
  });

  test('are whole for whoever reads one as it is written anew, or after a crash in between', async () => {
    await writeSummed(folder, { 'a.json': '{"a":1}' });
    const first = readFileSync(path(SUMS), 'utf8');
    await writeSummed(folder, { 'a.json': '{"a":2}' });
    const second = readFileSync(path(SUMS), 'utf8');
    // As it is while the one takes the other's place.
    writeFileSync(path(SUMS), first + second);
    expect(await readWritten(path('a.json'))).toEqual({ a: 2 });
    writeFileSync(path('a.json'), '{"a":1}');
    expect(await readWritten(path('a.json'))).toEqual({ a: 1 });
    await writeSummed(folder, { 'a.json': '{"a":3}' });
    expect(readFileSync(path(SUMS), 'utf8').split('\n')).toHaveLength(2);
    expect(await isAsWritten(path('a.json'))).toBe(true);
  });

  test('are whole for whoever looks while they are written many times', async () => {
    await writeSummed(folder, { 'a.json': '{"a":0}' });
    let isWriting = true;
    const writing = (async () => {
      for (let a = 1; a <= 200; a++) await writeSummed(folder, { 'a.json': `{"a":${a}}` });
      isWriting = false;
    })();
    let looks = 0;
    for (; isWriting; looks++) {
      expect(await isAsWritten(path('a.json'))).toBe(true);
      expect(await readWritten(path('a.json'))).toMatchObject({ a: expect.any(Number) });
      expect(await damagedIn(folder)).toEqual([]);
    }
    await writing;
    expect(looks).toBeGreaterThan(1);
  });

  test('keep a sum each where the sums themselves were damaged', async () => {
    await writeSummed(folder, { 'a.json': '{"a":1}', 'b.json': '{"b":1}' });
    appendFileSync(path(SUMS), 'no sum at all\n');
    expect(await damagedIn(folder)).toEqual([SUMS]);
    await writeSummed(folder, { 'a.json': '{"a":2}' });
    expect(await damagedIn(folder)).toEqual([]);
    appendFileSync(path(SUMS), 'no sum at all\n');
    await writeSums(folder, ['a.json']);
    writeFileSync(path('b.json'), '{"b":2}');
    expect(await damagedIn(folder)).toEqual(['b.json']);
  });

  test('are not whole by sums that another file of the folder got later', async () => {
    await writeSummed(folder, { 'a.json': '{}' });
    appendFileSync(path('a.json'), ' ');
    writeFileSync(path('b.json'), '{}');
    await writeSums(folder, ['b.json']);
    expect(await damagedIn(folder)).toEqual(['a.json']);
  });
});
