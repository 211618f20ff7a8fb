/** What becomes of a training's folder: the trained network as `readSaved` finds it, with its description. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeWhole } from '../files.js';
import { type BaseNetwork, describeNetwork, type Factors, layersOf, testCrop } from '../network/index.js';
import type { Recipe } from './recipe.js';

/**
 * Copies a training's folder to where its network is kept, whole or not at all; what is there already stays. False where
 * there is no such result.
 */
export async function copyTrained(source: string, target: string): Promise<boolean> {
  if (existsSync(target)) return true;
  if (!existsSync(join(source, 'result.json'))) return false;
  const temporary = `${target}.${randomUUID()}.tmp`;
  await cp(source, temporary, {
    recursive: true,
    filter: (path) => !/\.tmp$|checkpoint-/.test(basename(path)),
  });
  await rename(temporary, target).catch(async (error: NodeJS.ErrnoException) => {
    await rm(temporary, { recursive: true, force: true });
    // Another was quicker, with the same files.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
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

/** Writes what is beside the weights of a network that `copyTrained` has kept. Safe to repeat. */
export async function writeDescription(folder: string, description: object): Promise<void> {
  await writeWhole(join(folder, 'network.json'), `${JSON.stringify(description, undefined, 2)}\n`);
  // As the training left it; another may have been quicker.
  await rename(join(folder, 'result.json'), join(folder, 'evaluation.json')).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
