/** Weights of others: every way in which PyTorch and its users write them, and what is no such file. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { unzipSync, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { BASES, type BaseNetwork, describeNetwork, MODELS } from '../../src/network/index.js';
import { architectureOf, baseWith, knownAs } from '../../src/training/engine/architecture.js';
import { inheritWeights } from '../../src/training/engine/inheritance.js';
import { initialParameters, initialStatistics, layoutOf } from '../../src/training/engine/parameters.js';
import {
  readSafetensors,
  type StoredTensor,
  writeSafetensors,
} from '../../src/training/engine/safetensors.js';
import { exportWeights, importWeights } from '../../src/training/engine/weights.js';
import { ancestorFrom, readWeights } from '../../src/training/weights.js';

const clip = { frames: 2, stride: 2, crop: 16 };
const base: BaseNetwork = {
  ...BASES['x2d-micro'],
  factors: { ...clip, width: 1, bottleneck: 1.5, depth: 1 },
  stemWidth: 4,
  stages: [
    { width: 4, depth: 1 },
    { width: 8, depth: 3 },
  ],
  headWidth: 8,
  classes: 3,
  widthDivisor: 1,
  innerDivisor: 1,
  shortcutNorm: 'always',
};
const network = describeNetwork(base, base.factors);
const layout = layoutOf(network);
const shapes: Readonly<Record<string, readonly number[]>> = Object.fromEntries([
  ...layout.parameters.map(({ name, torchShape }) => [name, torchShape]),
  ...layout.statistics.flatMap(({ name, channels }) => [
    [`${name}.running_mean`, [channels]],
    [`${name}.running_var`, [channels]],
  ]),
]);
/** As `values` in make_checkpoints.py. */
const expected = new Map<string, StoredTensor>(
  Object.entries(shapes).map(([name, shape]) => [
    name,
    {
      shape,
      values: Float32Array.from(
        { length: shape.reduce((a, b) => a * b, 1) },
        (_, i) => ((i * 37) % 64) / 32 + 0.5,
      ),
    },
  ]),
);

const folder = mkdtempSync(join(tmpdir(), 'x3d-weights-'));
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/checkpoints/${name}`, import.meta.url));
const written = (name: string, bytes: Uint8Array | string) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};
const refusal = async (file: string) => {
  const error = await readWeights(file).catch((cause: Error) => cause);
  expect(error).toMatchObject({ name: 'X3dError', kind: 'data', facts: { subject: file } });
  return (error as Error).message;
};

const python = process.env.X3D_TORCH_PYTHON ?? 'python3';
const torch = spawnSync(python, ['-c', 'import torch']).status === 0;
if (torch) {
  const script = fileURLToPath(new URL('engine/checkpoints/make_checkpoints.py', import.meta.url));
  execFileSync(python, [script, folder, JSON.stringify(shapes)]);
}

describe('a checkpoint of SlowFast', () => {
  it('is read under PyTorchVideo’s names, without its optimizer', async () => {
    const { format, names, tensors } = await readWeights(fixture('slowfast.pyth'));
    expect([format, names]).toEqual(['torch', 'slowfast']);
    expect(tensors).toEqual(expected);
  });

  it('may be safetensors', async () => {
    const file = written(
      'slowfast.safetensors',
      writeSafetensors(
        new Map([
          ['s1.pathway0_stem.conv_xy.weight', expected.get('blocks.0.conv.conv_t.weight') as StoredTensor],
          ['s1.pathway0_stem.conv.weight', expected.get('blocks.0.conv.conv_xy.weight') as StoredTensor],
        ]),
        {},
      ),
    );
    const found = await readWeights(file);
    expect(found.names).toBe('slowfast');
    expect([...found.tensors.keys()].sort()).toEqual([
      'blocks.0.conv.conv_t.weight',
      'blocks.0.conv.conv_xy.weight',
    ]);
    expect(() => importWeights(network, layout, found)).toThrow(
      /slowfast\.safetensors: blocks\.1\..*: expected a tensor of shape .*, got none of that name/,
    );
  });
});

describe.skipIf(!torch)(
  'a checkpoint that PyTorch has just written (needs Python with torch, X3D_TORCH_PYTHON)',
  () => {
    it.each([
      'plain.pth',
      'model_state.pyth',
      'protocol4.pth',
      'half.pth',
      'bfloat16.pth',
      'double.pth',
      'parameters.pth',
      'one_storage.pth',
      'channels_last.pth',
      'lightning.ckpt',
      'slowfast.pyth',
    ])('%s holds the same tensors', async (name) => {
      const { tensors, format } = await readWeights(join(folder, name));
      expect(format).toBe('torch');
      const floats = new Map([...tensors].filter(([key]) => !key.endsWith('num_batches_tracked')));
      expect(floats).toEqual(expected);
    });

    it.each([
      ['whole_model.pth', /got a whole torch\.nn\.modules\.container\.Sequential\. Save its state_dict\(\)/],
      ['resnet.pth', /expected the tensors of an X3D, .*got 2: weight, bias/],
      ['number.pth', /one without a dictionary of tensors/],
      ['script.pt', /a TorchScript program/],
      ['old.pth', /before version 1\.6\. Convert it: python -c "import sys, torch; torch\.save/],
    ])('%s is refused by name', async (name, message) => {
      expect(await refusal(join(folder, name))).toMatch(message);
    });

    it('is read once it was converted as the refusal says', { timeout: 240_000 }, async () => {
      const [, command = ''] =
        /Convert it: python (-c ".*") OLD NEW$/.exec(await refusal(join(folder, 'old.pth'))) ?? [];
      execFileSync('sh', ['-c', `${python} ${command} old.pth new.pth`], { cwd: folder });
      const { tensors } = await readWeights(join(folder, 'new.pth'));
      expect(tensors).toEqual(expected);
    });
  },
);

describe('what is no whole file of weights', () => {
  it('is refused where it is not there, or a folder', async () => {
    expect(await refusal(join(folder, 'none.pth'))).toMatch(/got no such file/);
    expect(await refusal(folder)).toMatch(/got a folder/);
  });

  it('is refused where it is of an old PyTorch', async () => {
    expect(await refusal(fixture('old.pth'))).toMatch(/before version 1\.6\. Convert it: python -c/);
  });

  const good = new Uint8Array(readFileSync(fixture('slowfast.pyth')));
  const files = unzipSync(good);
  const key = (end: string) => Object.keys(files).find((name) => name.endsWith(end)) ?? '';
  const changed = (change: Record<string, Uint8Array>, level: 0 | 9 = 0) =>
    zipSync({ ...files, ...change }, { level });
  const pickled = (from: string, to: string) => {
    const pickle = Buffer.from(files[key('data.pkl')] as Uint8Array);
    expect(pickle.indexOf(from, 'latin1')).toBeGreaterThan(0);
    return changed({ [key('data.pkl')]: Buffer.from(pickle.toString('latin1').replace(from, to), 'latin1') });
  };

  it.each([
    ['cut short', () => good.subarray(0, good.length - 1000), /a damaged zip archive/],
    ['without its pickle', () => zipSync({ 'a/b': new Uint8Array(3) }, { level: 0 }), /without data\.pkl/],
    [
      'of nothing but x',
      () => zipSync({ 'a/data.pkl': new Uint8Array(5000).fill(0x78) }, { level: 0 }),
      /data\.pkl is damaged: no pickle of protocol 2 to 5/,
    ],
    ['compressed', () => changed({}, 9), /was compressed \(.*data\.pkl\)\. Pack it anew/],
    [
      'without a storage',
      () => changed({ [key('data/0')]: new Uint8Array(4) }),
      /4 bytes for blocks|4 bytes for s1/,
    ],
    [
      'with a storage that is another thing',
      () => pickled('storage', 'stowage'),
      /a reference to what is no storage/,
    ],
    [
      'that calls something else for its tensors',
      () => pickled('_rebuild_tensor_v2', '_rebuild_reboot_v2'),
      /without a dictionary of tensors|expected the tensors of an X3D/,
    ],
    // [4, 3, 1, 3, 3] of the stem, as K 4 K 3 K 1 K 3 K 3: 255 x 255 x ... does not fit.
    [
      'of tensors larger than their storage',
      () => pickled('(K\x04K\x03K\x01K\x03K\x03t', '(K\xffK\xffK\xffK\xffK\xfft'),
      /a tensor of shape \[255, 255, 255, 255, 255\]/,
    ],
  ] as const)('is refused where it is a checkpoint %s', async (name, bytes, message) => {
    expect(await refusal(written(`${name}.pth`, bytes()))).toMatch(message);
  });

  it('is read or refused, whatever byte of it changed', async () => {
    const pickleAt = Buffer.from(good).indexOf('model_state');
    for (let i = 0; i < 60; i++) {
      const bytes = good.slice();
      const at = i < 40 ? pickleAt - 60 + 97 * i : good.length - 1 - 53 * i;
      bytes[at] = (bytes[at] as number) ^ (1 << (i % 8));
      const file = written('changed.pth', bytes);
      const error = await readWeights(file).catch((cause: Error) => cause);
      if (error instanceof Error) expect(error.name, error.stack).toBe('X3dError');
    }
  });
});

describe('weights of another network', () => {
  const stored = (tensors: ReadonlyMap<string, StoredTensor>) => ({ file: 'x3d.pth', tensors });
  const exported = (of: BaseNetwork, factors = of.factors) => {
    const made = describeNetwork(of, factors);
    const own = layoutOf(made);
    const weights = { parameters: initialParameters(own, 1), statistics: initialStatistics(own) };
    return stored(readSafetensors(exportWeights(made, own, weights), 'x3d.pth'));
  };
  const into = (of: BaseNetwork, factors = of.factors, classes = of.classes) => {
    const made = describeNetwork(of, factors, { classes });
    return (weights: ReturnType<typeof stored>) => importWeights(made, layoutOf(made), weights);
  };
  const micro = BASES['x2d-micro'];

  it('are refused with the network that they are of', () => {
    expect(() => into(micro)(exported(micro, { ...micro.factors, width: 1.5, depth: 2 }))).toThrow(
      /x3d\.pth: blocks.*: expected a tensor of shape .* The weights are those of base x2d-micro at width 1\.5, bottleneck 2\.25, depth 1\.6 with 10 classes: give that network/,
    );
  });

  it('are refused where they have more blocks than the network', () => {
    expect(() => into(micro)(exported(micro, { ...micro.factors, depth: 2 }))).toThrow(
      /x3d\.pth: blocks\.1\.res_blocks\.1\..*: expected no tensor of that name, got \[.*depth 1\.6/,
    );
  });

  it('are known by the published name', () => {
    const named = Object.entries(MODELS).map(([name, factors]) => [
      name,
      knownAs(architectureOf(describeNetwork(BASES.x2d, factors, { classes: 7 }))),
    ]);
    expect(Object.fromEntries(named)).toEqual({
      X2D: 'X2D with 7 classes',
      XS: 'XS, S, M with 7 classes',
      S: 'XS, S, M with 7 classes',
      M: 'XS, S, M with 7 classes',
      L: 'L with 7 classes',
      XL: 'XL with 7 classes',
    });
  });

  it('give a network to inherit from, whatever they are of', () => {
    for (const [of, factors] of [
      [base, base.factors],
      [micro, { ...micro.factors, width: 1.35, bottleneck: 3.1, depth: 1.7 }],
      [BASES.x2d, { ...MODELS.XS, depth: 1 }],
    ] as const) {
      const weights = exported(of, factors);
      const ancestor = ancestorFrom(weights, clip);
      expect(architectureOf(ancestor.network)).toEqual({
        ...architectureOf(describeNetwork(of, factors)),
        // PyTorchVideo's names have no norm there.
        shortcutNorm: 'where widened',
      });
      // The same network inherits all of them.
      const heir = describeNetwork({ ...of, shortcutNorm: 'where widened' }, factors);
      const own = layoutOf(heir);
      const initial = { parameters: initialParameters(own, 2), statistics: initialStatistics(own) };
      const { weights: inherited } = inheritWeights(ancestor, {
        network: heir,
        layout: own,
        initial,
        seed: 0,
      });
      const back = readSafetensors(exportWeights(heir, own, inherited), 'x3d.pth');
      expect(Buffer.from(writeSafetensors(back, {})).equals(writeSafetensors(weights.tensors, {}))).toBe(
        true,
      );
    }
  });

  it('tell their shapes, whatever the factors of a base: a training starts from any run’s network', () => {
    const twentieths = (min: number, max: number) =>
      fc.integer({ min: 20 * min, max: 20 * max }).map((n) => n / 20);
    const factors = fc.record({
      width: twentieths(0.5, 4),
      bottleneck: twentieths(0.5, 9),
      depth: twentieths(0.5, 3),
    });
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(BASES)), factors, (of: BaseNetwork, own) => {
        const architecture = architectureOf(describeNetwork(of, { ...of.factors, ...own }));
        const found = baseWith(architecture, clip);
        expect(found && architectureOf(describeNetwork(found, found.factors))).toEqual(architecture);
      }),
    );
  });
});
