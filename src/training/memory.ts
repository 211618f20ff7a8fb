/**
 * What a training takes in memory, known from the layers before it starts: what the step keeps for its backward pass,
 * what it makes on the way, the state, and the process itself. Measured against real peaks in
 * test/training/memory.test.ts.
 */

import { layerCost } from '../flops/cost.js';
import type { Block, Layer, Network, Shape } from '../network/index.js';
import { layersOf } from '../network/index.js';
import type { Recipe } from './recipe.js';

/** Node, TensorFlow's library, its constants, the graph: before the first clip. */
const PROCESS_BYTES = 420e6;
/** Decoded frames, buffers and decoders of the threads that make batches. */
const DATA_BYTES = 200e6;
/** Vectors as long as the parameters: the state, its parts, gradients, what an update makes of them, the start's copies. */
const STATE_VECTORS = 22;

const elements = (shape: Shape) => shape[0] * shape[1] * shape[2] * shape[3];
const bytes = (layer: Layer) => 4 * elements(layer.output);

/** Kept from forward to backward pass: the raw outputs of the convolutions and the block's own. */
const keptByBlock = ({ expand, channelwise, project, shortcut }: Block) =>
  bytes(expand) + bytes(channelwise) + 2 * bytes(project) + (shortcut ? bytes(shortcut.convolution) : 0);

/** Made while a block is differentiated: gradients of its two inner outputs and of its ends. */
const madeByBlock = ({ expand, channelwise, project }: Block) =>
  bytes(expand) + bytes(channelwise) + 2 * bytes(project) + 4 * elements(expand.input);

/** Bytes of one clip in a training step. */
function clipBytes({ input, stem, stages, head }: Network): number {
  const blocks = stages.flat();
  // The pixels as bytes, as floats, and normalised.
  const pixels = (1 + 4 + 4) * elements(input);
  const ends = 3 * bytes(stem.temporal) + 2 * bytes(head.expand);
  const kept = blocks.reduce((sum, block) => sum + keptByBlock(block), 0);
  return pixels + ends + kept + Math.max(...blocks.map(madeByBlock));
}

/** Bytes of a process that runs the engine's steps and nothing else, at its peak, with `microBatch` clips at once. */
export function stepBytes(network: Network, microBatch: number): number {
  const parameters = layersOf(network).reduce((sum, layer) => sum + layerCost(layer).parameters, 0);
  return Math.round(PROCESS_BYTES + 4 * STATE_VECTORS * parameters + microBatch * clipBytes(network));
}

/** Bytes of a trainer at its peak, data included. */
export function trainingBytes(network: Network, microBatch: number): number {
  return stepBytes(network, microBatch) + DATA_BYTES;
}

/** The largest part of the batch, a divisor of its size, that fits; undefined where not even one clip does. */
export function microBatchWithin(
  network: Network,
  { batchSize }: Pick<Recipe, 'batchSize'>,
  memory: number | undefined,
): number | undefined {
  if (memory === undefined) return batchSize;
  for (let parts = 1; parts <= batchSize; parts++) {
    const part = batchSize / parts;
    if (Number.isInteger(part) && trainingBytes(network, part) <= memory) return part;
  }
  return undefined;
}
