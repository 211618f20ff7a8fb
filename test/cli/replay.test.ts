import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AXES } from '../../src/network/index.js';
import { temporaryFolder, x3d } from './spawning.js';

const WINNERS = ['b', 'tau', 's', 'd', 't', 'tau', 't', 's', 's', 'd', 'w'];
/** Published: to the digit where the instance is, else the steps' rounded GF. */
const STEPS = [
  40_996_040, 80_209_520, 153_402_560, 303_559_712, 605_256_512, 1_208_650_112, 2_415_437_312, 4_732_468_736,
  9_451_559_360, 18_367_710_176, 35_837_627_616,
];

const row = (step: number, axis: string) =>
  `${step},Kinetics,${axis},${axis === WINNERS[step - 1] ? 60.5 : 60}`;
const PUBLISHED = [
  'step,data,axis,top1',
  ...WINNERS.flatMap((_, index) => AXES.map((axis) => row(index + 1, axis))),
];

function table(lines: readonly string[]): string {
  const path = join(temporaryFolder(), 'results.csv');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

describe('replay', () => {
  it('of the published winners comes to the published networks, digit for digit', async () => {
    const { stdout, code } = await x3d(
      'replay',
      '--table',
      table(PUBLISHED),
      '--target',
      '35837627616',
      '--json',
    );
    expect(code).toBe(0);
    const { base, steps, contraction, final } = JSON.parse(stdout);
    expect(base).toMatchObject({ name: 'x2d', multiplyAdds: 20_662_304 });
    expect(steps.map(({ axis }: { axis: string }) => axis)).toEqual(WINNERS);
    expect(steps.map(({ multiplyAdds }: { multiplyAdds: number }) => multiplyAdds)).toEqual(STEPS);
    expect(steps[1]).toMatchObject({ tiedAxes: ['tau', 't'], frames: 2, stride: 16 });
    expect(steps[4]).toMatchObject({
      frames: 4,
      stride: 12,
      crop: 160,
      width: 1,
      bottleneck: 2.25,
      depth: 2.2,
    });
    expect(steps[7]).toMatchObject({ frames: 16, stride: 5, crop: 224 });
    expect(contraction).toBeUndefined();
    expect(final).toMatchObject({ crop: 312, width: 1.45, depth: 5, parameters: 11_000_260 });
  });

  it('to 2G takes the last step back to the 13 frames of X3D-S', async () => {
    const { stdout } = await x3d('replay', '--table', table(PUBLISHED), '--target', '2G', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      contraction: { axis: 't', from: { frames: 16 }, to: { frames: 13 }, multiplyAdds: 1_962_892_112 },
      final: { frames: 13, crop: 160, multiplyAdds: 1_962_892_112 },
    });
  });

  it('prints each step: winner, change, clip, crop, multiply-adds; then the contraction', async () => {
    const { stdout } = await x3d('replay', '--table', table(PUBLISHED), '--target', '2G');
    expect(stdout).toMatch(
      / 1 .* b .* bottleneck 1 -> 2\.25 .* 1x32 .* 112 .* 40,996,040 .* 60\.5 +(accuracy|only candidate) *$/m,
    );
    expect(stdout).toMatch(/ 2 .* tau = t .* clip 1x32 -> 2x16 .* 80,209,520 /);
    expect(stdout).toContain('contraction of t to 2G: clip 16x5 -> 13x5');
    expect(stdout).toContain(
      'final: 13x5, crop 160, width 1, bottleneck 2.25, depth 2.2: 1,962,892,112 multiply-adds',
    );
  });

  const without = (gone: string) => PUBLISHED.filter((line) => line !== gone);
  it.each([
    ['a needed row missing', without(row(3, 'd')), 'expected a row for step 3, axis d, got none'],
    [
      'both rows of a network missing',
      without(row(2, 't')).filter((line) => line !== row(2, 'tau')),
      'expected a row for step 2, axis tau or t, got none',
    ],
    ['a column missing', PUBLISHED.map((line) => line.replace('axis', 'axes')), 'expected a column "axis"'],
    [
      'an axis that there is not',
      [...PUBLISHED, '12,,q,1'],
      'expected an axis, one of tau, t, s, d, w, b, got "q"',
    ],
    [
      'an accuracy that is no number',
      [...PUBLISHED, '12,,d,high'],
      'line 68: expected a number as top1, got "high"',
    ],
    ['a step that is no number', [...PUBLISHED, 'x,,d,1'], 'expected a step, a whole number from 1, got "x"'],
    [
      'a row twice',
      [...PUBLISHED, row(1, 'd')],
      'expected one row for each step and axis, got two for step 1, axis d',
    ],
    ['a short row', [...PUBLISHED, '12,d'], 'line 68: expected 4 values, as in the head, got 2'],
  ])('refuses a table with %s', async (_, lines, message) => {
    const { stderr, code, stdout } = await x3d('replay', '--table', table(lines), '--target', '35837627616');
    expect({ stdout, code }).toEqual({ stdout: '', code: 2 });
    expect(stderr).toContain(message);
  });

  it('needs no rows of axes that can not move, nor of steps beyond the end', async () => {
    const short = PUBLISHED.slice(0, 1 + 7 * AXES.length);
    expect((await x3d('replay', '--table', table(short), '--target', '2G')).code).toBe(0);
  });
});
