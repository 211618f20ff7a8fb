import { describe, expect, it } from 'vitest';
import { x3d } from './spawning.js';

/** Multiply-adds at the train crop, parameters without and with batch norm, multiply-adds of a test view in 1e9. */
const PUBLISHED = [
  ['X2D', 20_662_304, 1_625_352, 1_633_560, 0.025361],
  ['XS', 605_256_512, 3_762_858, 3_794_322, 0.8439],
  ['S', 1_962_892_112, 3_762_858, 3_794_322, 2.727],
  ['M', 4_732_468_736, 3_762_858, 3_794_322, 6.1857],
  ['L', 18_367_710_176, 6_087_120, 6_153_432, 24.7776],
  ['XL', 35_837_627_616, 11_000_260, 11_095_904, 48.4237],
] as const;

interface Description {
  readonly multiplyAdds: number;
  readonly test: {
    readonly view: { readonly multiplyAdds: number };
    readonly center: object;
    readonly leftCenterRight: object;
  };
  readonly layers: readonly { readonly multiplyAdds: number; readonly parameters: number }[];
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe('describe', () => {
  it.each(PUBLISHED)(
    'gives the published figures of %s',
    async (model, multiplyAdds, parameters, withNorm, view) => {
      const { stdout, code } = await x3d('describe', '--model', model, '--json');
      expect(code).toBe(0);
      const found = JSON.parse(stdout) as Description;
      expect(found).toMatchObject({ multiplyAdds, parameters, parametersWithBatchNorm: withNorm });
      expect(sum(found.layers.map((layer) => layer.multiplyAdds))).toBe(multiplyAdds);
      expect(sum(found.layers.map((layer) => layer.parameters))).toBe(withNorm);
      const one = found.test.view.multiplyAdds;
      expect(Math.abs(one / 1e9 / view - 1)).toBeLessThan(0.001);
      expect(found.test).toMatchObject({
        center: { views: 10, multiplyAdds: 10 * multiplyAdds },
        leftCenterRight: { views: 30, multiplyAdds: 30 * one },
      });
    },
  );

  it('comes to the same network by name and by factors', async () => {
    const byName = await x3d('describe', '--model', 'XS', '--json');
    const byFactors = await x3d(
      ...'describe --base x2d --frames 4 --stride 12 --crop 160 --width 1 --bottleneck 2.25 --depth 2.2 --json'.split(
        ' ',
      ),
    );
    expect(JSON.parse(byFactors.stdout)).toEqual(JSON.parse(byName.stdout));
  });

  it('names every layer with its shapes', async () => {
    const { stdout } = await x3d('describe', '--json');
    const { layers } = JSON.parse(stdout) as Description;
    expect(layers[0]).toEqual({
      name: 'blocks.0.conv.conv_t',
      kind: 'convolution',
      input: [1, 112, 112, 3],
      output: [1, 56, 56, 24],
      multiplyAdds: 56 * 56 * 24 * 27,
      parameters: 648,
      activationBytes: 4 * 56 * 56 * 24,
    });
  });

  it('prints a table with the totals of the train crop, one view and all views', async () => {
    const { stdout } = await x3d('describe', '--base', 'x2d-micro', '--classes', '6');
    expect(stdout).toMatch(/blocks\.0\.conv\.conv_t .* convolution .* 1x24x24x8 /);
    expect(stdout).toContain('train crop   48 px: 809,040 multiply-adds');
    expect(stdout).toMatch(/test view +54 px: [\d,]+ multiply-adds/);
    expect(stdout).toMatch(
      /10-Center \(at the train crop\): [\d,]+ multiply-adds; 10-LeftCenterRight \(30 test views\): [\d,]+/,
    );
  });
});
