/** How the user can call this program again: by its name where it was called so, else by its file. */
import { basename, relative } from 'node:path';

const NAME = 'x3d-search';

const quoted = (word: string) => (/^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** A command line for a shell, with the program by its name. */
export const commandLine = (...args: string[]): string => [NAME, ...args].map(quoted).join(' ');

/** As `commandLine`, with the program as the user can call it from here. */
export function invocation(...args: string[]): string {
  const [, program = NAME] = process.argv;
  const called = basename(program) === NAME ? [NAME] : ['node', relative(process.cwd(), program)];
  return [...called, ...args].map(quoted).join(' ');
}
