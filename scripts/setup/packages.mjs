/** Node and the npm packages. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { again, IS_CHECKOUT, Problem, packageFolder, ROOT, run, say, work } from './steps.mjs';

/** The oldest of each line that the packages run on; package.json says the same to npm. */
const OLDEST_NODE = { 20: 19, 22: 12 };

export function node() {
  const version = process.versions.node;
  const [major, minor] = version.split('.').map(Number);
  if (major < 20 || major === 21 || minor < (OLDEST_NODE[major] ?? 0)) {
    throw new Problem(
      `Node 20.19, or 22.12 or later, is needed; this is ${version}`,
      'Install a newer Node.',
    );
  }
  say('node', version);
}

/** What differs between package-lock.json and node_modules, in words; undefined where nothing does. */
function difference() {
  const own = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  const hidden = join(ROOT, 'node_modules/.package-lock.json');
  if (!existsSync(hidden)) return 'there are none';
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  for (const [path, { version, optional }] of Object.entries(own)) {
    if (path === '') continue;
    const there = installed[path];
    // Optional packages for other platforms are left out.
    if (there === undefined && optional) continue;
    if (there?.version !== version || !existsSync(join(ROOT, path, 'package.json'))) {
      return `${path.replace(/^.*node_modules\//, '')} is not ${version}`;
    }
  }
  return undefined;
}

/** npm has installed them beside this package, by its package.json. */
function besides() {
  const wanted = Object.entries(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).dependencies);
  for (const [name, version] of wanted) {
    const folder = packageFolder(name);
    const found = folder && JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version;
    if (found === version) continue;
    throw new Problem(
      `the package ${name} ${version} is needed; ${found ? `${found} is installed` : 'it is not installed'}`,
      'Run `npm install` in your project.',
    );
  }
  say('packages', `${wanted.length} npm packages, as in package.json`);
}

export async function packages() {
  if (!IS_CHECKOUT) return besides();
  const why = difference();
  const count = () =>
    Object.keys(JSON.parse(readFileSync(join(ROOT, 'node_modules/.package-lock.json'), 'utf8')).packages)
      .length;
  if (why === undefined) {
    say('packages', `${count()} npm packages, as in package-lock.json`);
    return;
  }
  await work('packages', `npm ci, since ${why}`, async () => {
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      // A production environment would leave out the compiler.
      env: { ...process.env, NODE_ENV: 'development' },
      remedy: `Check that npm reaches its registry (\`npm ping\`), then run ${again()} again.`,
    });
    const left = difference();
    if (left !== undefined)
      throw new Problem(`after npm ci, ${left}`, `Remove node_modules and run ${again()}.`);
    return `${count()} npm packages, as in package-lock.json`;
  });
}
