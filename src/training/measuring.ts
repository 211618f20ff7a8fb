/** Measures what training steps take on this machine: a few steps of a few networks on made clips, some ten seconds. */
import { networkCost } from '../flops/cost.js';
import { BASES, type BaseName, type BaseNetwork, describeNetwork, type Factors } from '../network/index.js';
import { randomOf } from '../random.js';
import { createEngine } from './engine/engine.js';
import { RECIPES, type Recipe } from './recipe.js';
import { fittedPace, type MeasuredStep, type Pace } from './speed.js';
import type { Device } from './training.js';

/** Of each network: steps are timed for so long, and at least so many of them; the first ones warm up. */
const SECONDS = 0.6;
const LEAST_STEPS = 3;
const WARM_UP = 2;
/** Where steps are slow, one step of each of two networks has to do. */
const MOST_SECONDS = 4;
const MOST_SECONDS_IN_ALL = 30;
const LEAST_NETWORKS = 2;
/** Fewer clips than a search's batch tell as much of large networks, sooner. */
const MOST_CLIPS = 16;

/** The base, steps of it along each axis as a search takes them, and two that are larger all round. */
function networksOf({ factors }: BaseNetwork): Factors[] {
  const { bottleneck } = factors;
  const crop = Math.round(1.34 * factors.crop);
  return [
    factors,
    { ...factors, frames: 4 },
    { ...factors, frames: 2, bottleneck: 2 * bottleneck },
    { ...factors, frames: 2, depth: 2.2 },
    { ...factors, frames: 2, width: 1.6 },
    { ...factors, frames: 4, crop },
    { ...factors, frames: 8, crop },
  ];
}

/** The median step, and the seconds since this process began at which the first could begin. */
async function measuredStep(
  base: BaseNetwork,
  factors: Factors,
  recipe: Recipe,
  device: Device,
): Promise<MeasuredStep & { readonly ready: number }> {
  const network = describeNetwork(base, factors);
  const { batchSize: clips } = recipe;
  const { frames, crop } = factors;
  const engine = await createEngine({ network, evaluations: [], recipe, microBatch: clips, seed: 0, device });
  const random = randomOf('speed');
  const bytes = Uint8Array.from({ length: frames * clips * crop * crop * 3 }, () => random.whole(256));
  const labels = new Float32Array(clips * base.classes);
  for (let clip = 0; clip < clips; clip++) labels[clip * base.classes + (clip % base.classes)] = 1;
  const mixing = recipe.mixup > 0 ? { mixupShare: 0.9 } : {};
  try {
    const times: number[] = [];
    const began = performance.now();
    const passed = () => (performance.now() - began) / 1000;
    const enough = () =>
      passed() > MOST_SECONDS || (times.length >= WARM_UP + LEAST_STEPS && passed() > SECONDS);
    for (let step = 0; step === 0 || !enough(); step++) {
      const start = performance.now();
      engine.step({ clips: bytes, labels, learningRate: 1e-3, step, ...mixing });
      times.push((performance.now() - start) / 1000);
    }
    const timed = times.slice(Math.min(WARM_UP, times.length - 1)).sort((a, b) => a - b);
    const seconds = timed[Math.floor(timed.length / 2)] as number;
    return { clips, seconds, ready: began / 1000, ...networkCost(network) };
  } finally {
    engine.close();
  }
}

/** For a process that does nothing else. Throws X3dError environment for a device that can't be used. */
export async function measurePace(
  name: BaseName,
  device: Device,
  onProgress: (done: number, of: number) => void = () => {},
): Promise<Pace & { readonly start: number }> {
  const base = BASES[name];
  const recipe = { ...RECIPES[name], batchSize: Math.min(MOST_CLIPS, RECIPES[name].batchSize) };
  const networks = networksOf(base);
  const measured: (MeasuredStep & { readonly ready: number })[] = [];
  const late = () => performance.now() > 1000 * MOST_SECONDS_IN_ALL;
  for (const factors of networks) {
    if (late() && measured.length >= LEAST_NETWORKS) break;
    measured.push(await measuredStep(base, factors, recipe, device));
    onProgress(measured.length, networks.length);
  }
  return { ...fittedPace(measured), start: measured[0]?.ready ?? 0 };
}
