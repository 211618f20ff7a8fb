/** The estimate of a training's memory beside what a trainer really took. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BASES, describeNetwork, type Factors, MODELS } from '../../src/network/index.js';
import { nativeAvailable } from '../../src/training/engine/operations/native/kernels.js';
import { microBatchWithin, stepBytes, trainingBytes } from '../../src/training/memory.js';

const CHILD = fileURLToPath(new URL('memory-child.mjs', import.meta.url));
const micro = BASES['x2d-micro'];
const CASES: readonly [string, { base: typeof micro; factors: Factors; clips: number }][] = [
  ['x2d-micro, 16 clips of 8 frames', { base: micro, factors: { ...micro.factors, frames: 8 }, clips: 16 }],
  [
    'x2d-micro, 64 clips of 16 frames at 64 px',
    { base: micro, factors: { ...micro.factors, frames: 16, crop: 64 }, clips: 64 },
  ],
  ['X3D-XS, 4 clips', { base: BASES.x2d, factors: MODELS.XS, clips: 4 }],
  ['X3D-S, 2 clips', { base: BASES.x2d, factors: MODELS.S, clips: 2 }],
];

describe.skipIf(!nativeAvailable())('the estimate of memory', () => {
  it.each(CASES)('is within a fifth of the peak: %s', { timeout: 120_000 }, (name, one) => {
    const network = describeNetwork(one.base, one.factors);
    const peak = Number(
      execFileSync(process.execPath, [CHILD, JSON.stringify(one)], {
        env: { ...process.env, TF_NUM_INTRAOP_THREADS: '1' },
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    );
    const estimate = stepBytes(network, one.clips);
    console.log(`${name}: estimated ${Math.round(estimate / 1e6)} MB, peak ${Math.round(peak / 1e6)} MB`);
    expect(Math.abs(estimate - peak) / peak).toBeLessThan(0.2);
  });

  it('decides how many clips are taken at once', () => {
    const network = describeNetwork(BASES.x2d, MODELS.XS);
    const all = trainingBytes(network, 12, 12);
    expect(microBatchWithin(network, { batchSize: 12 }, undefined)).toBe(12);
    expect(microBatchWithin(network, { batchSize: 12 }, all)).toBe(12);
    expect(microBatchWithin(network, { batchSize: 12 }, all - 1)).toBe(6);
    // Batches lie in memory whole, however small the parts that they are taken in.
    expect(trainingBytes(network, 6, 24) - trainingBytes(network, 6, 12)).toBe(3 * 12 * 4 * 160 * 160 * 3);
    const least = trainingBytes(network, 1, 12);
    expect(microBatchWithin(network, { batchSize: 12 }, least)).toBe(1);
    expect(microBatchWithin(network, { batchSize: 12 }, least - 1)).toBeUndefined();
  });

  it('finds the same parts as trying every one does', () => {
    const network = describeNetwork(micro, micro.factors);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.double({ min: 0, max: 1.1, noNaN: true }),
        (batchSize, share) => {
          const least = trainingBytes(network, 1, batchSize);
          const memory = least * 0.9 + share * (trainingBytes(network, batchSize, batchSize) - least * 0.9);
          const fitting = Array.from({ length: batchSize }, (_, index) => batchSize - index).find(
            (part) => batchSize % part === 0 && trainingBytes(network, part, batchSize) <= memory,
          );
          expect(microBatchWithin(network, { batchSize }, memory)).toBe(fitting);
        },
      ),
    );
  });
});
