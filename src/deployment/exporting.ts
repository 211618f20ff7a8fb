/** A network as one ONNX file, and what shows that the file computes what the engine does. */
import { networkCost } from '../flops/cost.js';
import { randomOf } from '../random.js';
import { layoutOf } from '../training/engine/parameters.js';
import { exportWeights, foldedTensors } from '../training/engine/weights.js';
import { loadEngine, savedNetworkAt, savedWeights } from '../training/loading.js';
import type { SavedNetwork } from '../training/saved.js';
import type { Device } from '../training/training.js';
import type { NamedNetwork } from './named.js';
import { networkGraph, SCORES } from './onnx/drawing.js';
import { encodeModel } from './onnx/encoding.js';
import type { Graph } from './onnx/graph.js';
import { openSession } from './onnx/runtime.js';
import { normalised, perChannel } from './preprocessing.js';

/** Under PyTorchVideo's names and in its shapes, without batch norms that it does not have. Throws X3dError data. */
export function torchWeights(
  saved: SavedNetwork,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const network = savedNetworkAt(saved, 'center');
  return exportWeights(network, layoutOf(network), savedWeights(saved), metadata);
}

/** Everything that is needed to feed the network and to name its scores; values are JSON. */
export function metadataOf({ name, saved, classes }: NamedNetwork): Record<string, string> {
  const { mean, deviation, frames, stride, rate, shortSide, crop } = saved.preprocessing;
  const facts = {
    network: name,
    base: saved.base.name,
    factors: saved.factors,
    classes,
    channels: 'RGB',
    layout: 'N, C, T, H, W',
    scaling: '(byte / 255 - mean) / std',
    mean: perChannel(mean),
    std: perChannel(deviation),
    frames,
    stride,
    ...(rate === undefined ? {} : { rate }),
    padding: 'loop',
    short_side: shortSide,
    crop,
    multiply_adds: networkCost(savedNetworkAt(saved, 'center')).multiplyAdds,
  };
  return Object.fromEntries(
    Object.entries(facts).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
}

/** Throws X3dError data. */
export function onnxGraph({ saved }: NamedNetwork): Graph {
  const network = savedNetworkAt(saved, 'center');
  return networkGraph(network, foldedTensors(network, layoutOf(network), savedWeights(saved)));
}

export const onnxModel = (named: NamedNetwork, graph: Graph): Uint8Array =>
  encodeModel(graph, metadataOf(named));

/** Clips [T, N, H, W, 3] that were cut from videos, or made. */
export interface Clips {
  readonly clips: Uint8Array;
  readonly views: number;
}

/** Where no videos are at hand: clips of moving waves with some noise, two at a time. */
export function* madeClips({ saved }: NamedNetwork, count: number): Generator<Clips> {
  const { frames, crop } = saved.preprocessing;
  const views = 2;
  for (let first = 0; first < count; first += views) {
    const random = randomOf('made-clips', frames, crop, first);
    const clips = new Uint8Array(frames * views * crop * crop * 3);
    const waves = Array.from({ length: views * 3 }, () => ({
      x: 12 * random.uniform(),
      y: 12 * random.uniform(),
      speed: 2 * random.uniform(),
      phase: 6 * random.uniform(),
    }));
    for (let i = 0; i < clips.length; i++) {
      const pixel = Math.floor(i / 3);
      const [x, y] = [pixel % crop, Math.floor(pixel / crop) % crop];
      const view = Math.floor(pixel / crop / crop) % views;
      const time = Math.floor(pixel / crop / crop / views);
      const wave = waves[3 * view + (i % 3)] as (typeof waves)[number];
      const at = (wave.x * x + wave.y * y) / crop + wave.speed * time + wave.phase;
      clips[i] = 128 + 90 * Math.sin(at) + 36 * random.uniform();
    }
    yield { clips, views };
  }
}

/** The scores of clips by the engine, and by an ONNX model in onnxruntime, set side by side. */
export interface Difference {
  readonly clips: number;
  /** The largest distance between two scores. */
  readonly largest: number;
  /** Clips whose most probable class is the same. */
  readonly agreeing: number;
}

/** The most probable class. */
export const highest = (scores: Float32Array) => scores.indexOf(Math.max(...scores));

/** Throws X3dError as `loadEngine` does. */
export async function compareWithEngine(
  model: Uint8Array,
  named: NamedNetwork,
  source: AsyncIterable<Clips> | Iterable<Clips>,
  { device, threads }: { readonly device: Device; readonly threads: number },
): Promise<Difference> {
  const { saved, classes } = named;
  const { frames, crop } = saved.preprocessing;
  const session = await openSession(model, { threads });
  const { engine } = await loadEngine(saved, { strategies: ['center'], views: 2, device });
  let [seen, largest, agreeing] = [0, 0, 0];
  try {
    for await (const { clips, views } of source) {
      const expected = engine.evaluate(clips, { crop, views });
      const outputs = await session.run(normalised(clips, views, saved.preprocessing), [
        views,
        3,
        frames,
        crop,
        crop,
      ]);
      const got = outputs[SCORES] as Float32Array;
      for (let v = 0; v < views; v++) {
        const [a, b] = [expected, got].map((scores) =>
          scores.subarray(v * classes.length, (v + 1) * classes.length),
        ) as [Float32Array, Float32Array];
        // What is not a number is as far away as can be.
        for (const [k, value] of a.entries()) {
          const distance = Math.abs(value - (b[k] as number));
          largest = Math.max(largest, Number.isFinite(distance) ? distance : 1);
        }
        agreeing += highest(a) === highest(b) ? 1 : 0;
      }
      seen += views;
    }
  } finally {
    engine.close();
    await session.close();
  }
  return { clips: seen, largest, agreeing };
}
