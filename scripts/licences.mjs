/** `npm run licences`: every package that is installed with its licence, and what set-up fetches beside them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './setup/steps.mjs';

const read = (path) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));

/** Where a package's own file says it, and its package.json does not. */
const READ = { '@shinyoshiaki/jspack': 'BSD-3-Clause' };

const nameOf = ({ name, license, licenses }) =>
  READ[name] ??
  (typeof license === 'string'
    ? license
    : (license?.type ?? licenses?.map(({ type }) => type).join(' or ') ?? 'unknown'));

const { packages } = read('package-lock.json');
const installed = Object.entries(packages).flatMap(([path, { version, dev, optional }]) => {
  if (path === '') return [];
  try {
    return [
      {
        name: path.replace(/^.*node_modules\//, ''),
        version,
        licence: nameOf(read(join(path, 'package.json'))),
        dev,
      },
    ];
  } catch (error) {
    // Optional packages for other platforms are left out.
    if (optional) return [];
    throw error;
  }
});

const BESIDE = [
  ['FFmpeg, in node-av', 'GPL-3.0-or-later, as it is built'],
  ['TensorFlow', 'Apache-2.0'],
  ["CUDA's and cuDNN's libraries, with --cuda", "NVIDIA's licence"],
  ['redis-server, of the distribution', 'BSD-3-Clause up to 7.2'],
];

const rows = [
  ...installed.map(({ name, version, licence, dev }) => [
    `${name} ${version}${dev ? ' (development)' : ''}`,
    licence,
  ]),
  ...BESIDE,
];
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(rows)}\n`);
else {
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, licence] of rows) process.stdout.write(`${name.padEnd(width)}  ${licence}\n`);
}
