/** How commands end when something is wrong: what the user reads, and the exit code. */
import { CommanderError } from 'commander';
import { problemOf, typeOf } from '../api/problems.js';
import { ERROR_KINDS, X3dError } from '../errors.js';
import { say } from './printing.js';

export const EXIT = { badInput: 2, failedSearch: 4, interrupted: 130 } as const;

/** Shows an error on standard error, as a problem document for programs, and gives back the exit code. */
export function report(error: unknown, { json }: { readonly json: boolean }): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // To people Commander has said by itself what is wrong with the flags.
    if (json) {
      const { title } = ERROR_KINDS['invalid-input'];
      const type = typeOf('invalid-input');
      const detail = error.message.replace(/^error: /, '');
      say(JSON.stringify({ type, title, status: 400, detail, instance: 'x3d-search' }), process.stderr);
    }
    return EXIT.badInput;
  }
  if (error instanceof X3dError) {
    say(json ? JSON.stringify(problemOf(error, 'x3d-search')) : `error: ${error.message}`, process.stderr);
    return ERROR_KINDS[error.kind].exitCode;
  }
  say(error instanceof Error ? `${error.stack}` : String(error), process.stderr);
  return 1;
}
