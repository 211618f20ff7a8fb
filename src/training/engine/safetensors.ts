/** The safetensors file format: eight bytes with the header's length, the header as JSON, the tensors' bytes. */
import { X3dError } from '../../errors.js';

export interface StoredTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array | BigInt64Array;
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

export function writeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  let offset = 0;
  const header: Record<string, Entry | Readonly<Record<string, string>>> = { __metadata__: metadata };
  // Eight-byte numbers first, so that all stay aligned.
  const ordered = [...tensors].sort(
    ([, a], [, b]) => b.values.BYTES_PER_ELEMENT - a.values.BYTES_PER_ELEMENT,
  );
  for (const [name, { shape, values }] of ordered) {
    const end = offset + values.byteLength;
    header[name] = {
      dtype: values instanceof Float32Array ? 'F32' : 'I64',
      shape,
      data_offsets: [offset, end],
    };
    offset = end;
  }
  const text = JSON.stringify(header);
  // Spaces after the header let the data start at a multiple of eight bytes.
  const padded = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.length), true);
  return Buffer.concat([
    length,
    padded,
    ...ordered.map(([, { values }]) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  ]);
}

/**
 * The 32-bit float tensors of a file by name; whole numbers are left out. Throws X3dError data where it is not one, or
 * has floats of another width.
 */
export function readSafetensors(bytes: Uint8Array, file: string): ReadonlyMap<string, StoredTensor> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length < 8 ? Number.POSITIVE_INFINITY : Number(view.getBigUint64(0, true));
  const data = 8 + length;
  if (data > bytes.length)
    throw notSafetensors(file, `${bytes.length} bytes, whose header would end at ${data}`);
  let header: Record<string, Entry>;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, data))) as Record<string, Entry>;
  } catch {
    throw notSafetensors(file, 'a header that is not JSON');
  }
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    if (/^B?F\d/.test(entry.dtype) && entry.dtype !== 'F32')
      throw new X3dError('data', {
        subject: file,
        expected: '32-bit floats',
        got: `${entry.dtype} for ${name}`,
        remedy: 'Save it again with every tensor as float32.',
      });
    if (entry.dtype !== 'F32') continue;
    const [from, to] = entry.data_offsets;
    if (to - from !== 4 * entry.shape.reduce((product, size) => product * size, 1))
      throw notSafetensors(file, `${to - from} bytes for ${name} of shape [${entry.shape}]`);
    if (data + to > bytes.length) throw notSafetensors(file, `${bytes.length} bytes, too few for ${name}`);
    // Copied, since a Float32Array must start at a multiple of four bytes.
    tensors.set(name, {
      shape: entry.shape,
      values: new Float32Array(new Uint8Array(bytes.subarray(data + from, data + to)).buffer),
    });
  }
  return tensors;
}

const notSafetensors = (file: string, got: string) =>
  new X3dError('data', {
    subject: file,
    expected: 'a whole safetensors file',
    got,
    remedy: 'Copy the file again, or export it anew.',
  });
