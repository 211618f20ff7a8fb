/** The network that a user names: by a run's id, a run's folder, or the network's own folder. */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { X3dError } from '../errors.js';
import { type Home, isId, REPORT } from '../home.js';
import { readSaved, type SavedNetwork } from '../training/saved.js';

export interface NamedNetwork {
  /** As people call it: the run's id, or the folder's name. */
  readonly name: string;
  readonly folder: string;
  readonly saved: SavedNetwork;
  /** In the order of the scores. */
  readonly classes: readonly string[];
}

const DESCRIPTION = 'network.json';
/** In a run's folder. */
const NETWORK = 'network';

function folderOf(named: string, home: Home): string {
  const run = isId(named) ? [home.run(named)] : [];
  const folders = [named, join(named, NETWORK), ...run.map((folder) => join(folder, NETWORK))];
  const found = folders.find((folder) => existsSync(join(folder, DESCRIPTION)));
  if (found !== undefined) return resolve(found);
  const running = run.some((folder) => existsSync(folder)) || existsSync(join(named, REPORT.trajectory));
  throw new X3dError('not-found', {
    subject: named,
    expected: "a run's id, a run's folder, or the folder of a network",
    got: running ? 'a run that has no network yet' : 'none of them',
    remedy: running
      ? 'The network is there when its search, or its training, has ended; `x3d-search status` says how far a search is.'
      : `Runs are looked for in ${join(home.folder, 'runs')}; --home names another home.`,
  });
}

/** Throws X3dError: not-found where there is none, and what `readSaved` throws. */
export async function networkNamed(named: string, home: Home): Promise<NamedNetwork> {
  const folder = folderOf(named, home);
  const saved = await readSaved(folder);
  const own = basename(folder);
  return {
    name: own === NETWORK ? basename(join(folder, '..')) : own,
    folder,
    saved,
    classes: saved.classes ?? Array.from({ length: saved.base.classes }, (_, label) => String(label)),
  };
}
