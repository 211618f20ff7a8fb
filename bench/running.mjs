/** Runs the parts of a benchmark, each for a while at most. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What a program printed, and whether it ended well in time; afterwards nothing of it runs. */
export async function running(command, args, { limitMs, environment = {} }) {
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...process.env, TF_FORCE_GPU_ALLOW_GROWTH: 'true', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, which is ended as a whole.
    detached: true,
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  const cut = setTimeout(() => process.kill(-child.pid, 'SIGTERM'), limitMs);
  const code = await new Promise((done) => {
    child.on('error', ({ message }) => done(message));
    child.on('close', (status, signal) => done(status ?? signal));
  });
  clearTimeout(cut);
  return { output, ok: code === 0, why: `ended with ${code}. ${errors.trim().slice(-300)}` };
}

/** The object that a program printed last; undefined where it failed or printed none. */
export function lastJson({ output, ok }) {
  try {
    return ok ? JSON.parse(output.slice(output.search(/^\{/m))) : undefined;
  } catch {
    return undefined;
  }
}
