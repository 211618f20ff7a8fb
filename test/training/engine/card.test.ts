/**
 * The card's kernels without a card. Their source is compiled for the host, where a launch is a loop over blocks and
 * threads, and stands in for the CPU's own kernels; and it is compiled for cards, as far as NVRTC is there.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Tensor, Tensor4D, Tensor5D } from '@tensorflow/tfjs-node-gpu';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { nativeAvailable, run } from '../../../src/training/engine/operations/native/kernels.js';
import { plain } from '../../../src/training/engine/operations/plain.js';
import { tf } from '../../../src/training/engine/tensorflow.js';
import { holdToReference } from './held.js';

interface Setup {
  header(): Promise<string>;
  cardSource(): string;
  librariesOf(build: string): string;
  cudaLibraries(): string | undefined;
  nvrtcLibrary(): string | undefined;
}
const setup = (file: string) =>
  import(new URL(`../../../scripts/setup/${file}`, import.meta.url).href) as Promise<Setup>;
const { header, cardSource } = await setup('header.mjs');
const { cudaLibraries, librariesOf, nvrtcLibrary } = await setup('tensorflow.mjs');

const CARD = fileURLToPath(new URL('../../../native/card/', import.meta.url));
const execute = promisify(execFile);
/** On a busy machine a compiler of eight seconds takes minutes. */
const PATIENCE = { timeout: 900_000 };

let folder: string;
const compiled = async (
  name: string,
  sources: readonly string[],
  flags: readonly string[],
  libraries = librariesOf('cpu'),
) => {
  const includes = [folder, join(CARD, '..'), join(libraries, 'include')].map((path) => `-I${path}`);
  const output = join(folder, name);
  const paths = sources.map((source) => join(CARD, source));
  await execute('g++', ['-std=c++17', '-Wno-unknown-pragmas', ...includes, ...paths, '-o', output, ...flags]);
  return output;
};

const linkedWith = (libraries: string) => [
  ...['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'].map((name) => join(libraries, name)),
  `-Wl,-rpath,${libraries}`,
];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'x3d-card-'));
  writeFileSync(join(folder, 'operations.h'), await header());
  writeFileSync(join(folder, 'source.h'), cardSource());
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Output and gradients of a part, by the kernels or by TensorFlow's own operations. */
function measured(kernels: boolean, f: (...own: Tensor[]) => Tensor, inputs: readonly Tensor[]) {
  vi.stubEnv('X3D_CARD_KERNELS', kernels ? 'on' : '');
  try {
    const weighted = (...own: Tensor[]) => {
      const y = f(...own);
      return y.mul(tf.cos(tf.range(0, y.size).reshape(y.shape))).sum();
    };
    return [f(...inputs), ...tf.grads(weighted)([...inputs])];
  } finally {
    vi.unstubAllEnvs();
  }
}

describe.skipIf(!nativeAvailable())('compiled for the host', () => {
  beforeAll(async () => {
    const flags = ['-O1', '-shared', '-fPIC', ...linkedWith(librariesOf('cpu'))];
    const library = await compiled('host.node', ['kernels.cc', 'host.cc'], flags);
    createRequire(import.meta.url)(library);
  }, PATIENCE.timeout);

  it('they are what runs: the CPU has no norm before a filter in time alone', () => {
    const ones = tf.ones([2]);
    const norm = { moments_a: tf.ones([2, 2]), scale: ones, shift: ones };
    const a = tf.ones([3, 1, 2, 2, 2]);
    const convolved = () =>
      run('X3dChannelwise', { a, ...norm, filter: tf.ones([3, 1, 1, 2]) }, { stride: 1, statistics: 0 });
    expect([...convolved().b.dataSync()].slice(0, 2)).toEqual([2, 2]);
  });

  it.each(['X3dChannelwise', 'X3dChannelwiseGrad'] as const)('%s is as its reference', (op) =>
    holdToReference(op, 60),
  );

  it('the same input gives the same bits', () => {
    tf.tidy(() => {
      const a = tf.randomNormal([3, 2, 9, 11, 6], 0, 1, 'float32', 1);
      const filter = tf.randomNormal([3, 3, 3, 6], 0, 1, 'float32', 2);
      const bits = () => {
        const made = run('X3dChannelwiseGrad', { du: a, a, filter }, { stride: 1 });
        return [made.da, made.dfilter].map((tensor) =>
          Buffer.from(tensor.dataSync().slice().buffer).toString('hex'),
        );
      };
      expect(bits()).toEqual(bits());
    });
  });

  it('in a network of tfjs operations they are its convolutions, forwards and backwards', () => {
    tf.tidy(() => {
      const x = tf.randomNormal([4, 2, 9, 8, 3], 0, 1, 'float32', 1);
      const spatial = tf.randomNormal([3, 3, 3, 6], 0, 1, 'float32', 2);
      const temporal = tf.randomNormal([5, 1, 1, 6], 0, 1, 'float32', 3);
      const inner = tf.randomNormal([6, 10], 0, 0.5, 'float32', 4);
      const filter = tf.randomNormal([3, 3, 3, 10], 0, 1, 'float32', 5);
      const outer = tf.randomNormal([10, 6], 0, 0.5, 'float32', 6);
      const shortcut = tf.randomNormal([6, 6], 0, 0.5, 'float32', 7);
      const norm = (channels: number) =>
        ({ scale: tf.ones([channels]), shift: tf.zeros([channels]) }) as never;
      const network = (...[spatial, temporal, inner, filter, outer]: Tensor[]) => {
        const first = plain.stem(x as Tensor5D, {
          spatial: spatial as Tensor4D,
          temporal: temporal as Tensor4D,
          norm: norm(6),
        });
        const weights = {
          ...{ expand: inner, expandNorm: norm(10), channelwise: filter, channelwiseNorm: norm(10) },
          ...{ project: outer, projectNorm: norm(6), shortcut: { weights: shortcut } },
        } as unknown as Parameters<typeof plain.block>[1];
        return plain.block(first.output, weights, 2).output;
      };
      const inputs = [spatial, temporal, inner, filter, outer];
      const ours = measured(true, network, inputs);
      measured(false, network, inputs).forEach((theirs, i) => {
        const size = theirs.abs().max().dataSync()[0] as number;
        const distance = (ours[i] as Tensor).sub(theirs).abs().max().dataSync()[0] as number;
        expect(distance / size).toBeLessThan(1e-3);
      });
    });
  });
});

describe.skipIf(nvrtcLibrary() === undefined || !nativeAvailable())(
  'compiled for cards (skipped without NVRTC: `npm run setup:card`)',
  () => {
    let program: string;
    beforeAll(async () => {
      program = await compiled('cubins', ['cubins.cc'], ['-O0', '-ldl']);
    }, PATIENCE.timeout);

    it.each([75, 80, 86, 89, 90])(
      'sm_%i: every kernel fits in its registers',
      PATIENCE,
      async (architecture) => {
        const { stdout } = await execute(program, [nvrtcLibrary() as string, String(architecture)]);
        process.stdout.write(stdout);
        const kernels = stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as { kernel: string; spilledBytes: number });
        expect(new Set(kernels.map(({ kernel }) => kernel))).toEqual(
          new Set(['forward', 'moments', 'backward', 'sum']),
        );
        // A few bytes are what the compiler pays for two blocks at once.
        for (const { spilledBytes } of kernels) expect(spilledBytes).toBeLessThan(100);
      },
    );
  },
);

const cuda = cudaLibraries() ?? '';
describe.skipIf(cuda === '')("in TensorFlow's CUDA build (skipped without it: `npm run setup:card`)", () => {
  it('they are registered for GPUs, on a machine with a card or without', PATIENCE, async () => {
    const sources = ['registered.cc', 'kernels.cc', 'cuda.cc', 'stream.cc'];
    const flags = ['-O0', ...linkedWith(cuda), '-ldl'];
    const program = await compiled('registered', sources, flags, cuda);
    const { stdout } = await execute(program, ['X3dChannelwise', 'X3dChannelwiseGrad', 'X3dPointwise']);
    expect(stdout.match(/X3d\w+|GPU/g)).toEqual(['X3dChannelwise', 'GPU', 'X3dChannelwiseGrad', 'GPU']);
  });
});
