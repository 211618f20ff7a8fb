/** `run --trainer`: a whole search by a program of the user's. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallVideos, trajectoryIn, type Videos } from './searches.js';
import { temporaryFolder, x3d } from './spawning.js';

const OWN = `${process.execPath} ${fileURLToPath(new URL('../workers/own-trainer.mjs', import.meta.url))}`;
const EXAMPLE = fileURLToPath(new URL('../../examples/pytorch/train.py', import.meta.url));
const python = process.env.X3D_TORCH_PYTHON ?? 'python3';
const live = spawnSync(python, ['-c', 'import torch, av']).status === 0;

let videos: Videos;
beforeAll(() => {
  videos = smallVideos();
});
afterAll(() => videos.remove());

const search = (home: string, trainer: string, ...flags: string[]) =>
  x3d(
    ...['run', videos.path, ...videos.flags, '--home', home, '--json', '--method', 'paper'],
    ...['--trainer', trainer, '--workers', '2', ...flags],
  );
const lastOf = (text: string) => JSON.parse(text.trim().split('\n').at(-1) ?? '');

describe('run --trainer', () => {
  it('searches by what the program says, and goes on only with the same one', {
    timeout: 300_000,
  }, async () => {
    const home = temporaryFolder();
    const { code, stdout, stderr } = await search(home, OWN, '--target', '1M');
    expect(code, stderr).toBe(0);
    const { search: id, folder } = lastOf(stdout);
    const trajectory = trajectoryIn(folder);
    expect(trajectory.rounds.length).toBeGreaterThan(0);
    expect(trajectory.final?.outcome?.evaluations.test?.viewsPerVideo).toBe(3);
    const resumed = await x3d('run', '--resume', id, '--home', home, '--json');
    expect(resumed.code).toBe(2);
    expect(resumed.stdout + resumed.stderr).toContain(`expected that of search ${id}, ${process.execPath}`);
  });

  it.each(['', ' ', 'x'.repeat(1001)])('refuses what is no command: "%s"', async (trainer) => {
    const { code, stderr, stdout } = await search(temporaryFolder(), trainer, '--target', '2M');
    expect(code).toBe(2);
    expect(stdout + stderr).toContain('a command of at most 1000 characters');
  });

  it.skipIf(!live)(
    'trains by the example in PyTorch, whose network then predicts as it did (needs torch and av; X3D_TORCH_PYTHON)',
    { timeout: 600_000 },
    async () => {
      const home = temporaryFolder();
      const { code, stdout, stderr } = await search(
        home,
        `${python} ${EXAMPLE}`,
        ...['--target', '0.9M', '--recipe', 'steps=20', '--recipe', 'views=2', '--recipe', 'batchSize=4'],
      );
      expect(code, stderr + stdout).toBe(0);
      const { folder } = lastOf(stdout);
      const { final } = trajectoryIn(folder);
      expect(final?.outcome?.evaluations.test?.videos).toBe(6);
      const tested = await x3d(
        ...[
          'evaluate',
          videos.path,
          ...videos.flags,
          '--network',
          join(folder, 'network'),
          '--home',
          home,
          '--json',
        ],
      );
      expect(tested.code, tested.stderr).toBe(0);
      const ours = JSON.parse(tested.stdout) as { center: { metrics: { loss: number } } };
      // Of the same weights, but on clips that were scaled by other means.
      const theirs = final?.outcome?.evaluations.test?.metrics.loss ?? 0;
      expect(Math.abs(ours.center.metrics.loss / theirs - 1)).toBeLessThan(0.25);
    },
  );
});
