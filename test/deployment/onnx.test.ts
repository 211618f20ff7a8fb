/** The ONNX file computes what the engine computes, whatever the network, and whatever the batch. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareWithEngine, madeClips, onnxGraph, onnxModel } from '../../src/deployment/exporting.js';
import { type NamedNetwork, networkNamed } from '../../src/deployment/named.js';
import type { Graph } from '../../src/deployment/onnx/graph.js';
import { openSession } from '../../src/deployment/onnx/runtime.js';
import { normalised } from '../../src/deployment/preprocessing.js';
import { homeAt } from '../../src/home.js';
import { BASES, type BaseNetwork, type Factors } from '../../src/network/index.js';
import { tensorFlowMissing } from '../../src/training/engine/tensorflow.js';
import { temporaryFolder } from '../data/videos.js';
import { writeNetwork } from './networks.js';

const classes = ['wave', 'clap hands', 'say "no"'];
const cpu = { device: 'cpu', threads: 1 } as const;
const made = (base: BaseNetwork, factors: Partial<Factors>) =>
  networkNamed(
    writeNetwork(join(temporaryFolder(), 'net'), { base, factors: { ...base.factors, ...factors }, classes }),
    homeAt(temporaryFolder()),
  );
const micro = () => made(BASES['x2d-micro'], { frames: 3, stride: 2, crop: 48 });

describe('the ONNX model of a network', () => {
  it.skipIf(tensorFlowMissing !== undefined).each([
    ['x2d-micro', { frames: 4, stride: 2, crop: 49, width: 1.35, depth: 2.2 }],
    ['x2d', { frames: 3, stride: 2, crop: 64, bottleneck: 2.25, depth: 1.2 }],
    ['x2d', { frames: 1, stride: 8, crop: 50, width: 0.6, depth: 0.4 }],
  ] as const)('has the scores of the engine: %s, %o', async (base, factors) => {
    const named = await made(BASES[base], factors);
    const model = onnxModel(named, onnxGraph(named));
    const { largest, clips, agreeing } = await compareWithEngine(model, named, madeClips(named, 4), cpu);
    expect(clips).toBe(4);
    expect(agreeing).toBe(4);
    expect(largest).toBeLessThan(1e-5);
  });

  it.skipIf(tensorFlowMissing !== undefined)('is found out where it is not the same function', async () => {
    const named = await micro();
    const graph = onnxGraph(named);
    const [name, { shape, values }] = [...graph.constants].find(([key]) => key.includes('proj.weight')) as [
      string,
      { shape: readonly number[]; values: Float32Array },
    ];
    const wrong: Graph = {
      ...graph,
      constants: new Map([...graph.constants, [name, { shape, values: values.map((value) => 1.1 * value) }]]),
    };
    const { largest } = await compareWithEngine(onnxModel(named, wrong), named, madeClips(named, 2), cpu);
    expect(largest).toBeGreaterThan(1e-3);
  });

  it('gives a clip the same scores in any batch, which are the softmax of its logits', async () => {
    const named = await micro();
    const session = await openSession(onnxModel(named, onnxGraph(named)), { threads: 1 });
    const [{ clips } = { clips: new Uint8Array() }] = madeClips(named, 2);
    const values = normalised(clips, 2, named.saved.preprocessing);
    const shape = (count: number) => [count, 3, 3, 48, 48];
    const both = await session.run(values, shape(2));
    const second = await session.run(values.subarray(values.length / 2), shape(1));
    const scores = both.scores as Float32Array;
    const logits = both.logits as Float32Array;
    (second.scores as Float32Array).forEach((value, k) => {
      expect(value).toBeCloseTo(scores[3 + k] as number, 6);
    });
    const powers = [...logits.subarray(0, 3)].map(Math.exp);
    const sum = powers.reduce((a, b) => a + b, 0);
    powers.forEach((power, k) => {
      expect(power / sum).toBeCloseTo(scores[k] as number, 5);
    });
    // Else anything would do.
    expect(Math.abs((logits[0] as number) - (logits[3] as number))).toBeGreaterThan(1e-3);
    await session.close();
  });

  it('has each channelwise convolution as one of as many groups as channels, and no batch norm', async () => {
    const { nodes } = onnxGraph(await micro());
    const convolutions = nodes.filter(({ operator }) => operator === 'Conv');
    const grouped = convolutions.filter(({ attributes }) => Number(attributes.group ?? 1) > 1);
    // The stem's, and one of each of the five blocks.
    expect(grouped.map(({ attributes }) => attributes.kernel_shape)).toEqual([
      [5, 1, 1],
      ...Array.from({ length: 5 }, () => [3, 3, 3]),
    ]);
    expect(new Set(nodes.map(({ operator }) => operator))).toEqual(
      new Set(['Conv', 'Relu', 'GlobalAveragePool', 'Sigmoid', 'Mul', 'Add', 'Flatten', 'Gemm', 'Softmax']),
    );
  });

  it('uses names once, and only those that are there by then (any factors)', async () => {
    const factors = fc.record({
      frames: fc.integer({ min: 1, max: 5 }),
      stride: fc.constant(2),
      crop: fc.integer({ min: 32, max: 70 }),
      width: fc.double({ min: 0.3, max: 1.5, noNaN: true }),
      bottleneck: fc.double({ min: 1, max: 3, noNaN: true }),
      depth: fc.double({ min: 0.3, max: 2, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.values(BASES)), factors, async (base, own) => {
        const named: NamedNetwork = await made(base, own);
        const { nodes, constants, inputs, outputs } = onnxGraph(named);
        const known = new Set([...constants.keys(), ...inputs.map(({ name }) => name)]);
        for (const { name, inputs: wanted } of nodes) {
          for (const input of wanted) expect(known).toContain(input);
          expect(known).not.toContain(name);
          known.add(name);
        }
        for (const { name } of outputs) expect(known).toContain(name);
        for (const { shape, values } of constants.values())
          expect(values.length).toBe(shape.reduce((a, b) => a * b, 1));
      }),
      { numRuns: 10 },
    );
  });
});
