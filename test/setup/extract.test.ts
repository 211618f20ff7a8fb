/** What set-up takes out of a wheel: the members asked for, and programs as programs. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../scripts/setup/extract.py', import.meta.url));

const WHEEL = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as archive:
    for name, mode in (('bin/ptxas', 0o755), ('lib/lib.so', 0o644), ('other/file', 0o644)):
        member = zipfile.ZipInfo(name)
        member.external_attr = mode << 16
        archive.writestr(member, name)
`;

it('takes what matches, and lets run what is a program', () => {
  const folder = mkdtempSync(join(tmpdir(), 'x3d-extract-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const wheel = join(folder, 'a.whl');
  execFileSync('python3', ['-c', WHEEL, wheel]);
  execFileSync('python3', [SCRIPT, wheel, folder, 'bin/*', 'lib/*']);
  const runs = (path: string) => (statSync(join(folder, path)).mode & 0o111) === 0o111;
  expect(runs('bin/ptxas')).toBe(true);
  expect(runs('lib/lib.so')).toBe(false);
  expect(existsSync(join(folder, 'other'))).toBe(false);
});
