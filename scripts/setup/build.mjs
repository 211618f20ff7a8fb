/** The TypeScript build, and what it can say about the installed TensorFlow. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Problem, ROOT, run, work } from './steps.mjs';

const MAIN = join(ROOT, 'dist/cli/main.js');

export function build() {
  return work('build', 'src to dist', async () => {
    // The compiler's notes of what it wrote don't see that files were removed.
    if (!existsSync(MAIN)) rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    await run(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
      remedy: 'Mend what the compiler names.',
    });
    if (!existsSync(MAIN)) throw new Problem(`the build left no ${MAIN}`, 'Report this.');
    return 'dist is as src';
  });
}

const SELF_TEST = `
const { selfTest } = await import(process.argv[1]);
process.stdout.write(JSON.stringify(await selfTest()));
`;

/** Gradients of a new binding against finite differences. */
export async function checkGradients() {
  const module = join(ROOT, 'dist/training/engine/selftest.js');
  if (!existsSync(module)) return;
  await work('gradients', 'against finite differences', async () => {
    const said = await run(process.execPath, ['--input-type=module', '-e', SELF_TEST, module], {
      remedy: 'Run `x3d-search doctor`; without TensorFlow: `npm run setup -- --without-tensorflow`.',
    });
    const results = JSON.parse(said.slice(said.indexOf('[')));
    const wrong = results.filter(({ ok }) => !ok);
    if (wrong.length > 0) {
      const names = wrong.map(({ name, error }) => `${name} (error ${error})`).join(', ');
      throw new Problem(
        `this TensorFlow has wrong gradients: ${names}`,
        'Report this, with `x3d-search doctor --json`.',
      );
    }
    return `${results.length} of ${results.length} right`;
  });
}
