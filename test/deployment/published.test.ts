/** Weights as PyTorchVideo publishes them, in the commands that take them: made by its own hub, since none are at hand. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onnxGraph, onnxModel } from '../../src/deployment/exporting.js';
import { LOGITS } from '../../src/deployment/onnx/drawing.js';
import { openSession } from '../../src/deployment/onnx/runtime.js';
import { startNamed } from '../../src/deployment/starting.js';
import { homeAt } from '../../src/home.js';
import { BASES, describeNetwork, MODELS } from '../../src/network/index.js';
import { randomOf } from '../../src/random.js';
import { layoutOf } from '../../src/training/engine/parameters.js';
import { readSafetensors } from '../../src/training/engine/safetensors.js';
import { exportWeights } from '../../src/training/engine/weights.js';
import { startFrom } from '../../src/training/pretrained.js';
import { publishedNetwork } from '../../src/training/saved.js';
import { smallVideos, type Videos } from '../cli/searches.js';
import { x3d } from '../cli/spawning.js';
import { SCRIPTED_TRAINER } from '../workers/candidates.js';

/** Where X3D_TORCH_PYTHON names none, the first on the PATH, if it has what is needed. */
const python = process.env.X3D_TORCH_PYTHON ?? 'python3';
const needed = 'torch, pytorchvideo, fvcore, iopath';
const live = spawnSync(python, ['-c', `import ${needed}`]).status === 0;
const script = fileURLToPath(new URL('python/published.py', import.meta.url));

const CLIPS = 2;
const { frames, crop } = MODELS.XS;
/** Of its classifier. */
const CLASSIFIER = 'blocks.5.proj.';
/** The one norm of a shortcut that PyTorchVideo does without: here it begins as one that changes nothing. */
const ADDED = 'blocks.1.res_blocks.0.branch1_norm.';
const ADDED_SIZE = 2 * 24;

describe.skipIf(!live)(`x3d_xs.pyth of PyTorchVideo's hub (needs ${needed}; X3D_TORCH_PYTHON)`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'x3d-published-'));
  const file = join(folder, 'x3d_xs.pyth');
  const random = randomOf('values');
  const values = Float32Array.from(
    { length: CLIPS * 3 * frames * crop * crop },
    () => 4 * random.uniform() - 2,
  );
  /** As PyTorch computes them. */
  let expected: number[][];
  let videos: Videos;
  beforeAll(() => {
    videos = smallVideos();
    writeFileSync(join(folder, 'values'), values);
    expected = JSON.parse(
      execFileSync(python, [
        ...[script, 'x3d_xs', file, join(folder, 'values')],
        ...[CLIPS, frames, crop].map(String),
      ]).toString(),
    ) as number[][];
  }, 300_000);
  afterAll(() => {
    videos?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('has the same logits here', { timeout: 300_000 }, async () => {
    const logits = expected.flat();
    const saved = await publishedNetwork('XS', file);
    const classes = Array.from({ length: 400 }, (_, label) => String(label));
    const named = { name: 'XS', folder, saved, classes };
    const session = await openSession(onnxModel(named, onnxGraph(named)), { threads: 1 });
    const { [LOGITS]: found = new Float32Array() } = await session.run(values, [
      CLIPS,
      3,
      frames,
      crop,
      crop,
    ]);
    await session.close();
    expect(found).toHaveLength(CLIPS * 400);
    const size = Math.max(...logits.map(Math.abs));
    for (const [i, value] of found.entries())
      expect(Math.abs(value - (logits[i] as number)) / size).toBeLessThan(1e-5);
    // Else anything would do.
    expect(Math.abs((logits[0] as number) - (logits[400] as number)) / size).toBeGreaterThan(1e-4);
  });

  it('is what train and run start from, all but its classifier', { timeout: 300_000 }, async () => {
    const home = join(folder, 'home');
    const at = [videos.path, ...videos.flags, '--from', file, '--home', home, '--json'];
    const trained = await x3d('train', ...at, '--model', 'XS', '--trainer', SCRIPTED_TRAINER);
    expect(trained.stderr).toBe('');
    const start = trained.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
      .find(({ kind }) => kind === 'start');
    for (const { part, loaded, mapped, drawn } of start.parts)
      if (part === 'classifier') expect([loaded, mapped]).toEqual([0, 0]);
      else
        expect([part, loaded > 0, mapped, drawn]).toEqual([
          part,
          true,
          part === 'stage 1' ? ADDED_SIZE : 0,
          0,
        ]);

    // What a search keeps of them: the same id, and every value where XS has it.
    const { pretrained } = await startNamed(file, homeAt(home));
    expect(pretrained.id).toBe(start.weights);
    const network = describeNetwork(BASES.x2d, MODELS.XS, { classes: 6 });
    const layout = layoutOf(network);
    const classes = ['a', 'b', 'c', 'd', 'e', 'f'];
    const { weights, origins } = startFrom(pretrained, { network, layout, classes, seed: 0 });
    const begun = readSafetensors(exportWeights(network, layout, weights), 'its start');
    for (const { name, kind } of origins) {
      const expected = name.startsWith(CLASSIFIER) ? 'new' : name.startsWith(ADDED) ? 'mapped' : 'loaded';
      expect([name, kind]).toEqual([name, expected]);
      if (kind === 'loaded') expect(begun.get(name)).toEqual(pretrained.tensors.get(name));
    }
    const planned = await x3d('run', ...at, '--base', 'x2d', '--target', '600M', '--dry-run');
    expect(planned.code).toBe(0);
    expect(JSON.parse(planned.stdout).configuration.from.weights).toBe(start.weights);
  });
});
