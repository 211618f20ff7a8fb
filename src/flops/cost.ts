/** What a network costs. Multiply-adds count convolutions and linear layers only, as the paper does. */
import { type Layer, layersOf, type Network, type Shape } from '../network/index.js';

const elements = (shape: Shape) => shape[0] * shape[1] * shape[2] * shape[3];

export interface LayerCost {
  readonly multiplyAdds: number;
  /** Weights and biases; for a batch norm its scale and shift. */
  readonly parameters: number;
  /** Bytes of the output as 32-bit floats (0 for a batch norm, which can be folded away). */
  readonly activationBytes: number;
}

/** The cost of one layer for one clip. */
export function layerCost(layer: Layer): LayerCost {
  const inputs = layer.input[3];
  const outputs = layer.output[3];
  if (layer.kind === 'batch-norm') return { multiplyAdds: 0, parameters: 2 * outputs, activationBytes: 0 };
  const activationBytes = 4 * elements(layer.output);
  if (layer.kind === 'linear') {
    const weights = inputs * outputs;
    const multiplyAdds = inputs * elements(layer.output);
    return { multiplyAdds, parameters: weights + (layer.bias ? outputs : 0), activationBytes };
  }
  const [t, h, w] = layer.kernel;
  const perOutput = t * h * w * (layer.kind === 'channelwise' ? 1 : inputs);
  return {
    multiplyAdds: perOutput * elements(layer.output),
    parameters: perOutput * outputs,
    activationBytes,
  };
}

export interface Cost {
  /** For one clip (view). */
  readonly multiplyAdds: number;
  /** Without batch norm, as the paper counts. */
  readonly parameters: number;
  readonly parametersWithBatchNorm: number;
  readonly activationBytes: number;
}

/** The cost of a network for one clip of its input shape. */
export function networkCost(network: Network): Cost {
  let multiplyAdds = 0;
  let parameters = 0;
  let batchNormParameters = 0;
  let activationBytes = 0;
  for (const layer of layersOf(network)) {
    const cost = layerCost(layer);
    multiplyAdds += cost.multiplyAdds;
    activationBytes += cost.activationBytes;
    if (layer.kind === 'batch-norm') batchNormParameters += cost.parameters;
    else parameters += cost.parameters;
  }
  return {
    multiplyAdds,
    parameters,
    parametersWithBatchNorm: parameters + batchNormParameters,
    activationBytes,
  };
}
