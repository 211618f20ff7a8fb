/** The weights that a user names to start from: a run's network, or a file. */
import { stat } from 'node:fs/promises';
import type { Home } from '../home.js';
import { keepPretrained, type Pretrained } from '../training/pretrained.js';
import type { SavedNetwork } from '../training/saved.js';
import { readWeights } from '../training/weights.js';
import { networkNamed } from './named.js';

export interface Start {
  readonly pretrained: Pretrained;
  /** Where it is a network that says what it is: a file of weights alone does not. */
  readonly saved?: SavedNetwork;
}

/**
 * Keeps the weights in the home. `named`: a run's id, its folder, a network's folder, or a file of weights as readWeights
 * takes it. Throws X3dError: not-found where there is none, data where what is there can't be read or is no X3D.
 */
export async function startNamed(named: string, home: Home): Promise<Start> {
  if ((await stat(named).catch(() => undefined))?.isDirectory() === false)
    return { pretrained: await keepPretrained(home.pretrained, await readWeights(named)) };
  const { saved } = await networkNamed(named, home);
  const { classes, weights, preprocessing } = saved;
  const { mean, deviation } = preprocessing;
  const pixels = { mean, deviation };
  return {
    saved,
    pretrained: await keepPretrained(home.pretrained, weights, { ...(classes ? { classes } : {}), pixels }),
  };
}
