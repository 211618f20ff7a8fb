/** docs/reference is what `npm run reference` makes of the code as it is built. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

it('is current: else `npm run reference` writes it anew', { timeout: 300_000 }, () => {
  const script = fileURLToPath(new URL('../../scripts/reference.mjs', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [script, '--check']);
  expect(stderr.toString()).toBe('');
  expect(status).toBe(0);
});
