/**
 * A search that really trains, on real video files: killed in the middle of its trainings it comes to the same
 * networks with the same figures, to the last digit.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeDemoVideos } from '../../src/data/demo/index.js';
import type { DataConfiguration } from '../../src/data/index.js';
import { end, type Stand, stand, withoutTimes } from '../api/stand.js';
import { eventually } from '../workers/candidates.js';

let folder: string;
let data: DataConfiguration;
const stands: Stand[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x3d-training-'));
  data = makeDemoVideos(join(folder, 'videos'), { scenes: 5 });
});
afterAll(async () => {
  await Promise.all(stands.map((at) => at.close()));
  await rm(folder, { recursive: true, force: true });
});

/** Trainings of a second or more, so that each kill meets one. */
const RECIPE = { epochs: 160, batchSize: 8, learningRate: 0.1, mixup: 0.2 };

async function search(disturb: (at: Stand, service: ChildProcess) => Promise<void>) {
  const at = await stand({ trainer: null, data });
  stands.push(at);
  const service = await at.startService();
  for (let worker = 0; worker < 2; worker++) at.startWorker();
  const response = await at.post('/searches', {
    data,
    method: 'paper',
    target: '1M',
    seed: 1,
    recipe: RECIPE,
  });
  const { id } = (await response.json()) as { id: string };
  await disturb(at, service);
  const trajectory = await eventually(async () => {
    const seen = await at.trajectory(id);
    return seen.status !== 'running' && seen;
  }, 100_000);
  const weights = await readFile(join(at.home.run(id), 'network', 'weights.safetensors'));
  return { trajectory, weights };
}

interface AtWork {
  readonly pid: number;
  readonly training?: { readonly progress?: { readonly phase: string; readonly done: number } };
}
/** Kills the trainer, or the worker, of a training that is some steps on; another, where that one ended meanwhile. */
const killInTraining = (at: Stand, what: 'trainer' | 'worker') =>
  eventually(async () => {
    const { workers } = (await (await at.get('/workers')).json()) as { workers: AtWork[] };
    const worker = workers.find(
      ({ training }) => training?.progress?.phase === 'training' && training.progress.done > 0,
    )?.pid;
    if (worker === undefined) return undefined;
    const children = await readFile(`/proc/${worker}/task/${worker}/children`, 'utf8').catch(() => '');
    const trainer = Number(children.trim().split(' ')[0]);
    if (!trainer) return undefined;
    try {
      return process.kill(what === 'worker' ? worker : trainer, 'SIGKILL');
    } catch {
      return undefined;
    }
  }, 30_000);

test('a search whose processes are killed while they train comes to the same network', {
  timeout: 240_000,
}, async () => {
  const undisturbed = await search(async () => {});
  const disturbed = await search(async (at, service) => {
    await killInTraining(at, 'trainer');
    await killInTraining(at, 'worker');
    at.startWorker();
    await end(service, 'SIGKILL');
    await at.startService();
  });
  expect(undisturbed.trajectory).toMatchObject({ status: 'ended', final: { state: 'finished' } });
  expect(withoutTimes(disturbed.trajectory)).toEqual(withoutTimes(undisturbed.trajectory));
  expect(disturbed.weights.equals(undisturbed.weights)).toBe(true);
});
