/**
 * The run's folder of a search, as people look at it: trajectory.json, trajectory.svg, and beside the weights in
 * network/ how the network is built, how its input is made, and how it was evaluated.
 */
import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../files.js';
import type { Home } from '../home.js';
import { describeNetwork, layersOf, testCrop } from '../network/index.js';
import { trajectorySpecification } from './chart.js';
import { svgOf } from './drawing.js';
import type { Final, SearchState } from './state.js';
import { trajectoryOf } from './trajectory.js';
import { baseOf } from './work.js';

const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;

/** All that is needed to build the network found and to feed it; its weights are beside it. */
export function networkDescription(state: SearchState, { factors, cost }: Final) {
  const { id, dataset, recipe } = state;
  const base = baseOf(state);
  const network = describeNetwork(base, factors);
  const crop = testCrop(factors.crop);
  return {
    search: id,
    base,
    factors,
    classes: dataset.classes,
    cost,
    weights: { file: 'weights.safetensors', names: "as in PyTorchVideo's create_x3d" },
    preprocessing: {
      channels: 'RGB',
      /** After scaling bytes to [0, 1]. */
      mean: recipe.pixelMean,
      std: recipe.pixelDeviation,
      frames: factors.frames,
      stride: factors.stride,
      /** Frames per second that the stride counts at: frames are taken by their time. */
      rate: dataset.rate,
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

async function writeNetwork(state: SearchState, final: Final, folder: string): Promise<void> {
  await writeWhole(join(folder, 'network.json'), json(networkDescription(state, final)));
  // As the training left it; another coordinator may have been quicker.
  await rename(join(folder, 'result.json'), join(folder, 'evaluation.json')).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/** Writes the run's folder anew, each file whole. Safe to repeat. */
export async function writeRun(state: SearchState, home: Home): Promise<void> {
  const folder = home.run(state.id);
  const trajectory = trajectoryOf(state);
  const chart = trajectorySpecification(trajectory);
  await writeWhole(join(folder, 'trajectory.json'), json(trajectory));
  if (chart) await writeWhole(join(folder, 'trajectory.svg'), await svgOf(chart));
  const network = join(folder, 'network');
  if (state.final && existsSync(network)) await writeNetwork(state, state.final, network);
}
