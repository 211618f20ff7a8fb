/**
 * Set-up, without dependencies: does what is missing, says what it does, checks the result.
 *
 *   npm run setup [-- --cpu | --cuda | --without-tensorflow]     in a checkout
 *   npx x3d-search setup [--cpu | --cuda | --without-tensorflow]   where it was installed as a package
 *
 * The build of TensorFlow is the one that was asked for, now or last time; else CUDA's where there is a GPU, else the
 * CPU's. X3D_CACHE is where it is kept (default: x3d-search in the user's cache).
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { binding, markTried, removeBinding, wasTried } from './setup/binding.mjs';
import { build, buildPage, checkGradients } from './setup/build.mjs';
import { node, packages } from './setup/packages.mjs';
import { asProblem, NoTensorFlow, Problem, say } from './setup/steps.mjs';
import { redis } from './setup/system.mjs';
import { CACHE, hasGpu, tensorflow } from './setup/tensorflow.mjs';

const CHOICES = { '--cpu': 'cpu', '--cuda': 'cuda', '--without-tensorflow': 'none' };
const CHOICE = join(CACHE, 'choice');

function asked() {
  const [flag, ...more] = process.argv.slice(2);
  if (flag === undefined) return undefined;
  if (more.length === 0 && flag in CHOICES) return CHOICES[flag];
  throw new Problem(
    `unknown arguments ${process.argv.slice(2).join(' ')}`,
    `One of ${Object.keys(CHOICES).join(', ')}.`,
  );
}

function chosenBefore() {
  try {
    const text = readFileSync(CHOICE, 'utf8').trim();
    return Object.values(CHOICES).includes(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

function withoutTensorFlow(reason) {
  removeBinding();
  say('tensorflow', `none: ${reason}`);
  say('', "Training runs on tfjs's own CPU backend: the same, but very slowly.");
}

/** Gives back the name of the binding; undefined where TensorFlow is not in use. */
async function engine(choice) {
  const install = async (which) => {
    await tensorflow(which);
    return await binding(which);
  };
  if (choice === 'none') return withoutTensorFlow('--without-tensorflow was asked for (--cpu takes it back)');
  try {
    if (choice !== undefined) return await install(choice);
    if (!(await hasGpu())) return await install('cpu');
    try {
      return await install('cuda');
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      say(
        'tensorflow',
        `there is a GPU, but the CUDA build can't be used: ${error.message}\n${error.remedy}`,
      );
      return await install('cpu');
    }
  } catch (error) {
    if (!(error instanceof NoTensorFlow) || choice === 'cuda') throw error;
    return withoutTensorFlow(`${error.message}. ${error.remedy}`);
  }
}

const start = performance.now();
try {
  const choice = asked();
  node();
  await packages();
  await build();
  await buildPage();
  const installed = await engine(choice ?? chosenBefore());
  if (choice !== undefined) {
    mkdirSync(CACHE, { recursive: true });
    writeFileSync(CHOICE, `${choice}\n`);
  }
  await redis();
  if (installed !== undefined && !wasTried(installed)) {
    await checkGradients().catch((error) => {
      // Nothing must be trained with it.
      removeBinding();
      throw error;
    });
    markTried(installed);
  }
  say('ready', `after ${((performance.now() - start) / 1000).toFixed(1)} s`);
} catch (thrown) {
  const error = asProblem(thrown);
  if (!(error instanceof Problem)) throw error;
  process.stderr.write(`\nset-up stopped: ${error.message}\n\n${error.remedy}\n`);
  process.exitCode = 3;
}
