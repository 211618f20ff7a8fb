/** Random networks for laws that hold for all of them: small enough to be described in no time. */
import fc from 'fast-check';
import { BASES, type BaseName, type Factors } from '../../src/network/index.js';

const tenths = (min: number, max: number) => fc.integer({ min: min * 20, max: max * 20 }).map((n) => n / 20);

export const factors: fc.Arbitrary<Factors> = fc.record({
  frames: fc.integer({ min: 1, max: 32 }),
  stride: fc.integer({ min: 1, max: 32 }),
  crop: fc.integer({ min: 32, max: 320 }),
  width: tenths(0.5, 3),
  bottleneck: tenths(1, 4),
  depth: tenths(1, 5),
});

export const baseName = fc.constantFrom(...(Object.keys(BASES) as BaseName[]));
/** The two bases, and each with the other rounding of channels and the other shortcut. */
export const base = fc
  .record({
    name: baseName,
    widthDivisor: fc.constantFrom(1, 4, 8),
    innerDivisor: fc.constantFrom(1, 8),
    shortcutNorm: fc.constantFrom('always' as const, 'where widened' as const),
    classes: fc.integer({ min: 2, max: 400 }),
  })
  .map(({ name, ...rest }) => ({ ...BASES[name], ...rest }));
