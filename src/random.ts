/**
 * Random numbers by key: the same keys give the same numbers, wherever and in whatever order they are asked for.
 * Nothing keeps a running generator, so nothing needs to be saved to resume.
 */
import { createHash } from 'node:crypto';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Uniform whole number from 0 to `below` - 1. */
  whole(below: number): number;
  /** Normal with mean 0 and deviation 1. */
  normal(): number;
}

/** The generator of these keys, for example ('sampling', seed, step, slot). */
export function randomOf(...keys: readonly (string | number)[]): Random {
  const hash = createHash('sha256').update(JSON.stringify(keys)).digest();
  const generator = xoroshiro128plus(hash.readInt32LE(0));
  const uniform = () => uniformFloat64(generator);
  return {
    uniform,
    whole: (below) => Math.floor(uniform() * below),
    // Box and Muller; 1 - u keeps the logarithm's argument above zero.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}
