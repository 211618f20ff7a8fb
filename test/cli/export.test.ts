/** `export` as people call it: from a home, a run's folder or a network's, to files that are whole or not there. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDataset } from '../../src/data/index.js';
import { BASES, MODELS } from '../../src/network/index.js';
import { recordData } from '../../src/search/reporting/record.js';
import { readSafetensors } from '../../src/training/engine/safetensors.js';
import { tensorFlowMissing } from '../../src/training/engine/tensorflow.js';
import { writeNetwork } from '../deployment/networks.js';
import { smallVideos, type Videos } from './searches.js';
import { temporaryFolder, x3d } from './spawning.js';

const RUN = 's0123456789';
const classes = ['bend', 'wave'];
const base = BASES['x2d-micro'];
const micro = { base, factors: { ...base.factors, frames: 2, stride: 4, crop: 32 }, classes };

let videos: Videos;
beforeAll(() => {
  videos = smallVideos();
});
afterAll(() => videos.remove());

function homeWithRun(): string {
  const home = temporaryFolder();
  writeNetwork(join(home, 'runs', RUN, 'network'), micro);
  return home;
}

describe('export', () => {
  it.skipIf(tensorFlowMissing !== undefined)(
    'writes ONNX from a run, and says how near onnxruntime comes to the engine on the videos',
    async () => {
      const home = homeWithRun();
      const output = join(home, 'out', 'net.onnx');
      const flags = ['--format', 'onnx', '--output', output, '--home', home];
      const { code, stdout } = await x3d('export', RUN, ...flags, '--videos', videos.path, '--json');
      expect(code).toBe(0);
      const { files, difference } = JSON.parse(stdout);
      expect(files).toEqual([output]);
      expect(difference).toMatchObject({ clips: 16, agreeing: 16, on: 'videos' });
      expect(difference.largest).toBeLessThan(1e-3);
      expect(readdirSync(join(home, 'out'))).toEqual(['net.onnx']);
    },
  );

  it.skipIf(tensorFlowMissing !== undefined)('compares on made clips where no videos are given', async () => {
    const folder = writeNetwork(join(temporaryFolder(), 'mine'), micro);
    const output = join(folder, 'net.onnx');
    const { stdout } = await x3d('export', folder, '--format', 'onnx', '--output', output);
    expect(stdout).toMatch(/^onnxruntime's scores differ .* by \d\.\de-\d at most, on 8 made clips$/m);
    expect(existsSync(output)).toBe(true);
  });

  it.skipIf(tensorFlowMissing !== undefined)(
    'writes 8 bits by the training part, and says what they cost on the validation part',
    async () => {
      const own = { ...micro, classes: readdirSync(videos.path).sort() };
      const folder = writeNetwork(join(temporaryFolder(), 'mine'), own);
      const output = join(folder, 'small.onnx');
      const flags = ['--format', 'onnx', '--int8', '--output', output, '--home', temporaryFolder()];
      const { code, stdout, stderr } = await x3d(
        'export',
        folder,
        ...flags,
        '--videos',
        videos.path,
        ...videos.flags,
        '--json',
      );
      expect(stderr).toBe('');
      expect(code).toBe(0);
      const { int8 } = JSON.parse(stdout);
      expect(int8).toMatchObject({ clips: 18, validation: { videos: 6 } });
      expect(int8.validation.int8.bytes).toBe(readFileSync(output).length);
      expect(int8.validation.int8.bytes).toBeLessThan(0.7 * int8.validation.float.bytes);
      expect(Math.abs(int8.validation.int8.metrics.loss - int8.validation.float.metrics.loss)).toBeLessThan(
        0.2,
      );
      const refused = await x3d('export', folder, ...flags);
      expect(refused.stderr).toMatch(/^error: --int8: expected one folder of videos beside it/);
    },
  );

  it.skipIf(tensorFlowMissing !== undefined)(
    'of a run takes 8 bits from its own split, wherever its videos lie now and however they are divided',
    async () => {
      const home = temporaryFolder();
      const own = { ...micro, classes: readdirSync(videos.path).sort() };
      const folder = writeNetwork(join(home, 'runs', RUN, 'network'), own);
      const [, group = ''] = videos.flags;
      // Others train than the flags of this set would choose.
      const shares = { train: 0.4, validation: 0.4, test: 0.2 };
      const opened = await openDataset({ path: videos.path, group, shares }, { cacheFolder: home });
      await recordData(join(home, 'runs', RUN), opened);
      const described = JSON.parse(readFileSync(join(folder, 'network.json'), 'utf8'));
      const describe = (trainedOn: string) =>
        writeFileSync(join(folder, 'network.json'), JSON.stringify({ ...described, trainedOn }));
      const output = join(home, 'small.onnx');
      const int8 = (...more: string[]) =>
        x3d('export', RUN, '--format', 'onnx', '--int8', '--output', output, '--home', home, ...more);
      describe('train-and-validation');
      const { stdout } = await int8();
      expect(stdout).toMatch(/^onnxruntime's scores .* on 16 clips of the videos$/m);
      expect(stdout).toMatch(/^What 8 bits cost on the 12 videos of the validation part/m);
      expect(stdout).toMatch(/Ranges are of 12 training clips.\nThese videos trained the network too: /);
      describe('train');
      const moved = join(home, 'moved');
      cpSync(videos.path, moved, { recursive: true });
      const there = await int8('--videos', moved, ...videos.flags, '--json');
      expect(JSON.parse(there.stdout).int8).toMatchObject({
        clips: 12,
        validationTrained: false,
        validation: { videos: 12 },
      });
    },
  );

  it('writes safetensors with the classes and the preprocessing in the header', async () => {
    const home = homeWithRun();
    const output = join(home, 'net.safetensors');
    const run = join(home, 'runs', RUN);
    expect((await x3d('export', run, '--format', 'safetensors', '--output', output)).code).toBe(0);
    const bytes = readFileSync(output);
    const own = readFileSync(join(run, 'network', 'weights.safetensors'));
    expect(readSafetensors(bytes, output)).toEqual(readSafetensors(own, 'its own'));
    const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString());
    expect(header.__metadata__).toMatchObject({
      format: 'pt',
      classes: JSON.stringify(classes),
      frames: '2',
      stride: '4',
      crop: '32',
      short_side: '36',
      network: RUN,
    });
  });

  it('writes a folder for PyTorch, and a YAML for SlowFast where SlowFast can build the network', async () => {
    const folder = temporaryFolder();
    const xs = writeNetwork(join(folder, 'xs'), { base: BASES.x2d, factors: MODELS.XS, classes });
    const torch = join(folder, 'torch');
    expect((await x3d('export', xs, '--format', 'torch', '--output', torch)).code).toBe(0);
    expect(readdirSync(torch).sort()).toEqual(['weights.safetensors', 'x3d.py']);
    expect(readFileSync(join(torch, 'x3d.py'), 'utf8')).toContain('width_factor=2,');

    const yaml = join(folder, 'xs.yaml');
    expect((await x3d('export', xs, '--format', 'slowfast', '--output', yaml)).code).toBe(0);
    const text = readFileSync(yaml, 'utf8');
    for (const line of [
      'ARCH: "x3d"',
      'NUM_CLASSES: 2',
      'WIDTH_FACTOR: 2',
      'DEPTH_FACTOR: 2.2',
      'DIM_C1: 12',
    ])
      expect(text).toContain(`  ${line}\n`);
    for (const line of [
      'NUM_FRAMES: 4',
      'SAMPLING_RATE: 12',
      'TRAIN_JITTER_SCALES: [182,228]',
      'TEST_CROP_SIZE: 182',
    ])
      expect(text).toContain(`  ${line}\n`);
  });

  it('refuses what is no network, what has none yet, and what SlowFast would build otherwise', async () => {
    const home = homeWithRun();
    mkdirSync(join(home, 'runs', 's1'), { recursive: true });
    const refusal = async (...args: string[]) => {
      const output = join(home, 'refused');
      const { code, stderr } = await x3d('export', ...args, '--output', output, '--home', home);
      expect(code).toBe(2);
      expect(existsSync(output)).toBe(false);
      return stderr;
    };
    expect(await refusal('s2', '--format', 'torch')).toMatch(
      /^error: s2: expected a run's id, a run's folder, or the folder of a network, got none of them\. Runs are looked for in .*runs;/,
    );
    expect(await refusal('s1', '--format', 'torch')).toMatch(/got a run that has no network yet/);
    expect(await refusal(RUN, '--format', 'slowfast')).toMatch(
      /--format slowfast: expected a network that SlowFast's X3D can build.*x2d-micro/,
    );
    expect(await refusal(RUN, '--format', 'tflite')).toMatch(/Allowed choices are onnx, safetensors/);
    writeFileSync(join(home, 'runs', RUN, 'network', 'weights.safetensors'), 'none');
    expect(await refusal(RUN, '--format', 'onnx')).toMatch(/expected a whole safetensors file/);
  });
});
