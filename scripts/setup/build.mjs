/** The TypeScript build, and what it can say about the installed TensorFlow. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Problem, ROOT, run, say, work } from './steps.mjs';

const DIST = join(ROOT, 'dist');
/** What the build was made of, so that the compiler need not start to find that nothing changed. */
const MADE_OF = join(DIST, '.made-of');

const sources = () =>
  readdirSync(join(ROOT, 'src'), { recursive: true })
    .filter((path) => path.endsWith('.ts'))
    .sort();
const pageSources = () =>
  readdirSync(join(ROOT, 'web'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(ROOT.length + 1))
    .sort();
const PAGE = join(DIST, 'web/index.html');

function fingerprint() {
  const hash = createHash('sha256');
  for (const path of [
    'tsconfig.json',
    'tsconfig.build.json',
    'package-lock.json',
    ...sources().map((path) => join('src', path)),
    ...pageSources(),
  ]) {
    hash.update(`${path}\n`).update(readFileSync(join(ROOT, path)));
  }
  return hash.digest('hex');
}

const missing = () =>
  sources().filter((path) => !path.endsWith('.d.ts') && !existsSync(join(DIST, path.replace(/ts$/, 'js'))));

export async function build() {
  const wanted = fingerprint();
  const complete = missing().length === 0;
  if (complete && existsSync(PAGE) && existsSync(MADE_OF) && readFileSync(MADE_OF, 'utf8') === wanted) {
    say('build', 'dist is as src, dist/web as web');
    return;
  }
  await work('build', 'src to dist, web to dist/web', async () => {
    // Until it is made, dist is of nothing known.
    rmSync(MADE_OF, { force: true });
    // The compiler's notes of what it wrote don't see that files were removed.
    if (!complete) rmSync(join(DIST, '.tsbuildinfo'), { force: true });
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    await run(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
      remedy: 'Mend what the compiler names.',
    });
    const [left] = missing();
    if (left !== undefined)
      throw new Problem(`the build left out src/${left}`, 'Remove dist and run `npm run setup`.');
    const bundler = join(ROOT, 'node_modules/vite/bin/vite.js');
    await run(process.execPath, [bundler, 'build', 'web', '--logLevel', 'warn'], {
      remedy: 'Mend what it names; `npm run check` says more.',
    });
    writeFileSync(MADE_OF, wanted);
    return 'dist is as src, dist/web as web';
  });
}

const SELF_TEST = `
const [engine] = process.argv.slice(1);
const { selfTest } = await import(engine + '/selftest.js');
const { nodeBackend } = await import(engine + '/tensorflow.js');
const onCard = nodeBackend()?.binding.isUsingGpuDevice() ?? false;
process.stdout.write(JSON.stringify({ onCard, results: await selfTest() }));
`;

/** Gradients and kernels of a new binding, on the card where TensorFlow finds one. */
export async function checkGradients() {
  const engine = join(DIST, 'training/engine');
  await work('gradients', 'trying them and the kernels', async () => {
    const said = await run(process.execPath, ['--input-type=module', '-e', SELF_TEST, engine], {
      remedy: 'Run `x3d-search doctor`; without TensorFlow: `npm run setup -- --without-tensorflow`.',
    });
    const { onCard, results } = JSON.parse(said);
    const wrong = results.filter(({ ok }) => !ok);
    if (wrong.length > 0) {
      const names = wrong.map(({ name, error }) => `${name} (error ${error})`).join(', ');
      throw new Problem(
        `this TensorFlow has wrong gradients: ${names}`,
        'Report this, with the output of `x3d-search doctor --json`. On a card, `npm run setup -- --cpu` takes the CPU build.',
      );
    }
    return `${results.length} of ${results.length} right, on the ${onCard ? 'card' : 'CPU'}`;
  });
}
