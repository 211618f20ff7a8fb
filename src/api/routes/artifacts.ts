import type { ReadStream } from 'node:fs';
import { open, readdir, realpath, stat } from 'node:fs/promises';
import { dirname, extname, join, relative, sep } from 'node:path';
import Type, { type Static } from 'typebox';
import { X3dError } from '../../errors.js';
import { searchNamed } from '../../search/log.js';
import { writeRun } from '../../search/report.js';
import { damagedFile, isAsWritten } from '../../sums.js';
import { problems } from '../problems.js';
import { type App, SearchId, type Service } from '../service.js';

const TYPES: Readonly<Record<string, string>> = {
  '.csv': 'text/csv; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.jpg': 'image/jpeg',
  '.json': 'application/json',
  '.jsonl': 'application/x-ndjson',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/** A report may show what is in it, and nothing else: it runs nothing and asks for nothing, here least of all. */
const REPORT_POLICY =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";

const Listing = Type.Object(
  { files: Type.Array(Type.Object({ path: Type.String(), bytes: Type.Integer({ minimum: 0 }) })) },
  { description: 'The files by their paths.' },
);
export type Listing = Static<typeof Listing>;

/** Files below a folder with their paths inside it; none where there is no such folder. */
async function filesIn(folder: string): Promise<{ path: string; bytes: number }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => {
      const file = join(entry.parentPath, entry.name);
      const parts = relative(folder, file).split(sep);
      if (parts.some((part) => part.endsWith('.tmp'))) return [];
      // A file may be gone by now: the network is put in place whole, from a folder of another name.
      const found = await stat(file).catch(() => undefined);
      return found ? [{ path: parts.join('/'), bytes: found.size }] : [];
    });
  return (await Promise.all(files)).flat().sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The absolute path of a file in a folder, or undefined where there is none or it lies outside, by link or by dots. */
async function fileInside(folder: string, path: string): Promise<string | undefined> {
  try {
    const [root, file] = await Promise.all([realpath(folder), realpath(join(folder, path))]);
    return file.startsWith(root + sep) && (await stat(file)).isFile() ? file : undefined;
  } catch {
    return undefined;
  }
}

export function artifactRoutes(app: App, { redis, home }: Service): void {
  app.get(
    '/searches/:id/artifacts',
    {
      schema: {
        summary: "The files of a run's folder",
        tags: ['searches'],
        params: SearchId,
        response: { 200: Listing, ...problems },
      },
    },
    async ({ params }) => {
      await searchNamed(redis, params.id);
      return { files: await filesIn(home.run(params.id)) };
    },
  );

  app.get(
    '/searches/:id/artifacts/*',
    {
      schema: {
        summary: "One file of a run's folder",
        tags: ['searches'],
        params: Type.Object(
          {
            ...SearchId.properties,
            '*': Type.String({ description: "The file's path in the run's folder." }),
          },
          { additionalProperties: false },
        ),
        response: {
          200: {
            description: 'The file.',
            content: {
              'application/octet-stream': {
                schema: Type.Unsafe<ReadStream>({ type: 'string', format: 'binary' }),
              },
            },
          },
          ...problems,
        },
      },
    },
    async ({ params }, reply) => {
      const { id, '*': path } = params;
      const state = await searchNamed(redis, id);
      // What is told from the log, or has its like in candidates/, is made again.
      const isMadeAgain = ['.', 'curves', 'mistakes'].includes(dirname(path));
      if (isMadeAgain && !(await isAsWritten(join(home.run(id), path)))) await writeRun(state, home);
      const file = await fileInside(home.run(id), path);
      if (file && !(await isAsWritten(file)))
        throw damagedFile(path, 'Take it from a backup; candidates/ in the home has what was trained.');
      if (!file)
        throw new X3dError('not-found', {
          subject: 'artifact',
          expected: `a file of search ${id}`,
          got: path,
          remedy: `GET /searches/${id}/artifacts lists them.`,
        });
      // Size and content of one and the same file, even where it is replaced meanwhile.
      const handle = await open(file);
      const { size } = await handle.stat();
      if (extname(file) === '.html') reply.header('content-security-policy', REPORT_POLICY);
      return reply
        .type(TYPES[extname(file)] ?? 'application/octet-stream')
        .header('content-length', size)
        .send(handle.createReadStream());
    },
  );
}
