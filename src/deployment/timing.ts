/** How long networks and their parts take in onnxruntime on this machine. */
import { cpus } from 'node:os';
import type { Network } from '../network/index.js';
import { randomOf } from '../random.js';
import { layoutOf } from '../training/engine/parameters.js';
import type { StoredTensor } from '../training/engine/safetensors.js';
import type { Tensors } from './onnx/drawing.js';
import { encodeModel } from './onnx/encoding.js';
import type { Graph } from './onnx/graph.js';
import { openSession } from './onnx/runtime.js';

/** Milliseconds for one call. */
export interface Timing {
  readonly median: number;
  /** A tenth of the calls was faster: what the device does where nothing else disturbs it. */
  readonly low: number;
  /** A tenth was slower. */
  readonly high: number;
  readonly calls: number;
}

/** Milliseconds: that pass, or that this process had of the processors. */
const CLOCKS = {
  wall: () => performance.now(),
  processor: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
} as const;

export interface Patience {
  /** processor: with one thread, so that what else the machine does hardly matters. */
  readonly clock: keyof typeof CLOCKS;
  /** Calls are timed for so long, seconds, */
  readonly seconds: number;
  /** and at least so many of them. */
  readonly calls: number;
}

const WARM_UP = 2;
const MOST_CALLS = 2000;

/** What of `graph` N clips take. `values` as many as its input wants, at most 1 in size. */
export async function timeGraph(
  graph: Graph,
  shape: readonly number[],
  threads: number,
  { clock, seconds, calls }: Patience,
): Promise<Timing> {
  const session = await openSession(encodeModel(graph, {}), { threads });
  const random = randomOf('timing');
  const pattern = Float32Array.from({ length: 4099 }, () => 2 * random.uniform() - 1);
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < values.length; i += pattern.length)
    values.set(pattern.subarray(0, Math.min(pattern.length, values.length - i)), i);
  try {
    const now = CLOCKS[clock];
    const times: number[] = [];
    const began = now();
    for (let call = -WARM_UP; ; call++) {
      const start = now();
      await session.run(values, shape);
      const end = now();
      if (call >= 0) times.push(end - start);
      if ((call >= calls - 1 && end - began > 1000 * seconds) || call >= MOST_CALLS) break;
    }
    times.sort((a, b) => a - b);
    const at = (share: number) => times[Math.floor(share * (times.length - 1))] as number;
    return { median: at(0.5), low: at(0.1), high: at(0.9), calls: times.length };
  } finally {
    await session.close();
  }
}

/** A call of a network that computes next to nothing. */
const NOTHING: Graph = {
  inputs: [{ name: 'clips', shape: ['N', 3, 1, 1, 1], description: '' }],
  outputs: [{ name: 'out', shape: ['N', 3, 1, 1, 1], description: '' }],
  nodes: [{ operator: 'Relu', name: 'out', inputs: ['clips'], attributes: {} }],
  constants: new Map(),
};
export const timeOfCall = (threads: number, patience: Patience): Promise<Timing> =>
  timeGraph(NOTHING, [1, 3, 1, 1, 1], threads, patience);

/** Weights that keep activations of a size: how long a network takes does not depend on what it has learned. */
export function anyTensors(network: Network): Tensors {
  const { parameters, statistics } = layoutOf(network);
  const tensors = new Map<string, StoredTensor>();
  const random = randomOf('any weights');
  for (const { name, size, torchShape } of parameters) {
    const fanIn = torchShape.slice(1).reduce((a, b) => a * b, 1);
    const bound = Math.sqrt(3 / fanIn);
    const values =
      torchShape.length > 1
        ? Float32Array.from({ length: size }, () => bound * (2 * random.uniform() - 1))
        : new Float32Array(size).fill(
            name.endsWith('norm_c.weight') ? 0.25 : name.endsWith('.weight') ? 1 : 0,
          );
    tensors.set(name, { shape: torchShape, values });
  }
  for (const { name, channels } of statistics) {
    tensors.set(`${name}.running_mean`, { shape: [channels], values: new Float32Array(channels) });
    tensors.set(`${name}.running_var`, { shape: [channels], values: new Float32Array(channels).fill(1) });
  }
  return tensors;
}

/** For people. */
export const processor = (): string => cpus()[0]?.model.trim() ?? process.arch;
