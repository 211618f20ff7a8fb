/** The published networks as this project describes them: figures of the paper and of the two public code bases. */
import { describe, expect, test } from 'vitest';
import {
  BASES,
  type BaseNetwork,
  describeNetwork,
  type Factors,
  MODELS,
  roundWidth,
} from '../../src/network/index.js';

const { x2d } = BASES;
/** Channels of the stem and of each stage, outer and inner. */
const channels = (base: BaseNetwork, factors: Factors = MODELS.XL) => {
  const { stem, stages } = describeNetwork(base, factors);
  return {
    stem: stem.spatial.output[3],
    outer: stages.map((blocks) => blocks[0]?.project.output[3]),
    inner: stages.map((blocks) => blocks[0]?.expand.output[3]),
  };
};
const depths = (factors: Factors) => describeNetwork(x2d, factors).stages.map(({ length }) => length);

describe('channel counts', () => {
  test('of X2D are 24, 48, 96 and 192', () => {
    expect(channels(x2d, MODELS.X2D)).toEqual({
      stem: 24,
      outer: [24, 48, 96, 192],
      inner: [24, 48, 96, 192],
    });
  });

  test('of XS have inner widths 2.25 times the outer ones', () => {
    expect(channels(x2d, MODELS.XS).inner).toEqual([54, 108, 216, 432]);
  });

  test('of XL are rounded as PyTorchVideo rounds, with divisor 8', () => {
    expect(channels(x2d)).toEqual({ stem: 32, outer: [32, 72, 136, 280], inner: [72, 162, 306, 630] });
  });

  test('of XL are rounded as SlowFast rounds, with divisor 1', () => {
    expect(channels({ ...x2d, widthDivisor: 1 })).toMatchObject({ stem: 35, outer: [35, 70, 139, 278] });
  });

  test.each([
    [24, 1 / 16, 8, 8],
    [54, 1 / 16, 8, 8],
    [432, 1 / 16, 8, 32],
    // 11 would be rounded to 8, less than nine tenths of it.
    [11, 1, 8, 16],
    [96, 0.01, 8, 8],
  ])('%i times %f, to multiples of %i, are %i', (width, multiplier, divisor, rounded) => {
    expect(roundWidth(width, multiplier, divisor)).toBe(rounded);
  });
});

describe('blocks per stage', () => {
  test.each([
    ['X2D', [1, 2, 5, 3]],
    ['XS', [3, 5, 11, 7]],
    ['L', [5, 10, 25, 15]],
  ] as const)('of %s are %j', (model, expected) => {
    expect(depths(MODELS[model])).toEqual(expected);
  });
});

describe('the layers of X3D-XS', () => {
  const network = describeNetwork(x2d, MODELS.XS);
  const [res2, res3] = network.stages;

  test('begin with a 1x3x3 convolution and a channelwise 5x1x1', () => {
    expect(network.stem.spatial).toMatchObject({
      kernel: [1, 3, 3],
      input: [4, 160, 160, 3],
      output: [4, 80, 80, 24],
    });
    expect(network.stem.temporal).toMatchObject({
      kind: 'channelwise',
      kernel: [5, 1, 1],
      output: [4, 80, 80, 24],
    });
  });

  test('halve the sides once in each stage, in the first channelwise convolution', () => {
    expect(network.stages.map((blocks) => blocks.at(-1)?.project.output.slice(0, 3))).toEqual([
      [4, 40, 40],
      [4, 20, 20],
      [4, 10, 10],
      [4, 5, 5],
    ]);
    expect(res2?.map(({ channelwise }) => channelwise.stride)).toEqual([2, 1, 1]);
    expect(res2?.[0]?.expand.output).toEqual([4, 80, 80, 54]);
  });

  test('have squeeze-excite in every other block, and a shortcut with a convolution in the first alone', () => {
    expect(res3?.map(({ squeezeExcite }) => squeezeExcite !== undefined)).toEqual([
      true,
      false,
      true,
      false,
      true,
    ]);
    expect(res3?.[0]?.squeezeExcite?.reduce).toMatchObject({
      bias: true,
      input: [1, 1, 1, 108],
      output: [1, 1, 1, 8],
    });
    expect(res3?.map(({ shortcut }) => shortcut !== undefined)).toEqual([true, false, false, false, false]);
  });

  test('end in res5 widened, 2048 and the classes, after a mean over all that is left', () => {
    expect(network.head).toMatchObject({
      window: [4, 5, 5],
      expand: { input: [4, 5, 5, 192], output: [4, 5, 5, 432] },
      hidden: { bias: false, input: [1, 1, 1, 432], output: [1, 1, 1, 2048] },
      classifier: { bias: true, output: [1, 1, 1, 400] },
    });
  });

  test('normalise the shortcut that keeps its channels in SlowFast, and not in PyTorchVideo', () => {
    const norms = (shortcutNorm: BaseNetwork['shortcutNorm']) =>
      describeNetwork({ ...x2d, shortcutNorm }, MODELS.XS).stages.map(
        ([first]) => first?.shortcut?.norm !== undefined,
      );
    expect(norms('always')).toEqual([true, true, true, true]);
    expect(norms('where widened')).toEqual([false, true, true, true]);
  });

  test('have several windows in the head where a view is larger than the training crop', () => {
    const { head } = describeNetwork(x2d, MODELS.XS, { crop: 182 });
    expect(head).toMatchObject({
      window: [4, 5, 5],
      hidden: { input: [1, 2, 2, 432] },
      classifier: { input: [1, 2, 2, 2048] },
    });
  });
});
