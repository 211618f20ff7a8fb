/** The folders that requests may name videos in: nobody walks or probes the file system from outside. */
import { realpath } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { X3dError } from '../errors.js';

export interface Roots {
  /** Throws X3dError forbidden where `path`, links resolved, is under none of them. `field` is what named it. */
  admit(field: string, path: string): Promise<void>;
}

/** Where a path leads, links resolved; of one that is not there, as far as it is. */
async function resolved(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const above = dirname(path);
    return above === path
      ? path
      : `${(await resolved(above)).replace(/\/$/, '')}${path.slice(above.length).replace(/^\/?/, sep)}`;
  }
}

const isUnder = (path: string, root: string) =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);

/** An answer is the same whether what lies outside is there or not. */
export function rootsAt(folders: readonly string[]): Roots {
  const outside = (field: string, path: string) =>
    new X3dError('forbidden', {
      subject: field,
      expected:
        folders.length === 0
          ? 'a service that was given folders of videos'
          : `a path under ${folders.join(' or ')}, links resolved`,
      got: JSON.stringify(path.slice(0, 300)),
      remedy: 'serve --data-root FOLDER names the folders that videos may lie in.',
    });
  return {
    admit: async (field, path) => {
      if (path.includes('\0')) throw outside(field, path);
      if (folders.includes('/')) return;
      const [real, ...roots] = await Promise.all([resolve(path), ...folders].map(resolved));
      if (!roots.some((root) => isUnder(real ?? '', root))) throw outside(field, path);
    },
  };
}
