/** Processes as the system lists them. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';

const read = (pid: number | string, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
};

/** Those of a process that are alive and whose command names a program. */
export const childrenOf = (parent: number, program: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && read(name, 'cmdline').includes(program))
    .map(Number)
    .filter((pid) => lives(pid) && Number(/\) \S+ (\d+)/.exec(read(pid, 'stat'))?.[1]) === parent);

/** One that was killed and not yet waited for is not alive. */
export const lives = (pid: number): boolean => /\) [^ZX] /.test(read(pid, 'stat'));

export const gone = (pid: number) => expect.poll(() => lives(pid), { timeout: 20_000 }).toBe(false);
