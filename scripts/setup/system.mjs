/** Programs that come from the distribution: taken by apt-get where set-up runs as root, else asked for. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { again, answer, Problem, run, say, work } from './steps.mjs';

/** Keeps packages from starting their services; X3D_POLICY is for tests. */
const POLICY = process.env.X3D_POLICY || '/usr/sbin/policy-rc.d';
const OURS = '# of the set-up of x3d-search';

/** Does something while no package starts its services, and takes that back however it ends. */
async function withServicesDown(action) {
  // One of ours is left over from a set-up that was killed; any other is the system's own.
  if (existsSync(POLICY) && !readFileSync(POLICY, 'utf8').includes(OURS)) return action();
  const restore = () => rmSync(POLICY, { force: true });
  const interrupted = () => {
    restore();
    process.exit(130);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.once(signal, interrupted);
  writeFileSync(POLICY, `#!/bin/sh\n${OURS}\nexit 101\n`, { mode: 0o755 });
  try {
    return await action();
  } finally {
    restore();
    for (const signal of signals) process.off(signal, interrupted);
  }
}

/** Installs packages without starting the services in them. Throws a Problem of the given kind. */
async function install(packages, purpose, { Kind, repeat }) {
  const command = `apt-get install ${packages.join(' ')}`;
  const remedy = `Run \`${process.getuid() === 0 ? '' : 'sudo '}${command}\` (or your system's like of it), then ${repeat} again.`;
  if (process.getuid() !== 0 || (await answer('apt-get', ['--version'])) === undefined) {
    throw new Kind(
      `${packages.join(' and ')} ${packages.length > 1 ? 'are' : 'is'} needed ${purpose}`,
      remedy,
    );
  }
  await work('system', command, async () => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const apt = (...args) => run('apt-get', args, { env, remedy });
    try {
      await withServicesDown(async () => {
        await apt('update', '-q');
        await apt('install', '-q', '-y', '--no-install-recommends', ...packages);
      });
    } catch (error) {
      throw error instanceof Problem ? new Kind(error.message, error.remedy) : error;
    }
    return `${packages.join(', ')} installed`;
  });
}

async function lacking(probes) {
  const missing = [];
  for (const { command, args, packages } of probes) {
    if ((await answer(command, args)) === undefined) missing.push(...packages);
  }
  return [...new Set(missing)];
}

/**
 * Makes sure that every probe (a command line that must end well) does, with the packages that bring it. Throws a Problem
 * of the given kind, whose remedy ends with the command to repeat.
 */
export async function need(probes, purpose, { Kind = Problem, repeat = again() } = {}) {
  const missing = await lacking(probes);
  if (missing.length > 0) await install(missing, purpose, { Kind, repeat });
  const left = missing.length > 0 ? await lacking(probes) : [];
  if (left.length > 0)
    throw new Kind(`${left.join(' and ')} do not work after their installation`, 'Install them by hand.');
}

export const PIP = {
  command: 'python3',
  args: ['-m', 'pip', '--version'],
  packages: ['python3', 'python3-pip'],
};
export const COMPILER = { command: 'g++', args: ['--version'], packages: ['g++'] };
export const STRIP = { command: 'strip', args: ['--version'], packages: ['binutils'] };
const REDIS = { command: 'redis-server', args: ['--version'], packages: ['redis-server'] };

export async function redis() {
  if (process.env.REDIS_URL) {
    say('redis', 'REDIS_URL is set: no redis-server of our own is needed');
    return;
  }
  try {
    await need([REDIS], 'for the embedded Redis');
  } catch (error) {
    if (error instanceof Problem) error.remedy += ' Or set REDIS_URL to a Redis that you run.';
    throw error;
  }
  const version = /v=(\S+)/.exec((await answer('redis-server', ['--version'])) ?? '')?.[1];
  say('redis', `redis-server ${version}`);
}
