/** Floats as files store them: little-endian, of four widths. */

/** Bytes of one value. F16 is IEEE's half precision, BF16 the upper half of a 32-bit float. */
export const FLOAT_BYTES = { F64: 8, F32: 4, F16: 2, BF16: 2 } as const;
export type FloatType = keyof typeof FLOAT_BYTES;

export const isFloatType = (name: string): name is FloatType => Object.hasOwn(FLOAT_BYTES, name);

function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** A copy in 32 bits. `bytes` may start anywhere; what does not fill a value at their end is left out. */
export function floatsFrom(bytes: Uint8Array, type: FloatType): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = Math.floor(bytes.length / FLOAT_BYTES[type]);
  // A copy, as a Float32Array must start at a multiple of four bytes; slice would be none of a Buffer.
  if (type === 'F32') return new Float32Array(new Uint8Array(bytes.subarray(0, 4 * count)).buffer);
  const floats = new Float32Array(count);
  if (type === 'BF16') {
    const bits = new Uint32Array(floats.buffer);
    for (let i = 0; i < count; i++) bits[i] = view.getUint16(2 * i, true) << 16;
  } else if (type === 'F16') {
    for (let i = 0; i < count; i++) floats[i] = fromHalf(view.getUint16(2 * i, true));
  } else for (let i = 0; i < count; i++) floats[i] = view.getFloat64(8 * i, true);
  return floats;
}
