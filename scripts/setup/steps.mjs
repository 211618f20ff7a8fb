/** Where set-up runs, how it speaks, fails and runs other programs. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** A checkout has the sources and their lock file; what npm packed and installed has neither. */
export const IS_CHECKOUT = existsSync(join(ROOT, 'package-lock.json'));

/** How set-up is called again, as a command between backticks. */
export const again = (...flags) =>
  IS_CHECKOUT
    ? `\`${['npm run setup', ...(flags.length > 0 ? ['--'] : []), ...flags].join(' ')}\``
    : `\`${['npx x3d-search setup', ...flags].join(' ')}\``;

/** The folder of a package that this one depends on, wherever npm has put it; undefined where it is nowhere. */
export const packageFolder = (name) =>
  createRequire(join(ROOT, 'package.json'))
    .resolve.paths(name)
    .map((folder) => join(folder, name))
    .find((folder) => existsSync(join(folder, 'package.json')));

/** Set-up can't go on: why, and what to do. */
export class Problem extends Error {
  constructor(reason, remedy) {
    super(reason);
    this.remedy = remedy;
  }
}

/** This machine can't have TensorFlow's C library; everything else still works. */
export class NoTensorFlow extends Problem {}

const REMEDIES = {
  EACCES:
    'Give it back to this user (`sudo npm` may have taken it), or set X3D_CACHE to a folder of your own.',
  EPERM: 'Give it back to this user, or set X3D_CACHE to a folder of your own.',
  EROFS: 'Set X3D_CACHE to a folder that can be written, and run set-up on a checkout that can.',
  ENOSPC: 'Free some space, or set X3D_CACHE to a folder on another disk.',
  EDQUOT: 'Free some space, or set X3D_CACHE to a folder on another disk.',
};

/** What the system refused, with what to do; anything else as it is. */
export const asProblem = (error) =>
  error instanceof Problem || !(error?.code in REMEDIES)
    ? error
    : new Problem(error.message, REMEDIES[error.code]);

/** Carries out a script that is one step; ends it with 3 and what to do where that is a problem. */
export async function alone(step) {
  try {
    await step();
  } catch (thrown) {
    const error = asProblem(thrown);
    if (!(error instanceof Problem)) throw error;
    process.stderr.write(`${error.message}\n${error.remedy}\n`);
    process.exitCode = 3;
  }
}

export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

export function say(subject, text) {
  process.stdout.write(`${subject.padEnd(12)}${text}\n`);
}

const STILL_MS = 10_000;

/**
 * Says what is done, does it, and says what came of it (the text that `action` gives back) and in which time; every ten
 * seconds, that it goes on.
 */
export async function work(subject, doing, action) {
  say(subject, `${doing} ...`);
  const start = performance.now();
  const seconds = () => ((performance.now() - start) / 1000).toFixed(0);
  const still = setInterval(() => say('', `${seconds()} s ...`), STILL_MS);
  const result = await action().finally(() => clearInterval(still));
  say(subject, `${result} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
}

/** What a program that ends well prints to stdout; undefined where there is no such program or it fails. */
export async function answer(command, args) {
  const { code, stdout } = await execute(command, args, {});
  return code === 0 ? stdout.trim() : undefined;
}

/** Runs a program that must end well; gives back its stdout. Throws a Problem with its last words and the remedy. */
export async function run(command, args, { remedy, ...options }) {
  const { code, stdout, output } = await execute(command, args, options);
  if (code === 0) return stdout;
  const words = output.trim().split('\n').slice(-15).join('\n');
  throw new Problem(`\`${[command, ...args].join(' ')}\` ended with ${code}:\n${words}`, remedy);
}

function execute(command, args, { cwd = ROOT, env = process.env }) {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    /** Both streams as they come; Node, for one, says on stderr what it is about to leave out. */
    let output = '';
    let stdout = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
        if (stream === child.stdout) stdout += text;
      });
    }
    child.on('error', (error) => done({ code: error.code, stdout, output: error.message }));
    child.on('close', (code, signal) => done({ code: code ?? signal, stdout, output }));
  });
}
