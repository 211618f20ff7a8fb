/** The ONNX file computes what the engine computes, whatever the network, and whatever the batch. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareWithEngine, madeClips, onnxGraph, onnxModel } from '../../src/deployment/exporting.js';
import { type NamedNetwork, networkNamed } from '../../src/deployment/named.js';
import { encodeModel } from '../../src/deployment/onnx/encoding.js';
import type { Graph } from '../../src/deployment/onnx/graph.js';
import {
  activationsIn,
  observed,
  quantised,
  type Range,
  rangeIn,
} from '../../src/deployment/onnx/quantizing.js';
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

describe('the model in 8 bits', () => {
  const shape = [2, 3, 3, 48, 48];

  async function madeSmall() {
    const named = await micro();
    const graph = onnxGraph(named);
    const [{ clips } = { clips: new Uint8Array() }] = madeClips(named, 2);
    const values = normalised(clips, 2, named.saved.preprocessing);
    const activations = activationsIn(graph);
    const session = await openSession(encodeModel(observed(graph, activations), {}), { threads: 1 });
    const outputs = await session.run(values, shape);
    await session.close();
    const ranges = new Map<string, Range>(activations.map((name) => [name, rangeIn(outputs, name)]));
    return { named, graph, values, ranges, small: quantised(graph, ranges) };
  }

  it('has scores near those of single precision, in a smaller file', async () => {
    const { named, graph, values, small } = await madeSmall();
    const models = [onnxModel(named, graph), onnxModel(named, small)];
    expect(models[1]?.length).toBeLessThan(0.65 * (models[0]?.length ?? 0));
    const scores = await Promise.all(
      models.map(async (model) => {
        const session = await openSession(model, { threads: 1 });
        const { scores: own = new Float32Array() } = await session.run(values, shape);
        await session.close();
        return own;
      }),
    );
    scores[0]?.forEach((score, k) => {
      expect(Math.abs(score - (scores[1]?.[k] ?? Number.NaN))).toBeLessThan(0.05);
    });
    expect(scores[1]).not.toEqual(scores[0]);
  });

  it('takes every convolution and linear layer on whole numbers, with a scale for each channel of its weights', async () => {
    const { graph, small } = await madeSmall();
    const made = new Map(small.nodes.map((node) => [node.name, node]));
    const layers = small.nodes.filter(({ operator }) => operator === 'Conv' || operator === 'Gemm');
    expect(layers).toHaveLength(
      graph.nodes.filter(({ operator }) => operator === 'Conv' || operator === 'Gemm').length,
    );
    for (const { name, inputs } of layers) {
      for (const input of inputs) expect(made.get(input)?.operator, name).toBe('DequantizeLinear');
      const [whole = '', scale = ''] = made.get(inputs[1] ?? '')?.inputs ?? [];
      expect(small.constants.get(whole)?.values).toBeInstanceOf(Int8Array);
      expect(small.constants.get(scale)?.shape).toEqual([small.constants.get(whole)?.shape[0]]);
    }
    // The scores leave as they are.
    expect(small.outputs).toEqual(graph.outputs);
  });

  it('is within half a step of every weight', async () => {
    const { graph, small } = await madeSmall();
    for (const [name, { shape: own, values }] of graph.constants) {
      if (!name.endsWith('.weight')) continue;
      const whole = small.constants.get(name)?.values as Int8Array;
      const scales = small.constants.get(`${name}.scale`)?.values as Float32Array;
      const each = values.length / (own[0] ?? 1);
      values.forEach((value, i) => {
        const scale = scales[Math.floor(i / each)] as number;
        expect(Math.abs(value - scale * (whole[i] as number))).toBeLessThan(0.501 * scale);
      });
    }
  });
});
