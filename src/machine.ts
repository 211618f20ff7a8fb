/** What the machine itself offers. */
import { spawnSync } from 'node:child_process';
import { freemem, totalmem } from 'node:os';

/** Bytes of memory; in a container what it may take, where that is less than the machine has. */
export function machineMemory(): { readonly totalBytes: number; readonly freeBytes: number } {
  // A huge number, or none, where there is no such limit.
  const totalBytes = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return { totalBytes, freeBytes: Math.min(freemem(), totalBytes) };
}

/** Whether a process of this machine lives, be it another user's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

export interface Card {
  /** As in cuda:0. */
  readonly number: number;
  readonly name: string;
  readonly memoryBytes: number;
  readonly driver: string;
}

/** NVIDIA's cards, as the driver's own tool lists them; none where it is not there. */
export function cards(): readonly Card[] {
  const query = ['--query-gpu=index,name,memory.total,driver_version', '--format=csv,noheader,nounits'];
  const { status, stdout } = spawnSync('nvidia-smi', query, { encoding: 'utf8' });
  return (status === 0 ? stdout.trim().split('\n') : []).flatMap((line) => {
    const [number, name, megabytes, driver] = line.split(', ');
    return name && megabytes && driver
      ? [{ number: Number(number), name, memoryBytes: Number(megabytes) * 2 ** 20, driver }]
      : [];
  });
}
