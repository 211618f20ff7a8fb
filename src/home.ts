/** Where everything of one home (`--home`, `X3D_HOME`) lies: the only place that knows its folders' names. */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { X3dError } from './errors.js';

export interface Home {
  /** Absolute. */
  readonly folder: string;
  /** The append-only file of the embedded Redis, and who owns it. */
  readonly redis: string;
  /** A file that tells this home from others, whatever their paths. */
  readonly id: string;
  /** Decoded frames. */
  readonly cache: string;
  /** Weights that trainings start from: a file each, named by its content. */
  readonly pretrained: string;
  /** What `serve` and `run` write about themselves for `status` and `cancel`: `{"url": …, "pid": …}`. */
  readonly service: string;
  /** Who may use the service: a file a token. */
  readonly tokens: string;
  /** How fast trainings are on each machine: a file for each device and number of threads. */
  readonly speeds: string;
  /** Folders of the tries of one training that goes on: checkpoints and curve. Throws X3dError not-found for what is no id. */
  attempts(id: string): string;
  /** curve.jsonl, result.json and weights of one training that has ended. Throws X3dError not-found for what is no id. */
  candidate(id: string): string;
  /** trajectory.json, trajectory.svg and network/ of one search. Throws X3dError not-found for what is no id. */
  run(search: string): string;
}

/** In a search's run folder from its first round on; all of it can be made again from the search's log. */
export const REPORT = {
  trajectory: 'trajectory.json',
  chart: 'trajectory.svg',
  facts: 'run.json',
  page: 'report.html',
} as const;

export const DEFAULT_HOME = 'x3d-search-data';

/** Of ids of searches and trainings. */
export const ID = '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$';
const id = new RegExp(ID);

/** Whether a text could be the id of a search or a training. */
export const isId = (text: string): boolean => id.test(text);

/** Ids come out of Redis and out of URLs: one that is none must not lead out of the home. */
export function checkedId(id: string): string {
  if (isId(id)) return id;
  throw new X3dError('not-found', {
    subject: 'id',
    expected: 'one to 64 letters, digits, - and _',
    got: JSON.stringify(id.slice(0, 80)),
  });
}

export function homeAt(folder: string = process.env.X3D_HOME ?? DEFAULT_HOME): Home {
  const root = resolve(folder);
  return {
    folder: root,
    redis: join(root, 'redis'),
    id: join(root, 'home.id'),
    cache: join(root, 'cache'),
    pretrained: join(root, 'pretrained'),
    service: join(root, 'service.json'),
    tokens: join(root, 'tokens'),
    speeds: join(root, 'speeds'),
    attempts: (id) => join(root, 'attempts', checkedId(id)),
    candidate: (id) => join(root, 'candidates', checkedId(id)),
    run: (search) => join(root, 'runs', checkedId(search)),
  };
}

/** Tells a home from others. Throws as readFile where the home is away, or never had an id. */
export const homeId = async (home: Home): Promise<string> => (await readFile(home.id, 'utf8')).trim();

/** As `homeId`; a home that has none gets one. */
export async function identified(home: Home): Promise<string> {
  try {
    return await homeId(home);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await mkdir(home.folder, { recursive: true });
  await writeFile(home.id, `${randomUUID()}\n`, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    // Another process of the same home was quicker.
    if (error.code !== 'EEXIST') throw error;
  });
  return homeId(home);
}
