/** What set-up fetches with pip is pinned by hash. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

const lines = readFileSync('scripts/setup/wheels.txt', 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

it('is of one version and of known content, line by line', () => {
  for (const line of lines) expect(line).toMatch(/^[a-z0-9-]+==[\d.]+( --hash=sha256:[0-9a-f]{64})+$/);
  const names = lines.map((line) => line.split('==')[0]);
  expect(names).toEqual(expect.arrayContaining(['tensorflow-cpu', 'tensorflow', 'nvidia-cudnn-cu12']));
  expect(new Set(names).size).toBe(names.length);
});

it('is refused by pip where its content is another', () => {
  const folder = mkdtempSync(join(tmpdir(), 'x3d-wheels-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const wheel = 'tensorflow_cpu-2.21.0-py3-none-any.whl';
  const make = `
import zipfile
with zipfile.ZipFile(${JSON.stringify(join(folder, wheel))}, 'w') as wheel:
    at = 'tensorflow_cpu-2.21.0.dist-info/'
    wheel.writestr(at + 'METADATA', 'Metadata-Version: 2.1\\nName: tensorflow-cpu\\nVersion: 2.21.0\\n')
    wheel.writestr(at + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(at + 'RECORD', '')`;
  execFileSync('python3', ['-c', make]);
  const requirement = join(folder, 'requirement.txt');
  const download = (line: string) => {
    writeFileSync(requirement, `${line}\n`);
    return spawnSync(
      'python3',
      [
        ...[
          '-m',
          'pip',
          'download',
          '--no-deps',
          '--no-index',
          '--find-links',
          folder,
          '--dest',
          join(folder, 'to'),
        ],
        ...['--require-hashes', '--requirement', requirement],
      ],
      { encoding: 'utf8' },
    );
  };
  const pinned = download(lines.find((line) => line.startsWith('tensorflow-cpu')) ?? '');
  expect(pinned.status).not.toBe(0);
  expect(pinned.stderr).toMatch(/DO NOT MATCH THE HASHES/i);
  const own = execFileSync('sha256sum', [join(folder, wheel)], { encoding: 'utf8' }).split(' ')[0];
  expect(download(`tensorflow-cpu==2.21.0 --hash=sha256:${own}`).status).toBe(0);
});

it('is, with all the packages, listed by its licence', () => {
  const rows = JSON.parse(
    execFileSync(process.execPath, ['scripts/licences.mjs', '--json'], { encoding: 'utf8' }),
  ) as [string, string][];
  expect(rows.length).toBeGreaterThan(100);
  for (const [name, licence] of rows) expect(licence, name).not.toMatch(/unknown|UNLICENSED/);
  expect(rows.map(([name]) => name)).toEqual(expect.arrayContaining([expect.stringMatching(/^FFmpeg/)]));
});
