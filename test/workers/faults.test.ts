/** What kind of failure an error is, by its message. */
import { expect, test } from 'vitest';
import { failureFrom } from '../../src/workers/faults.js';

test.each([
  ['ENOSPC: no space left on device, write', 'disk', 'later'],
  ['ESTALE: stale file handle, open', 'disk', 'later'],
  ["MISCONF Redis is configured to save RDB snapshots, but it's currently unable to", 'internal', 'later'],
  ['Connection is closed.', 'internal', 'later'],
  ['OOM when allocating tensor with shape [8,16]', 'out-of-memory', 'elsewhere'],
  ['Cannot read properties of undefined', 'internal', 'here'],
])('%s', (message, kind, retry) => {
  expect(failureFrom(new Error(message))).toMatchObject({
    kind,
    retry,
    reason: expect.stringContaining(message),
  });
});
