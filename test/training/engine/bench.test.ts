import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { nodeBackend } from '../../../src/training/engine/tensorflow.js';

it.skipIf(nodeBackend()?.binding.isUsingGpuDevice())(
  'bench:card says that there is no card, and ends with 3',
  () => {
    const script = fileURLToPath(new URL('../../../bench/card.mjs', import.meta.url));
    const { status, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
    expect(stderr).toContain('No card: TensorFlow sees no GPU on this machine');
    expect(status).toBe(3);
  },
);
