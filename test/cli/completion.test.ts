/** Completion as a shell sees it, where that shell is installed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, x3d } from './spawning.js';

describe('completion in bash', () => {
  let script: string;
  beforeAll(async () => {
    const { code, stdout } = await x3d('completion', 'bash');
    expect(code).toBe(0);
    script = stdout;
  });

  /** What a Tab offers at the end of a line. */
  const offered = (...words: string[]): string[] => {
    const line = words.map((word) => `'${word}'`).join(' ');
    const tab = `COMP_WORDS=(x3d-search ${line}); COMP_CWORD=${words.length}; _x3d_search; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', `${script}\n${tab}`], { encoding: 'utf8' })
      .split('\n')
      .filter(Boolean);
  };

  it.each([
    [['ru'], ['run']],
    [['token', 'c'], ['create']],
    [['run', '--cache'], ['--cache-limit']],
    [['token', 'create', '--hel'], ['--help']],
    [
      ['describe', '--model', 'X'],
      ['X2D', 'XS', 'XL'],
    ],
    [['completion', '--h'], ['--help']],
    // Files, which the shell knows.
    [['run', '/'], []],
  ])('of %j offers %j', (words, expected) => {
    expect(offered(...words)).toEqual(expected);
  });

  it('has every command that help has', async () => {
    const { stdout } = await x3d('--help');
    const names = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name = '']) => name);
    expect(offered('')).toEqual(expect.arrayContaining(names.filter((name) => name !== 'help')));
  });
});

describe.each(['zsh', 'fish'])('completion in %s', (shell) => {
  const missing = spawnSync(shell, ['--version']).error !== undefined;
  it.skipIf(missing)('is a script that it takes', async () => {
    const { stdout } = await x3d('completion', shell);
    const file = join(temporaryFolder(), 'script');
    writeFileSync(file, stdout);
    const { stderr, status } = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  });

  it('names the commands and their flags', async () => {
    const { stdout } = await x3d('completion', shell);
    for (const word of ['run', 'status', 'cache-limit', 'device-table', 'x2d-micro'])
      expect(stdout).toContain(word);
  });
});
