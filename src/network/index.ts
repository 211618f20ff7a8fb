export { BASES, type BaseName, type BaseNetwork, MODELS, type ModelName } from './base.js';
export { AXES, type Axis, clipSpan, type Factors, sameNetwork, shortSides, testCrop } from './factors.js';
export {
  type BatchNorm,
  type Block,
  type Convolution,
  describeNetwork,
  type Layer,
  type Linear,
  layersOf,
  type Network,
  type NetworkOptions,
  roundWidth,
  type Shape,
  stageDepth,
} from './network.js';
