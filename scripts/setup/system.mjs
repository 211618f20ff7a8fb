/** Programs that come from the distribution: taken by apt-get where set-up runs as root, else asked for. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { answer, Problem, run, say, work } from './steps.mjs';

const POLICY = '/usr/sbin/policy-rc.d';

/** Installs packages without starting the services in them. Throws a Problem of the given kind. */
async function install(packages, purpose, Kind) {
  const command = `apt-get install ${packages.join(' ')}`;
  const remedy = `Run \`${process.getuid() === 0 ? '' : 'sudo '}${command}\` (or your system's like of it), then \`npm run setup\` again.`;
  if (process.getuid() !== 0 || (await answer('apt-get', ['--version'])) === undefined) {
    throw new Kind(
      `${packages.join(' and ')} ${packages.length > 1 ? 'are' : 'is'} needed ${purpose}`,
      remedy,
    );
  }
  await work('system', command, async () => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const keepsServicesDown = !existsSync(POLICY);
    if (keepsServicesDown) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    try {
      await run('apt-get', ['update', '-q'], { env, remedy });
      await run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...packages], { env, remedy });
    } finally {
      if (keepsServicesDown) rmSync(POLICY, { force: true });
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

/** Makes sure that every probe (a command line that must end well) does, with the packages that bring it. */
export async function need(probes, purpose, Kind = Problem) {
  const missing = await lacking(probes);
  if (missing.length > 0) await install(missing, purpose, Kind);
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
