/** A fault that nobody foresaw, in one network of a round: a person is asked, and the search goes on as if it had not been. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { makeDemoVideos } from '../../src/data/demo/index.js';
import type { DataConfiguration } from '../../src/data/index.js';
import type { Trajectory } from '../../src/search/views.js';
import { type Stand, stand, withoutTimes } from '../api/stand.js';
import { x3d } from '../cli/spawning.js';
import { eventually } from '../workers/candidates.js';

// Such a fault is tried eight times, over two minutes.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 120_000 });

const TRAINER = fileURLToPath(new URL('../workers/broken-trainer.mjs', import.meta.url));

let folder: string;
let data: DataConfiguration;
let undisturbed: unknown;
const stands: Stand[] = [];

async function begun(): Promise<{ at: Stand; id: string }> {
  const at = await stand({ data, trainer: TRAINER });
  stands.push(at);
  await at.startService();
  at.startWorker();
  at.startWorker();
  const answer = await at.post('/searches', { data, target: '2M', method: 'paper', seed: 3 });
  return { at, id: ((await answer.json()) as { id: string }).id };
}

const once = (at: Stand, id: string, status: Trajectory['status'], ms: number) =>
  eventually(async () => {
    const trajectory = await at.trajectory(id);
    return trajectory.status === status && trajectory;
  }, ms);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x3d-retried-'));
  data = makeDemoVideos(join(folder, 'videos'), { scenes: 5 });
  const { at, id } = await begun();
  undisturbed = withoutTimes(await once(at, id, 'ended', 100_000));
});
afterAll(async () => {
  await Promise.all(stands.map((at) => at.close()));
  await rm(folder, { recursive: true, force: true });
});

test('a search pauses with the reason after an unforeseen fault, and tried again goes as if there had been none', async () => {
  const broken = join(dirname(data.path), 'broken');
  await writeFile(broken, '');
  const { at, id } = await begun();
  const paused = await once(at, id, 'paused', 300_000);
  const view = (await (await at.get(`/searches/${id}`)).json()) as { reason: string };
  expect(view.reason).toMatch(/internal, Error: nobody foresaw this/);
  // Nobody decided among the others, which were all trained.
  const round = paused.rounds.at(-1);
  const states = (round?.candidates ?? []).flatMap(({ trainings }) => trainings.map(({ state }) => state));
  expect(states).toContain('failed');
  expect(states).toContain('finished');
  expect(round).not.toHaveProperty('choice');
  await rm(broken);
  const retried = await x3d('retry', id, '--home', at.home.folder);
  expect(retried).toMatchObject({ code: 0 });
  expect(withoutTimes(await once(at, id, 'ended', 100_000))).toEqual(undisturbed);
});
