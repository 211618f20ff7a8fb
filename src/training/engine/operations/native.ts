/** The parts of a network on the project's own TensorFlow kernels, for the CPU. See native/ at the top. */
import { nativeBlock } from './native/block.js';
import { nativeHead, nativeStem } from './native/ends.js';
import type { Operations } from './operations.js';
import { plain } from './plain.js';

export const native: Operations = {
  stem: nativeStem,
  block: nativeBlock,
  // Windows smaller than what the view leaves come up in evaluation only, on few positions.
  head: (x, weights, side) =>
    side === x.shape[2] && side === x.shape[3] ? nativeHead(x, weights) : plain.head(x, weights, side),
};
