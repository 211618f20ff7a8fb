/**
 * What a training takes in memory, known from the layers before it starts: what the step keeps for its backward pass,
 * what it makes on the way, the state, and the process itself. Measured against real peaks in
 * test/training/memory.test.ts.
 */

import { batchesHeld, FRAME_MEMORY_BYTES } from '../data/batches.js';
import { layerCost } from '../flops/cost.js';
import type { Block, Layer, Network, Shape } from '../network/index.js';
import { describeNetwork, layersOf } from '../network/index.js';
import type { Recipe } from './recipe.js';
import type { Work } from './training.js';

/** Loading TensorFlow's library, before the pages of its start-up are given back (native/pages.cc). */
const LOADING_BYTES = 380e6;
/** Node, what is used of the library, its constants, the graph. */
const PROCESS_BYTES = 235e6;
/** A data thread with its decoder and buffers. */
const THREAD_BYTES = 70e6;
/** Vectors as long as the parameters: the state, gradients and what an update makes of them, the start's copies. */
const STATE_VECTORS = 17;
/**
 * tfjs's operations keep more for the backward pass than the kernels do, 3.0 to 3.6 times as much a clip where it was
 * measured (docs/engine.md); beside it cuDNN has a workspace.
 */
const CARD_FACTOR = 4;

const elements = (shape: Shape) => shape[0] * shape[1] * shape[2] * shape[3];
const bytes = (layer: Layer) => 4 * elements(layer.output);

/** Kept from forward to backward pass: the raw outputs of the convolutions and the block's own. */
const keptByBlock = ({ expand, channelwise, project, shortcut }: Block) =>
  bytes(expand) + bytes(channelwise) + 2 * bytes(project) + (shortcut ? bytes(shortcut.convolution) : 0);

/** Made while a block is differentiated: gradients of its two inner outputs and of its ends. */
const madeByBlock = ({ expand, channelwise, project }: Block) =>
  bytes(expand) + bytes(channelwise) + 2 * bytes(project) + 4 * elements(expand.input);

/**
 * Bytes of one clip in a training step. The backward pass begins at the end: while a block is differentiated, what the
 * blocks after it kept is gone already.
 */
function clipBytes({ input, stem, stages, head }: Network): number {
  // The pixels as bytes, as floats, and normalised.
  let kept = (1 + 4 + 4) * elements(input) + 3 * bytes(stem.temporal);
  let most = 0;
  for (const block of stages.flat()) {
    kept += keptByBlock(block);
    most = Math.max(most, kept + madeByBlock(block));
  }
  return Math.max(most, kept + 2 * bytes(head.expand));
}

const runningBytes = (network: Network, microBatch: number): number => {
  const parameters = layersOf(network).reduce((sum, layer) => sum + layerCost(layer).parameters, 0);
  return PROCESS_BYTES + 4 * STATE_VECTORS * parameters + microBatch * clipBytes(network);
};

/** Bytes of a process that runs the engine's steps and nothing else, at its peak, with `microBatch` clips at once. */
export const stepBytes = (network: Network, microBatch: number): number =>
  Math.max(LOADING_BYTES, runningBytes(network, microBatch));

/** Bytes of a trainer on the CPU at its peak, data included: batches lie in memory whole, as bytes. */
export function trainingBytes(network: Network, microBatch: number, batchSize: number): number {
  const batch = batchSize * elements(network.input);
  const data = THREAD_BYTES + FRAME_MEMORY_BYTES + batchesHeld(batch) * batch;
  return Math.max(LOADING_BYTES, runningBytes(network, microBatch) + data);
}

/** As `trainingBytes`, of a training as it is asked for. */
export const workBytes = ({
  base,
  factors,
  microBatch,
  recipe,
}: Pick<Work, 'base' | 'factors' | 'microBatch' | 'recipe'>): number =>
  trainingBytes(describeNetwork(base, factors), microBatch, recipe.batchSize);

/** What a card offers a training, in the terms of `trainingBytes`. */
export const asOnCpu = (cardBytes: number): number => Math.floor(cardBytes / CARD_FACTOR);

/** The divisors of a whole number, the largest first, in as many looks as its square root. */
function* divisors(number: number): Generator<number> {
  const root = Math.floor(Math.sqrt(number));
  for (let small = 1; small <= root; small++) if (number % small === 0) yield number / small;
  for (let small = root; small >= 1; small--) if (number % small === 0 && small * small < number) yield small;
}

/** The largest part of the batch, a divisor of its size, that fits; undefined where not even one clip does. */
export function microBatchWithin(
  network: Network,
  { batchSize }: Pick<Recipe, 'batchSize'>,
  memory: number | undefined,
): number | undefined {
  if (memory === undefined) return batchSize;
  if (trainingBytes(network, 1, batchSize) > memory) return undefined;
  for (const part of divisors(batchSize)) if (trainingBytes(network, part, batchSize) <= memory) return part;
  return undefined;
}
