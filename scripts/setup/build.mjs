/** The TypeScript build, and what it can say about the installed TensorFlow. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { again, IS_CHECKOUT, Problem, ROOT, run, say, work } from './steps.mjs';

const DIST = join(ROOT, 'dist');
/** What the build was made of, so that the compiler need not start to find that nothing changed. */
const MADE_OF = join(DIST, '.made-of');

const sources = () =>
  readdirSync(join(ROOT, 'src'), { recursive: true })
    .filter((path) => path.endsWith('.ts'))
    .sort();

/** Of some files of the checkout, and of what all builds follow from. */
function fingerprintOf(paths) {
  const hash = createHash('sha256');
  for (const path of ['tsconfig.json', 'package-lock.json', ...paths]) {
    hash.update(`${path}\n`).update(readFileSync(join(ROOT, path)));
  }
  return hash.digest('hex');
}

const compiled = () => sources().map((path) => join('src', path));

const missing = () =>
  sources().filter((path) => !path.endsWith('.d.ts') && !existsSync(join(DIST, path.replace(/ts$/, 'js'))));

export async function build() {
  if (!IS_CHECKOUT) {
    say('build', 'dist is as it was packed');
    return;
  }
  const wanted = fingerprintOf(['tsconfig.build.json', ...compiled()]);
  const complete = missing().length === 0;
  if (complete && existsSync(MADE_OF) && readFileSync(MADE_OF, 'utf8') === wanted) {
    say('build', 'dist is as src');
    return;
  }
  await work('build', 'src to dist', async () => {
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
      throw new Problem(`the build left out src/${left}`, `Remove dist and run ${again()}.`);
    writeFileSync(MADE_OF, wanted);
    return 'dist is as src';
  });
}

const PAGE = join(DIST, 'web');
const PAGE_MADE_OF = join(PAGE, '.made-of');

/** The page that the service shows, of the files in web and of the charts that it shares with src. */
export async function buildPage() {
  // Workers' images have none.
  if (!existsSync(join(ROOT, 'web'))) return;
  const own = readdirSync(join(ROOT, 'web'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(ROOT, join(parentPath, name)))
    .sort();
  const wanted = fingerprintOf([...own, ...compiled()]);
  if (existsSync(PAGE_MADE_OF) && readFileSync(PAGE_MADE_OF, 'utf8') === wanted) {
    say('page', 'dist/web is as web');
    return;
  }
  await work('page', 'web to dist/web', async () => {
    const bundler = join(ROOT, 'node_modules/vite/bin/vite.js');
    await run(process.execPath, [bundler, 'build', 'web', '--logLevel', 'warn'], {
      remedy: 'Mend what it names; `npm run check` says more.',
    });
    writeFileSync(PAGE_MADE_OF, wanted);
    return 'dist/web is as web';
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
      remedy: `Run \`x3d-search doctor\`; without TensorFlow: ${again('--without-tensorflow')}.`,
    });
    const { onCard, results } = JSON.parse(said);
    const wrong = results.filter(({ ok }) => !ok);
    if (wrong.length > 0) {
      const names = wrong.map(({ name, error }) => `${name} (error ${error})`).join(', ');
      throw new Problem(
        `this TensorFlow has wrong gradients: ${names}`,
        `Report this, with the output of \`x3d-search doctor --json\`. On a card, ${again('--cpu')} takes the CPU build.`,
      );
    }
    return `${results.length} of ${results.length} right, on the ${onCard ? 'card' : 'CPU'}`;
  });
}
