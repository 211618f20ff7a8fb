/** Jobs for tests of workers: small, and ended as `data.path` says by the scripted trainer. */

import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AS_DIVIDED } from '../../src/data/folds.js';
import { BASES } from '../../src/network/index.js';
import { RECIPES } from '../../src/training/recipe.js';
import type { CandidateJob } from '../../src/workers/job.js';

export const SCRIPTED_TRAINER = fileURLToPath(new URL('./scripted-trainer.mjs', import.meta.url));

export const candidateThatWill = (ending: string): Pick<CandidateJob, 'work' | 'videos'> => ({
  work: {
    division: AS_DIVIDED,
    evaluations: ['validation'],
    base: BASES['x2d-micro'],
    factors: BASES['x2d-micro'].factors,
    data: { path: ending },
    recipe: RECIPES['x2d-micro'],
    microBatch: RECIPES['x2d-micro'].batchSize,
    seed: 1,
  },
  videos: { fingerprint: 'f00d', usable: 140, skipped: 0 },
});

/** Waits until `look` gives something, looking every few milliseconds. */
export async function eventually<T>(look: () => Promise<T | undefined | false>, ms = 30_000): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (Date.now() > deadline) throw new Error(`not within ${ms} ms: ${look}`);
    await sleep(25);
  }
}
