/** The run's folder of a search, as people look at it: runs/<search>/trajectory.json. */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Home } from '../home.js';
import type { SearchState } from './state.js';
import { trajectoryOf } from './trajectory.js';

/** Writes the run's folder anew, each file whole. Safe to repeat. */
export async function writeRun(state: SearchState, home: Home): Promise<void> {
  const folder = home.run(state.id);
  const temporary = join(folder, `trajectory.${randomUUID()}.tmp`);
  await mkdir(folder, { recursive: true });
  await writeFile(temporary, `${JSON.stringify(trajectoryOf(state), undefined, 2)}\n`);
  await rename(temporary, join(folder, 'trajectory.json'));
}
