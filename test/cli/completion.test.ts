/** Completion as a shell sees it, where that shell is installed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
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

  it('of ids offers the runs of the home that the line names, or of the environment', async () => {
    const { home } = await prepared('bash');
    expect(offered('evaluate', '--home', home, '--network', '')).toEqual(['s0123456789', 't9876543210']);
    process.env.X3D_HOME = home;
    try {
      for (const [line, completed] of TABBED) {
        const last = completed.split(' ').at(-1);
        expect({ line, offered: offered(...line.split(' ')) }).toEqual({ line, offered: [last] });
      }
    } finally {
      delete process.env.X3D_HOME;
    }
  });

  it('has every command that help has', async () => {
    const { stdout } = await x3d('--help');
    const names = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name = '']) => name);
    expect(offered('')).toEqual(expect.arrayContaining(names.filter((name) => name !== 'help')));
  });
});

const missing = (shell: string) => spawnSync(shell, ['--version']).error !== undefined;

/** A home with runs, and the script that is read, each in a file. */
async function prepared(shell: string): Promise<{ home: string; script: string }> {
  const home = temporaryFolder();
  for (const id of ['s0123456789', 't9876543210']) mkdirSync(join(home, 'runs', id), { recursive: true });
  const { stdout } = await x3d('completion', shell);
  const script = join(home, 'script');
  writeFileSync(script, stdout);
  return { home, script };
}

/** What a line becomes by a Tab at its end, in each shell. */
const TABBED: readonly (readonly [string, string])[] = [
  ['stat', 'status'],
  ['run --cache', 'run --cache-limit'],
  ['token cr', 'token create'],
  ['describe --model X2', 'describe --model X2D'],
  ['completion fi', 'completion fish'],
  ['status s0', 'status s0123456789'],
  ['rm s0123456789 t9', 'rm s0123456789 t9876543210'],
  ['evaluate --network t9', 'evaluate --network t9876543210'],
];

describe('a Tab', () => {
  it.skipIf(missing('zsh'))(
    'in zsh (skipped without it) completes what can only be one thing',
    { timeout: 120_000 },
    async () => {
      const { home, script } = await prepared('zsh');
      // A terminal in which zsh runs, and a program that says what it was called with.
      const inside = [
        `PS1=; autoload -Uz compinit; compinit -u -d ${home}/dump; source ${script}`,
        `export X3D_HOME=${home}; x3d-search() { print -r -- "called:$*:" }; print ready:`,
      ].join('; ');
      const typed = TABBED.map(([line]) => `type $'x3d-search ${line}\\t\\n' 'called:*:*called:*:'`);
      const driver = `zmodload zsh/zpty; zpty z zsh -f -i
type() { local out; zpty -w -n z "$1"; zpty -r -m z out "*called:*:"; print -r -- "$out" }
zpty -w z ${JSON.stringify(inside).replaceAll('$', '\\$')}; zpty -r -m z out "*ready:*ready:*"
${typed.join('\n')}`;
      const { stdout } = spawnSync('zsh', ['-f', '-c', driver], { encoding: 'utf8', timeout: 100_000 });
      const called = [...stdout.matchAll(/called:(.*):/g)].map(([, line]) => line);
      expect(called).toEqual(TABBED.map(([, line]) => line));
    },
  );

  it.skipIf(missing('fish'))('in fish (skipped without it) offers what can only be one thing', async () => {
    const { home, script } = await prepared('fish');
    const asked = TABBED.map(([line]) => `complete -C 'x3d-search ${line}'; echo`).join('\n');
    const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', `source ${script}\n${asked}`], {
      encoding: 'utf8',
      env: { ...process.env, X3D_HOME: home },
    });
    expect(stderr).toBe('');
    const offered = stdout
      .trim()
      .split('\n\n')
      .map((text) => text.replace(/\t.*/g, ''));
    expect(offered).toEqual(TABBED.map(([, line]) => line.split(' ').at(-1)));
  });
});
