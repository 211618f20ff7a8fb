/** Exported networks in Python's own libraries: onnxruntime, and PyTorchVideo by the file that is written beside the weights. */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { metadataOf, onnxGraph, onnxModel, torchWeights } from '../../src/deployment/exporting.js';
import { networkNamed } from '../../src/deployment/named.js';
import { TORCH_SCRIPT, TORCH_WEIGHTS, torchScript } from '../../src/deployment/torch.js';
import { homeAt } from '../../src/home.js';
import { BASES } from '../../src/network/index.js';
import { randomOf } from '../../src/random.js';
import { temporaryFolder } from '../data/videos.js';
import { writeNetwork } from './networks.js';

/** Where X3D_TORCH_PYTHON names none, the first on the PATH, if it has what is needed. */
const python = process.env.X3D_TORCH_PYTHON ?? 'python3';
const needed = 'torch, pytorchvideo, fvcore, iopath, safetensors, onnx, onnxruntime';
const live = spawnSync(python, ['-c', `import ${needed}`]).status === 0;
const script = fileURLToPath(new URL('python/logits.py', import.meta.url));

const NETWORKS = [
  ['x2d-micro', { frames: 3, stride: 2, crop: 57, width: 1.35, depth: 2 }],
  ['x2d', { frames: 2, stride: 12, crop: 64, bottleneck: 2.25, depth: 2.2 }],
  // Its channels are not multiples of eight times X2D's.
  ['x2d', { frames: 4, stride: 3, crop: 50, width: 0.7, bottleneck: 1.75, depth: 0.4 }],
] as const;

describe.skipIf(!live)(`in Python (needs ${needed}; X3D_TORCH_PYTHON)`, () => {
  it.each(NETWORKS)(
    '%s %o has the same logits in onnxruntime and in PyTorch',
    { timeout: 300_000 },
    async (base, own) => {
      const folder = temporaryFolder();
      const factors = { ...BASES[base].factors, ...own };
      const classes = ['naïve "move"', "l'arrêt", 'c\\d', 'plain'];
      const named = await networkNamed(
        writeNetwork(join(folder, 'net'), {
          base: BASES[base],
          factors,
          classes,
          preprocessing: { rate: 30 },
        }),
        homeAt(folder),
      );
      writeFileSync(join(folder, 'net.onnx'), onnxModel(named, onnxGraph(named)));
      writeFileSync(join(folder, TORCH_SCRIPT), torchScript(named));
      writeFileSync(join(folder, TORCH_WEIGHTS), torchWeights(named.saved, metadataOf(named)));
      const random = randomOf('pixels');
      const { frames, crop } = factors;
      writeFileSync(
        join(folder, 'clips'),
        Uint8Array.from({ length: 2 * frames * crop * crop * 3 }, () => random.whole(256)),
      );
      const made = JSON.parse(
        execFileSync(python, [
          script,
          join(folder, 'net.onnx'),
          folder,
          join(folder, 'clips'),
          ...[frames, 2, crop].map(String),
        ]).toString(),
      ) as {
        onnx: number[][];
        oneByOne: number[][];
        torch: number[][];
        classes: string[];
        metadata: Record<string, string>;
      };
      const size = Math.max(...made.torch.flat().map(Math.abs));
      for (const [i, value] of made.torch.flat().entries()) {
        expect(Math.abs(value - (made.onnx.flat()[i] as number)) / size).toBeLessThan(1e-5);
        expect(Math.abs(value - (made.oneByOne.flat()[i] as number)) / size).toBeLessThan(1e-5);
      }
      // Else anything would do.
      const [[first = 0] = [], [other = 0] = []] = made.torch;
      expect(Math.abs(first - other) / size).toBeGreaterThan(1e-4);
      expect(made.classes).toEqual(classes);
      const { metadata } = made;
      expect(JSON.parse(metadata.classes ?? '')).toEqual(classes);
      expect(JSON.parse(metadata.mean ?? '')).toEqual([0.4, 0.4, 0.4]);
      expect(JSON.parse(metadata.std ?? '')).toEqual([0.25, 0.25, 0.25]);
      expect(metadata).toMatchObject({
        frames: String(frames),
        stride: String(factors.stride),
        rate: '30',
        crop: String(crop),
        short_side: String(Math.floor((crop * 8) / 7)),
        channels: 'RGB',
      });
    },
  );
});
