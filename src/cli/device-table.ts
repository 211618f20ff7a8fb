/** The flag that names a table of latencies, and what it names. */
import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import { X3dError } from '../errors.js';
import { type LatencyTable, parseLatencyTable } from '../flops/latency.js';

export const deviceTableOption = () =>
  new Option('--device-table <file>', "a device's latencies, as `benchmark --table` measures them there");

/** Throws X3dError: not-found where it can't be read, data where it is no table. */
export async function readLatencyTable(file: string): Promise<LatencyTable> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const got = `${file} (${cause.code})`;
    const facts = { subject: 'table of latencies', expected: 'a file that can be read', got };
    throw new X3dError('not-found', facts, { cause });
  });
  return parseLatencyTable(text, file);
}
