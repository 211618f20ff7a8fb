/** The packed file in an empty folder: it installs without install scripts, sets itself up, and does what docs/library.md says. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blocksOf } from '../documents/blocks.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const execute = promisify(execFile);
/** npm looks for 400 packages, on a busy machine for long. */
const PATIENCE = { timeout: 600_000 };

const project = join(mkdtempSync(join(tmpdir(), 'x3d-packed-')), 'project');
const page = readFileSync(join(ROOT, 'docs/library.md'), 'utf8');
let files: string[];
let setUp: string;

const run = async (command: string, ...args: string[]) => {
  const { npm_config_user_agent: _, ...env } = process.env;
  return (await execute(command, args, { cwd: project, env: { ...env, NO_COLOR: '1' } })).stdout;
};

beforeAll(async () => {
  mkdirSync(project);
  const packed = await execute('npm', ['pack', '--json', '--pack-destination', project], { cwd: ROOT });
  [{ files }] = JSON.parse(packed.stdout, (_, value) => value?.path ?? value) as [{ files: string[] }];
  const [installing] = blocksOf(page).filter(({ attributes }) => 'packed' in attributes);
  // Packages that the checkout was installed with need not be fetched again.
  writeFileSync(join(project, '.npmrc'), 'prefer-offline=true\naudit=false\nfund=false\n');
  setUp = await run('bash', '-euc', installing?.text ?? 'false');
}, PATIENCE.timeout);

afterAll(() => rmSync(dirname(project), { recursive: true, force: true }), PATIENCE.timeout);

describe('what npm packs', () => {
  it('holds programs, types, kernels, set-up and documents, and no sources or notes of the compiler', () => {
    expect(files).toEqual(
      expect.arrayContaining([
        'bin/x3d-search.js',
        'dist/index.js',
        'dist/index.d.ts',
        'dist/workers/trainer.js',
        'docs/library.md',
        'native/registration.cc',
        'native/card/channelwise.cu',
        'scripts/setup.mjs',
        'scripts/setup/extract.py',
        'scripts/setup/wheels.txt',
      ]),
    );
    expect(files.filter((path) => /^(src|test|bench)\/|\.map$|\.tsbuildinfo$|\.made-of$/.test(path))).toEqual(
      [],
    );
  });
});

describe('installed in an empty folder', () => {
  it('has been set up: what was packed is used as it is, and TensorFlow trains', () => {
    expect(setUp).toMatch(/packages +\d+ npm packages, as in package.json/);
    expect(setUp).toMatch(/build +dist is as it was packed/);
    expect(setUp).toMatch(/gradients +\d+ of \d+ right[\s\S]*ready +after/);
  });

  it('compiles and runs the programs of docs/library.md', PATIENCE, async () => {
    const programs = blocksOf(page).filter(({ attributes }) => attributes.file?.endsWith('.ts'));
    expect(programs).toHaveLength(3);
    for (const { attributes, text } of programs) writeFileSync(join(project, attributes.file ?? ''), text);
    const types = join(ROOT, 'node_modules/@types');
    await run(
      process.execPath,
      ...[
        join(ROOT, 'node_modules/typescript/bin/tsc'),
        '--strict',
        '--skipLibCheck',
        '--module',
        'nodenext',
        '--target',
        'es2023',
      ],
      ...[
        '--typeRoots',
        types,
        '--types',
        'node',
        ...programs.map(({ attributes }) => attributes.file ?? ''),
      ],
    );
    expect(await run(process.execPath, 'costs.js')).toContain(
      'X3D-XS: 0.61 G multiply-adds, 3.76 M parameters',
    );
    expect(await run(process.execPath, 'search.js')).toMatch(/frames: \d+[\s\S]*the last winner/);
    const asked: string[] = [];
    const server = createServer((request, answer) => {
      asked.push(`${request.method} ${request.url}`);
      const searches = { total: 0, offset: 0, limit: 20, searches: [], id: 's1' };
      const errors = [{ field: 'search s1', expected: 'a search of this service' }];
      const problem = { type: 'urn:x3d-search:problem:not-found', title: 'Not found', detail: '', errors };
      const isStream = request.url?.includes('/events');
      answer.writeHead(isStream ? 404 : 200).end(JSON.stringify(isStream ? problem : searches));
    }).listen(0, '127.0.0.1');
    await new Promise((listening) => server.once('listening', listening));
    await run(
      process.execPath,
      'client.js',
      `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ).catch(() => {});
    server.close();
    expect(asked.slice(0, 2)).toEqual(['GET /searches?offset=0&limit=20', 'POST /searches']);
  });
});
