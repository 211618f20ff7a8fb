/** What holds for every network, whatever its base and factors. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Block,
  clipSpan,
  describeNetwork,
  layersOf,
  shortSides,
  testCrop,
} from '../../src/network/index.js';
import { base, factors } from './arbitraries.js';

/** The layers that a value passes through, in order, without the two branches beside them. */
const mainPath = ({ expand, expandNorm, channelwise, channelwiseNorm, project, projectNorm }: Block) => [
  expand,
  expandNorm,
  channelwise,
  channelwiseNorm,
  project,
  projectNorm,
];

describe('a network', () => {
  test('is a chain: each layer takes what the one before it gives', () => {
    fc.assert(
      fc.property(base, factors, (of, at) => {
        const { input, stem, stages, head } = describeNetwork(of, at);
        const chain = [
          stem.spatial,
          stem.temporal,
          stem.norm,
          ...stages.flat().flatMap(mainPath),
          head.expand,
          head.norm,
        ];
        let shape = input;
        for (const layer of chain) {
          expect(layer.input, layer.name).toEqual(shape);
          shape = layer.output;
        }
        expect(head.hidden.input[3]).toBe(shape[3]);
        expect(head.classifier.input).toEqual(head.hidden.output);
        expect(head.classifier.output[3]).toBe(of.classes);
      }),
    );
  });

  test("adds each block's shortcut to what has its shape, through a convolution where the shape changes", () => {
    fc.assert(
      fc.property(base, factors, (of, at) => {
        for (const { expand, project, shortcut } of describeNetwork(of, at).stages.flat()) {
          if (shortcut) {
            expect(shortcut.convolution.input).toEqual(expand.input);
            expect(shortcut.convolution.output).toEqual(project.output);
          } else expect(expand.input).toEqual(project.output);
        }
      }),
    );
  });

  test('squeezes and excites the channels that it scales', () => {
    fc.assert(
      fc.property(base, factors, (of, at) => {
        for (const { channelwise, squeezeExcite } of describeNetwork(of, at).stages.flat()) {
          if (!squeezeExcite) continue;
          expect(squeezeExcite.reduce.input).toEqual([1, 1, 1, channelwise.output[3]]);
          expect(squeezeExcite.expand.input).toEqual(squeezeExcite.reduce.output);
          expect(squeezeExcite.expand.output).toEqual(squeezeExcite.reduce.input);
        }
      }),
    );
  });

  test('never strides in time, and has sides, channels and frames of at least one', () => {
    fc.assert(
      fc.property(base, factors, (of, at) => {
        for (const { kind, output } of layersOf(describeNetwork(of, at))) {
          if (kind === 'convolution' || kind === 'pointwise' || kind === 'channelwise')
            expect(output[0]).toBe(at.frames);
          expect(Math.min(...output)).toBeGreaterThanOrEqual(1);
          expect(output.every(Number.isInteger)).toBe(true);
        }
      }),
    );
  });

  test('names each layer once, so that weights can be kept under the names', () => {
    fc.assert(
      fc.property(base, factors, (of, at) => {
        const names = layersOf(describeNetwork(of, at)).map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
      }),
    );
  });

  test('has the same layers with the same channels on a larger view', () => {
    fc.assert(
      fc.property(base, factors, (of, at) => {
        const parameters = (crop: number) =>
          layersOf(describeNetwork(of, at, { crop })).map(({ name, input, output }) => [
            name,
            input[3],
            output[3],
          ]);
        expect(parameters(testCrop(at.crop))).toEqual(parameters(at.crop));
      }),
    );
  });
});

describe('a clip', () => {
  test.each([
    [{ frames: 1, stride: 32 }, 1],
    [{ frames: 13, stride: 6 }, 73],
    [{ frames: 16, stride: 5 }, 76],
  ])('of %j covers %i source frames', (clip, span) => {
    expect(clipSpan(clip)).toBe(span);
  });

  test.each([
    [112, 128, { min: 128, max: 160 }],
    [160, 182, { min: 182, max: 228 }],
    [224, 256, { min: 256, max: 320 }],
    [312, 356, { min: 356, max: 445 }],
  ])('of crop %i is tested at %i, and trained on short sides of %j', (crop, tested, sides) => {
    expect(testCrop(crop)).toBe(tested);
    expect(shortSides(crop)).toEqual(sides);
  });
});
