/** Searches on a small set of videos with a trainer that trains nothing, for tests of `run` and `serve`. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDemoVideos } from '../../src/data/demo/index.js';
import { homeAt } from '../../src/home.js';
import type { Trajectory } from '../../src/search/views.js';
import type { WorkerRecord } from '../../src/workers/registry.js';
import { SCRIPTED_TRAINER } from '../workers/candidates.js';

export interface Videos {
  readonly path: string;
  /** Flags that divide them. */
  readonly flags: readonly string[];
  remove(): void;
}

export function smallVideos(): Videos {
  const path = mkdtempSync(join(tmpdir(), 'x3d-videos-'));
  const { group = '', shares } = makeDemoVideos(path, { scenes: 5 });
  return {
    path,
    flags: ['--group', group, '--shares', `${shares?.train},${shares?.validation},${shares?.test}`],
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Trains nothing, and misses a worker that was killed soon. */
export const QUICK = ['--workers', '2', '--trainer-program', SCRIPTED_TRAINER, '--lock-ms', '1000'];

export const service = (home: string): { url: string; pid: number; token: string } =>
  JSON.parse(readFileSync(homeAt(home).service, 'utf8'));

export async function workersOf(home: string): Promise<WorkerRecord[]> {
  const { url, token } = service(home);
  const response = await fetch(`${url}/workers`, { headers: { authorization: `Bearer ${token}` } });
  const { workers } = (await response.json()) as {
    workers: WorkerRecord[];
  };
  return workers;
}

export const trajectoryIn = (folder: string): Trajectory =>
  JSON.parse(readFileSync(join(folder, 'trajectory.json'), 'utf8'));

export const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
