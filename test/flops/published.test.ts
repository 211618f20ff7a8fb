/** What the published networks cost, digit for digit (arXiv 2004.04730, tables 2 and 3, and the public model zoos). */
import { describe, expect, test } from 'vitest';
import { networkCost } from '../../src/flops/cost.js';
import { BASES, describeNetwork, MODELS, testCrop } from '../../src/network/index.js';

const { x2d } = BASES;

describe('a published network', () => {
  test.each([
    ['X2D', 20_662_304, 1_625_352, 1_633_560],
    ['XS', 605_256_512, 3_762_858, 3_794_322],
    ['S', 1_962_892_112, 3_762_858, 3_794_322],
    ['M', 4_732_468_736, 3_762_858, 3_794_322],
    ['L', 18_367_710_176, 6_087_120, 6_153_432],
    ['XL', 35_837_627_616, 11_000_260, 11_095_904],
  ] as const)(
    '%s costs %i multiply-adds, and has %i parameters, %i with batch norm',
    (model, multiplyAdds, parameters, parametersWithBatchNorm) => {
      expect(networkCost(describeNetwork(x2d, MODELS[model]))).toMatchObject({
        multiplyAdds,
        parameters,
        parametersWithBatchNorm,
      });
    },
  );

  test.each([
    ['XS', 0.8439e9],
    ['S', 2.727e9],
    ['M', 6.1857e9],
    ['L', 24.7776e9],
    ['XL', 48.4237e9],
  ] as const)('%s costs %f for one view of the test crop, within a thousandth', (model, published) => {
    const factors = MODELS[model];
    const { multiplyAdds } = networkCost(describeNetwork(x2d, factors, { crop: testCrop(factors.crop) }));
    expect(Math.abs(multiplyAdds / published - 1)).toBeLessThan(0.001);
  });

  test('S would cost 2,113,740,512 with 14 frames', () => {
    expect(networkCost(describeNetwork(x2d, { ...MODELS.S, frames: 14 })).multiplyAdds).toBe(2_113_740_512);
  });

  test('XL has fewer parameters with the rounding of SlowFast', () => {
    const { parameters } = networkCost(describeNetwork({ ...x2d, widthDivisor: 1 }, MODELS.XL));
    expect(parameters).not.toBe(11_000_260);
  });
});
