/** How far a share that was measured on some videos may be off. */

/** Of the normal distribution, two-sided 95 %. */
const Z = 1.96;

export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** Wilson's interval of 95 % for a share of so many: right for few videos and for shares near 0 and 1. */
export function shareInterval(share: number, count: number): Interval {
  const z2 = (Z * Z) / count;
  const middle = (share + z2 / 2) / (1 + z2);
  const half = (Z * Math.sqrt((share * (1 - share)) / count + z2 / (4 * count))) / (1 + z2);
  return { from: Math.max(0, middle - half), to: Math.min(1, middle + half) };
}

/** Of a mean with its standard error. */
export const meanInterval = (mean: number, error: number): Interval => ({
  from: mean - Z * error,
  to: mean + Z * error,
});
