/** The safetensors format: what is written is read, and what is not whole is refused before anything is made of it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  readSafetensors,
  type StoredTensor,
  writeSafetensors,
} from '../../../src/training/engine/safetensors.js';

type Entry = { dtype: string; shape: unknown; data_offsets: unknown };

/** A file of this header and so many bytes after it. */
function fileOf(header: unknown, data: Uint8Array): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}
const entry = (dtype: string, shape: unknown, data_offsets: unknown): Entry => ({
  dtype,
  shape,
  data_offsets,
});
const values = (bytes: Uint8Array, name = 'a') => [...(readSafetensors(bytes, 'w').get(name)?.values ?? [])];

describe('a safetensors file', () => {
  it('gives back what was written', () => {
    const tensor = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }).chain((shape) =>
      fc
        .float32Array({
          minLength: shape.reduce((a, b) => a * b, 1),
          maxLength: shape.reduce((a, b) => a * b, 1),
        })
        .map((values): StoredTensor => ({ shape, values })),
    );
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string().filter((name) => name !== '__metadata__'),
          tensor,
        ),
        (tensors) => {
          const written = writeSafetensors(new Map(Object.entries(tensors)), { format: 'pt' });
          expect(readSafetensors(written, 'w')).toEqual(new Map(Object.entries(tensors)));
        },
      ),
    );
  });

  it('has its tensors at a multiple of eight bytes, whatever letters names and metadata have', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const tensor = { shape: [1], values: new Float32Array(1) };
        const written = writeSafetensors(new Map([['a', tensor]]), { classes: name });
        const length = new DataView(written.buffer, written.byteOffset).getBigUint64(0, true);
        expect(Number(length) % 8).toBe(0);
      }),
    );
  });

  it('is read in half, double and brain floats', () => {
    // 1, -2, the least half above 0, infinity.
    const half = Uint8Array.from([0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c]);
    expect(values(fileOf({ a: entry('F16', [4], [0, 8]) }, half))).toEqual([
      1,
      -2,
      2 ** -24,
      Number.POSITIVE_INFINITY,
    ]);
    const brain = Uint8Array.from([0x80, 0x3f, 0x20, 0xc0]);
    expect(values(fileOf({ a: entry('BF16', [2], [0, 4]) }, brain))).toEqual([1, -2.5]);
    const double = new Uint8Array(Float64Array.of(0.5, -3).buffer);
    expect(values(fileOf({ a: entry('F64', [2], [0, 16]) }, double))).toEqual([0.5, -3]);
  });

  it('is read without its whole numbers', () => {
    const file = fileOf({ n: entry('I64', [], [0, 8]), a: entry('F32', [1], [8, 12]) }, new Uint8Array(12));
    expect([...readSafetensors(file, 'w').keys()]).toEqual(['a']);
  });

  const four = new Uint8Array(4);
  it.each([
    ['shorter than a length', new Uint8Array(5), /5 bytes/],
    ['whose header is longer than it', fileOf('{}', four).subarray(0, 9), /header would end at 10/],
    ['whose header claims exabytes', Buffer.concat([Buffer.alloc(8, 0xff), four]), /header would end at/],
    ['whose header is no JSON', fileOf('{"a"', four), /not JSON/],
    [
      'whose header is not UTF-8',
      Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0x22, 0xff]), four]),
      /not JSON/,
    ],
    ['whose header is a list', fileOf('[]', four), /no JSON object/],
    ['whose header is a number', fileOf('3', new Uint8Array(0)), /no JSON object/],
    ['with an entry that is a number', fileOf({ a: 3 }, four), /a header with 3 at a/],
    ['with a shape below 0', fileOf({ a: entry('F32', [-1], [0, 4]) }, four), /at a\.shape\.0/],
    ['with half an element', fileOf({ a: entry('F32', [0.5], [0, 4]) }, four), /at a\.shape\.0/],
    ['with offsets in the wrong order', fileOf({ a: entry('F32', [1], [4, 0]) }, four), /from byte 4 to 0/],
    [
      'with offsets beyond its end',
      fileOf({ a: entry('F32', [2], [0, 8]) }, four),
      /4 bytes of tensors, of which the header names 8/,
    ],
    [
      'with other bytes than its shape has',
      fileOf({ a: entry('F32', [2], [0, 4]) }, four),
      /4 bytes for a of shape \[2\]/,
    ],
    [
      'with a shape beyond all numbers',
      fileOf({ a: entry('F32', Array(40).fill(2 ** 52), [0, 4]) }, four),
      /4 bytes for a/,
    ],
    [
      'with tensors that overlap',
      fileOf({ a: entry('F32', [1], [0, 4]), b: entry('F32', [1], [0, 4]) }, four),
      /b from byte 0 to 4, where byte 4 is next/,
    ],
    [
      'with a gap',
      fileOf({ a: entry('F32', [1], [4, 8]) }, new Uint8Array(8)),
      /from byte 4 to 8, where byte 0 is next/,
    ],
    [
      'with bytes that belong to nothing',
      fileOf({ a: entry('F32', [1], [0, 4]) }, new Uint8Array(8)),
      /8 bytes of tensors, of which the header names 4/,
    ],
    [
      'of eight-bit floats',
      fileOf({ a: entry('F8_E4M3', [4], [0, 4]) }, four),
      /expected floats of F64, F32, F16, BF16, got F8_E4M3 for a/,
    ],
  ])('is refused %s', (_, bytes, message) => {
    expect(() => readSafetensors(bytes, 'w')).toThrow(message);
    expect(() => readSafetensors(bytes, 'w')).toThrow(/^w: expected/);
  });
});
