/** Where everything of one home (`--home`, `X3D_HOME`) lies: the only place that knows its folders' names. */
import { join, resolve } from 'node:path';

export interface Home {
  /** Absolute. */
  readonly folder: string;
  /** The append-only file of the embedded Redis, and who owns it. */
  readonly redis: string;
  /** Decoded frames. */
  readonly cache: string;
  /** What `serve` and `run` write about themselves for `status` and `cancel`: `{"url": …, "pid": …}`. */
  readonly service: string;
  /** Checkpoints, curve.jsonl, result.json and weights of one candidate. */
  candidate(id: string): string;
  /** trajectory.json, trajectory.svg and network/ of one search. */
  run(search: string): string;
}

export const DEFAULT_HOME = 'x3d-search-data';

export function homeAt(folder: string = process.env.X3D_HOME ?? DEFAULT_HOME): Home {
  const root = resolve(folder);
  return {
    folder: root,
    redis: join(root, 'redis'),
    cache: join(root, 'cache'),
    service: join(root, 'service.json'),
    candidate: (id) => join(root, 'candidates', id),
    run: (search) => join(root, 'runs', search),
  };
}
