/** The flag that names a table of latencies, and what it names. */
import { Option } from 'commander';
import { X3dError } from '../errors.js';
import { readRegular } from '../files.js';
import { type LatencyTable, parseLatencyTable } from '../flops/latency.js';

export const deviceTableOption = () =>
  new Option('--device-table <file>', "a device's latencies, as `benchmark --table` measures them there");

const MOST_BYTES = 64 * 2 ** 20;

/** Throws X3dError: not-found where it can't be read, data where it is no table. */
export async function readLatencyTable(file: string): Promise<LatencyTable> {
  const bytes = await readRegular(file, MOST_BYTES).catch((cause: NodeJS.ErrnoException) => {
    if (cause instanceof X3dError) throw cause;
    const got = `${file} (${cause.code})`;
    const facts = { subject: 'table of latencies', expected: 'a file that can be read', got };
    throw new X3dError('not-found', facts, { cause });
  });
  return parseLatencyTable(bytes.toString(), file);
}
