/** What the end of a trainer that said nothing is taken for, and whether another try makes sense. */
import { describe, expect, test } from 'vitest';
import { type Death, explainDeath, kernelKills } from '../../src/workers/death.js';

const death = (changes: Partial<Death>): Death => ({
  code: null,
  signal: null,
  lastWords: '',
  kernelKilled: false,
  ...changes,
});

describe('a trainer that ended', () => {
  test.each([
    [
      'by SIGKILL of someone',
      { signal: 'SIGKILL' as const },
      { kind: 'killed', retry: 'later', reason: 'the trainer was ended by SIGKILL' },
    ],
    [
      'by SIGKILL of a kernel out of memory',
      { signal: 'SIGKILL' as const, kernelKilled: true },
      {
        kind: 'out-of-memory',
        retry: 'elsewhere',
        reason: 'the kernel killed the trainer because the machine ran out of memory',
      },
    ],
    [
      'by a crash in native code',
      { signal: 'SIGSEGV' as const, lastWords: 'Fatal: at 0x0' },
      {
        kind: 'internal',
        retry: 'here',
        reason: 'the trainer was ended by SIGSEGV; its last words: Fatal: at 0x0',
      },
    ],
    [
      'when an allocation failed in C++',
      { signal: 'SIGABRT' as const, lastWords: "terminate called after throwing 'std::bad_alloc'" },
      { kind: 'out-of-memory', retry: 'elsewhere' },
    ],
    [
      'when a card had no memory left',
      { code: 1, lastWords: 'OOM when allocating tensor with shape[8]' },
      { kind: 'out-of-memory', retry: 'elsewhere' },
    ],
    [
      'with a status',
      { code: 3, lastWords: 'Error: no' },
      {
        kind: 'internal',
        retry: 'here',
        reason: 'the trainer exited with status 3; its last words: Error: no',
      },
    ],
  ])('%s', (_, changes, failure) => {
    expect(explainDeath(death(changes))).toMatchObject(failure);
  });

  test('is counted by the kernel where it was killed for want of memory', async () => {
    expect(await kernelKills()).toBeGreaterThanOrEqual(0);
  });
});
