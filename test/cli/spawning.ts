/** The built command, spawned for real in a temporary home. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly process: ChildProcess;
  /** Resolves with the first line of standard output that `is` says yes to. */
  line(is: (line: string) => boolean): Promise<string>;
  readonly finished: Promise<Finished>;
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'x3d-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** `input`: its standard input; without it there is none. */
export function start(
  args: readonly string[],
  environment: Record<string, string> = {},
  input?: string,
): Running {
  const { X3D_HOME: _, REDIS_URL: __, FORCE_COLOR: ___, ...inherited } = process.env;
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...inherited, NO_COLOR: '1', ...environment },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  child.stdin?.end(input);
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  child.stdout?.on('data', (bytes: Buffer) => {
    stdout += bytes.toString();
    for (const listener of listeners) listener();
  });
  child.stderr?.on('data', (bytes: Buffer) => {
    stderr += bytes.toString();
  });
  const finished = new Promise<Finished>((resolve) => {
    child.on('close', (code) => {
      resolve({ code, stdout, stderr });
      for (const listener of listeners) listener();
    });
  });
  return {
    process: child,
    finished,
    line: (is) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = stdout.split('\n').slice(0, -1).find(is);
          if (found === undefined && child.exitCode === null) return;
          listeners.delete(look);
          if (found === undefined) reject(new Error(`it ended without that line: ${stdout}${stderr}`));
          else resolve(found);
        };
        listeners.add(look);
        look();
      }),
  };
}

export const x3d = (...args: string[]): Promise<Finished> => start(args).finished;
