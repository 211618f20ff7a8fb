/**
 * The commands of the documents, run in order, page by page, in a folder of its own with demo videos as
 * ~/videos/gestures. Searches train one network for a few steps. A block's first line says what else there is to know:
 *
 *   not-run="why"      it is not run here
 *   needs="command"    it is skipped where the command fails
 *   background         it goes on to the end of the page; wait="command" says when the next block may follow
 *   interrupt          it gets SIGINT once it has named its run
 *   file=NAME          it is written to that file
 *
 * In commands ID is the last run that was named. `<!-- sh ... -->` is run as well, and not shown to readers.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeDemoVideos } from '../../src/data/demo/index.js';
import { eventually } from '../workers/candidates.js';
import { type Block, blocksOf } from './blocks.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = join(ROOT, 'dist/cli/main.js');
const PATIENCE_MS = 600_000;

/** What makes a training take seconds. */
const FEW_STEPS = ['--recipe', 'steps=6', '--recipe', 'views=2', '--recipe', 'batchSize=4'];
/** What makes a search take seconds: it ends with its first round. */
const TINY = ['--budget', '1', ...FEW_STEPS];

const home = mkdtempSync(join(tmpdir(), 'x3d-documents-'));
const programs = join(home, 'bin');

beforeAll(() => {
  makeDemoVideos(join(home, 'videos/gestures'), { scenes: 5 });
  mkdirSync(programs);
  const program = join(programs, 'x3d-search');
  const own = `exec '${process.execPath}' '${MAIN}' "$@"`;
  writeFileSync(
    program,
    `#!/bin/bash
if [[ "$*" == *--resume* ]]; then ${own}; fi
case "$1" in
  run) ${own} ${TINY.join(' ')} ;;
  train) ${own} ${FEW_STEPS.join(' ')} ;;
  *) ${own} ;;
esac
`,
  );
  chmodSync(program, 0o755);
  const python = process.env.X3D_TORCH_PYTHON;
  if (python) {
    // By a link, that of a virtual environment would not find its packages.
    writeFileSync(join(programs, 'python3'), `#!/bin/sh\nexec '${python}' "$@"\n`, { mode: 0o755 });
  }
}, PATIENCE_MS);
afterAll(() => rmSync(home, { recursive: true, force: true }));

const { REDIS_URL: _, X3D_HOME: __, X3D_TOKEN: ___, FORCE_COLOR: ____, ...inherited } = process.env;
const environment = { ...inherited, HOME: home, NO_COLOR: '1', PATH: `${programs}:${process.env.PATH}` };
const succeeds = (command: string) =>
  spawnSync('bash', ['-c', command], { env: environment, timeout: 60_000 }).status === 0;

interface Started {
  readonly child: ChildProcess;
  output(): string;
}

function start(script: string, cwd: string): Started {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
  return { child, output: () => output };
}

const endGroup = ({ child }: Started, signal: NodeJS.Signals) => {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // It is over.
  }
};

const NAMED = /\b[st][0-9a-f]{10}\b/g;

async function follow(page: readonly Block[], cwd: string): Promise<void> {
  let id: string | undefined;
  for (const { language, attributes, text } of page) {
    if (attributes.file) writeFileSync(join(cwd, attributes.file), text);
    if (language !== 'sh' || 'not-run' in attributes || 'packed' in attributes) continue;
    if (attributes.needs && !succeeds(attributes.needs)) continue;
    const script = id === undefined ? text : text.replace(/\bID\b/g, id);
    const started = start(script, cwd);
    const closed = once(started.child, 'close') as Promise<[number | null]>;
    if ('background' in attributes) {
      onTestFinished(async () => {
        endGroup(started, 'SIGTERM');
        await closed;
      });
      if (attributes.wait) {
        const { wait } = attributes;
        await eventually(async () => succeeds(wait), PATIENCE_MS);
      }
      continue;
    }
    onTestFinished(() => endGroup(started, 'SIGKILL'));
    if ('interrupt' in attributes) {
      await eventually(async () => started.output().match(NAMED) ?? undefined, PATIENCE_MS);
      endGroup(started, 'SIGINT');
    }
    const [code] = await closed;
    expect(code, `${script}\n${started.output()}`).toBe('interrupt' in attributes ? 130 : 0);
    id = started.output().match(NAMED)?.at(-1) ?? id;
  }
}

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

describe('the commands of', () => {
  it.each(pages)('%s', { timeout: PATIENCE_MS }, async (name) => {
    const page = blocksOf(readFileSync(join(ROOT, name), 'utf8'));
    const cwd = mkdtempSync(join(home, 'page-'));
    // The page speaks of it as the reader's own program.
    cpSync(join(ROOT, 'examples/pytorch/train.py'), join(cwd, 'train.py'));
    await follow(page, cwd);
  });

  it.each(pages)('%s stand in blocks, and each that is not run says why', (name) => {
    const text = readFileSync(join(ROOT, name), 'utf8');
    const reasons = blocksOf(text).flatMap(({ attributes }) =>
      'not-run' in attributes ? [attributes['not-run']] : [],
    );
    for (const reason of reasons) expect(reason).toMatch(/^\w.{10}/);
    const outside = text.replaceAll(/^(```|<!-- )[\s\S]*?^(```|-->)$/gm, '');
    expect(outside.match(/^ {4}(x3d-search|npm|npx|node|python3|curl|docker) .*$/gm) ?? []).toEqual([]);
  });
});
