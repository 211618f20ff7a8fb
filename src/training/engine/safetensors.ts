/** The safetensors file format: eight bytes with the header's length, the header as JSON, the tensors' bytes. */
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { X3dError } from '../../errors.js';
import { mismatches } from '../../validation.js';
import { FLOAT_BYTES, floatsFrom, isFloatType } from './floats.js';

export interface StoredTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array | BigInt64Array;
}

const Size = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const EntrySchema = Type.Object({
  dtype: Type.String(),
  shape: Type.Array(Size),
  data_offsets: Type.Tuple([Size, Size]),
});
const headerSchema = Compile(Type.Record(Type.String(), EntrySchema));
type Entry = Type.Static<typeof EntrySchema>;

export function writeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  let offset = 0;
  const header: Record<string, unknown> = { __metadata__: metadata };
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
  const text = new TextEncoder().encode(JSON.stringify(header));
  // Spaces after the header let the data start at a multiple of eight bytes.
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  padded.set(text);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.length), true);
  return Buffer.concat([
    length,
    padded,
    ...ordered.map(([, { values }]) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  ]);
}

/** The format's own bound. */
const MAX_HEADER_BYTES = 100e6;

function headerOf(
  bytes: Uint8Array,
  file: string,
): {
  readonly entries: Readonly<Record<string, Entry>>;
  readonly data: Uint8Array;
  readonly metadata: unknown;
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length < 8 ? Number.POSITIVE_INFINITY : Number(view.getBigUint64(0, true));
  if (8 + length > bytes.length || length > MAX_HEADER_BYTES)
    throw notSafetensors(file, `${bytes.length} bytes, whose header would end at ${8 + length}`);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch {
    throw notSafetensors(file, 'a header that is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw notSafetensors(file, 'a header that is no JSON object');
  const { __metadata__: metadata, ...entries } = header as Record<string, unknown>;
  if (!headerSchema.Check(entries)) {
    const [first] = mismatches(headerSchema, entries);
    throw notSafetensors(file, `a header with ${first?.got} at ${first?.field}`);
  }
  return { entries, data: bytes.subarray(8 + length), metadata };
}

/** What whoever wrote the file said of it, as text by name; nothing where it is of another form. */
export function safetensorsMetadata(bytes: Uint8Array, file: string): Readonly<Record<string, string>> {
  const { metadata } = headerOf(bytes, file);
  const own = typeof metadata === 'object' && metadata !== null ? Object.entries(metadata) : [];
  return Object.fromEntries(own.filter((pair): pair is [string, string] => typeof pair[1] === 'string'));
}

/**
 * The tensors of floats by name, each made 32-bit; whole numbers are left out. Throws X3dError data where it is not a
 * whole safetensors file, whose tensors lie side by side and fill it, or where floats are of a width that has no
 * 32-bit form here (F8).
 */
export function readSafetensors(bytes: Uint8Array, file: string): ReadonlyMap<string, StoredTensor> {
  const { entries, data } = headerOf(bytes, file);
  const byPlace = Object.entries(entries).sort(
    ([, { data_offsets: a }], [, { data_offsets: b }]) => a[0] - b[0] || a[1] - b[1],
  );
  let end = 0;
  for (const [name, { dtype, shape, data_offsets }] of byPlace) {
    const [from, to] = data_offsets;
    if (from !== end || to < from)
      throw notSafetensors(file, `${name} from byte ${from} to ${to}, where byte ${end} is next`);
    end = to;
    if (
      isFloatType(dtype) &&
      to - from !== shape.reduce((product, size) => product * size, FLOAT_BYTES[dtype])
    )
      throw notSafetensors(file, `${to - from} bytes for ${name} of shape [${shape}] in ${dtype}`);
    if (!isFloatType(dtype) && /F\d/.test(dtype))
      throw new X3dError('data', {
        subject: file,
        expected: `floats of ${Object.keys(FLOAT_BYTES).join(', ')}`,
        got: `${dtype} for ${name}`,
        remedy: 'Save it again with every tensor as float32.',
      });
  }
  if (end !== data.length)
    throw notSafetensors(file, `${data.length} bytes of tensors, of which the header names ${end}`);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(entries))
    if (isFloatType(dtype))
      tensors.set(name, { shape, values: floatsFrom(data.subarray(...data_offsets), dtype) });
  return tensors;
}

const notSafetensors = (file: string, got: string) =>
  new X3dError('data', {
    subject: file,
    expected: 'a whole safetensors file',
    got,
    remedy: 'Copy the file again, or export it anew.',
  });
