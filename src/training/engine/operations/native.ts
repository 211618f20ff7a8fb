/** The parts of a network on the project's own TensorFlow kernels, for the CPU. See native/ at the top. */
export { type BlockWeights, nativeBlock } from './native/block.js';
export { type HeadWeights, nativeHead, nativeStem, type StemWeights } from './native/ends.js';
export { type Activations, type Norm, nativeAvailable, type Part } from './native/kernels.js';
