/** Other programs and what they say. */
import { spawn } from 'node:child_process';

export interface Ended {
  /** Exit status, signal, or why it could not be started (ENOENT). */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export function ended(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (bytes: Buffer) => {
      stdout += bytes.toString();
    });
    child.stderr.on('data', (bytes: Buffer) => {
      stderr += bytes.toString();
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      resolve({ code: error.code ?? error.message, stdout, stderr });
    });
    child.on('close', (code, signal) => resolve({ code: code ?? signal ?? 'no status', stdout, stderr }));
  });
}
