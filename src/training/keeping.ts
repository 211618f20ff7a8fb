/** What becomes of a training's folder: the trained network as `readSaved` finds it, with its description. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeJson } from '../files.js';
import { type BaseNetwork, describeNetwork, type Factors, layersOf, testCrop } from '../network/index.js';
import { damagedIn, writeSums } from '../sums.js';
import { isPassing, RESULT } from './attempts.js';
import type { Recipe } from './recipe.js';

/**
 * Copies what a training left to where its network is kept, with `description` as network.json, whole or not at all; what
 * is there already stays. Where that is damaged, `onDamaged` is told of a file of it and where the whole was put, before it
 * is made anew. False where what the training left is gone or damaged.
 */
export async function copyTrained(
  source: string,
  target: string,
  description: object,
  onDamaged: (name: string, aside: string) => void,
): Promise<boolean> {
  if (existsSync(target)) {
    const [damaged] = await damagedIn(target);
    if (damaged === undefined) return true;
    const aside = `${target}-damaged-${randomUUID().slice(0, 8)}`;
    onDamaged(damaged, aside);
    await rename(target, aside);
  }
  if (!existsSync(join(source, RESULT))) return false;
  const temporary = `${target}.${randomUUID()}.tmp`;
  try {
    await cp(source, temporary, {
      recursive: true,
      filter: (path) => path === source || !isPassing(basename(path)),
    });
    // Of what was copied; what it becomes here is added below.
    if ((await damagedIn(temporary)).length > 0) return false;
    await rename(join(temporary, RESULT), join(temporary, 'evaluation.json'));
    await writeJson(join(temporary, 'network.json'), description);
    await writeSums(temporary);
    await rename(temporary, target);
  } catch (error) {
    // Another was quicker, with the same files.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return true;
}

/** All that is needed to build a network and to feed it, for network.json; its weights are beside it. */
export function describeTrained(
  base: BaseNetwork,
  factors: Factors,
  {
    classes,
    rate,
    recipe,
  }: { readonly classes: readonly string[]; readonly rate: number; readonly recipe: Recipe },
) {
  const network = describeNetwork(base, factors);
  const crop = testCrop(factors.crop);
  return {
    base,
    factors,
    classes,
    weights: { file: 'weights.safetensors', names: "as in PyTorchVideo's create_x3d" },
    preprocessing: {
      channels: 'RGB',
      /** After scaling bytes to [0, 1]. */
      mean: recipe.pixelMean,
      std: recipe.pixelDeviation,
      frames: factors.frames,
      stride: factors.stride,
      /** Frames per second that the stride counts at: frames are taken by their time. */
      rate,
      /** A shorter video is looped. */
      padding: 'loop',
      shortSide: crop,
      crop: { center: factors.crop, leftCenterRight: crop },
      viewsPerVideo: { center: recipe.views, leftCenterRight: 3 * recipe.views },
      /** Softmax of each view; their mean is the video's score. */
      aggregation: 'mean of softmax',
    },
    input: network.input,
    head: { window: network.head.window },
    layers: layersOf(network),
  };
}
