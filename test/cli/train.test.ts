/** `train` as people call it: one network, from random weights and from others', with a folder as a search's. */
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { networkNamed } from '../../src/deployment/named.js';
import { homeAt } from '../../src/home.js';
import { BASES } from '../../src/network/index.js';
import { tensorFlowMissing } from '../../src/training/engine/tensorflow.js';
import { writeNetwork } from '../deployment/networks.js';
import { SCRIPTED_TRAINER } from '../workers/candidates.js';
import { QUICK, smallVideos, type Videos } from './searches.js';
import { start, temporaryFolder, x3d } from './spawning.js';

let videos: Videos;
beforeAll(() => {
  videos = smallVideos();
});
afterAll(() => videos.remove());

const SMALL = ['--frames', '2', '--stride', '4', '--crop', '32'];
const SHORT = ['--recipe', 'steps=6', '--recipe', 'batchSize=4', '--recipe', 'views=1'];
const args = (home: string, ...more: string[]) => [
  'train',
  videos.path,
  ...videos.flags,
  ...['--home', home, '--threads', '1'],
  ...more,
];
/** In a run's folder, where a report has frames of them. */
const mistakesIn = (report: string) => (report.includes('data:image/jpeg') ? ['mistakes'] : []);
const said = (stdout: string, kind: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .find((one) => one.kind === kind);

describe('train', () => {
  it.skipIf(tensorFlowMissing !== undefined)(
    'leaves a network in a run’s folder, and another starts from it: what was loaded, mapped and new is told',
    { timeout: 180_000 },
    async () => {
      const home = temporaryFolder();
      const first = await x3d(...args(home, ...SMALL, ...SHORT, '--json'));
      expect(first.stderr).toBe('');
      const { run, folder, evaluations } = said(first.stdout, 'result');
      expect(run).toMatch(/^t[0-9a-f]{10}$/);
      expect(folder).toBe(join(home, 'runs', run, 'network'));
      expect(Object.keys(evaluations)).toEqual(['validation', 'test', 'test-left-center-right']);
      const { saved, classes } = await networkNamed(run, homeAt(home));
      expect(classes).toHaveLength(6);
      expect(saved.factors).toMatchObject({ frames: 2, stride: 4, crop: 32 });
      expect(saved.preprocessing.rate).toBe(25);
      expect(existsSync(join(folder, 'evaluation.json'))).toBe(true);
      const report = readFileSync(join(home, 'runs', run, 'report.html'), 'utf8');
      const facts = JSON.parse(readFileSync(join(home, 'runs', run, 'run.json'), 'utf8'));
      expect(readdirSync(join(home, 'runs', run)).sort()).toEqual([
        'SHA256SUMS',
        'data.json',
        'loss.svg',
        ...mistakesIn(report),
        'network',
        'report.html',
        'run.json',
        'split',
        'training.json',
      ]);
      expect(report).toContain(`<h1>Training ${run}</h1>`);
      expect(report).toMatch(/\d+\.\d % of 6 test videos right/);
      expect(report).toMatch(/With 95 % confidence the accuracy on such videos is \d/);
      expect(report).toContain('<h2>How the network learned</h2><h3>The training</h3>');
      expect(report).toMatch(
        /the same training again:<\/p><pre>x3d-search train \/.* --recipe \S+ --json<\/pre>/,
      );
      expect(facts).toMatchObject({ run, status: 'ended', workers: [expect.any(String)] });
      expect(facts.trainer).toBeUndefined();
      const tested = await x3d('evaluate', '--network', run, '--home', home, '--views', '1', '--json');
      expect(JSON.parse(tested.stdout).center.confusion).toEqual(evaluations.test.confusion);
      const again = await x3d(...args(home, ...SMALL, ...SHORT, '--json'));
      expect(said(again.stdout, 'result')).toEqual(said(first.stdout, 'result'));
      expect(said(again.stdout, 'progress').phase).toBe('data');

      // The network of the first, deeper and wider.
      const tuned = ['--from', run, '--freeze', '1', '--from-rate', '0.5', '--depth', '2', '--width', '1.5'];
      const { code, stdout } = await x3d(...args(home, ...tuned, ...SHORT));
      expect(code).toBe(0);
      const row = (part: string) =>
        new RegExp(`^${part} +([\\d,]+) +([\\d,]+) +([\\d,]+) *(.*?) *$`, 'm').exec(stdout)?.slice(1);
      // 12 channels instead of 8: 3 x 3 of 3 colours, 5 in time, scale and shift.
      expect(row('stem')).toEqual(['0', '408', '0', 'not at all']);
      expect(row('stage 1')?.[3]).toBe('0.5 of the rate');
      expect(row('stage 1')?.[2]).not.toBe('0');
      expect(row('classifier')).toEqual([expect.stringMatching(/[1-9]/), '0', '0', '0.5 of the rate']);
      expect(stdout).toMatch(/^run t\w+: 2x4, 32 px, w 1\.5, b 2\.25, d 2, 6 steps$/m);
      expect(stdout).toMatch(/^test +\d+\.\d % ± \d+ of 6 videos/m);
    },
  );

  it.skipIf(tensorFlowMissing !== undefined)(
    'stops at Ctrl-C and says how to go on; the same words name the same run',
    { timeout: 180_000 },
    async () => {
      const home = temporaryFolder();
      const long = args(home, ...SMALL, ...SHORT, '--recipe', 'steps=100000');
      const running = start(long);
      await running.line((line) => line.startsWith('training: '));
      const going = readdirSync(join(home, 'runs'))[0] ?? '';
      const status = async () => (await x3d('status', going, '--home', home)).stdout;
      expect(await status()).toMatch(/^training t\w+: running$/m);
      expect((await x3d('rm', going, '--home', home)).stderr).toContain('expected one that does not go on');
      running.process.kill('SIGINT');
      const { code, stdout } = await running.finished;
      expect(await status()).toMatch(/^training t\w+: paused\n[\s\S]*train --resume t\w+ --home /m);
      expect(code).toBe(130);
      const [, run = ''] = /--resume (t\w+) --home /.exec(stdout) ?? [];
      const kept = JSON.parse(readFileSync(join(home, 'runs', run, 'training.json'), 'utf8'));
      expect(kept.work.recipe.steps).toBe(100_000);
      const again = ['--resume', run, '--home', home, '--json'];
      const scripted = ['--trainer', SCRIPTED_TRAINER];
      const resumed = await x3d('train', ...again, ...scripted);
      expect(said(resumed.stdout, 'result')).toMatchObject({ run, steps: 8 });
      const same = await x3d(...long, '--json', ...scripted);
      expect(said(same.stdout, 'run').run).toBe(run);
    },
  );

  it('is listed beside searches, looked at by its id, and removed', { timeout: 180_000 }, async () => {
    const home = temporaryFolder();
    const trained = await x3d(...args(home, ...SMALL, '--json', '--trainer', SCRIPTED_TRAINER));
    const { run } = said(trained.stdout, 'result');
    // It is listed beside searches, and looked at by its id.
    const listed = await x3d('status', '--home', home);
    expect(listed.stdout).toMatch(
      new RegExp(`^${run} +train \\S+ +ended +[\\d.]+[KM] +[\\d.]+ % test +0:\\d\\d +\\d\\d-\\d\\d `, 'm'),
    );
    const shown = await x3d('status', run, '--home', home);
    expect(shown.stdout).toMatch(/^test +\d+\.\d % ± \d+ of 20 videos/m);
    expect(shown.stdout).toContain('report.html shows it all; network/weights.safetensors');
    const watched = await x3d('watch', run, '--home', home);
    expect({ code: watched.code, stderr: watched.stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining(`${run}: expected the id of a search, got that of a training`),
    });

    const removed = await x3d('rm', run, '--home', home);
    expect(removed.stdout).toMatch(new RegExp(`^removed training ${run} \\(\\d`));
    expect(existsSync(join(home, 'runs', run))).toBe(false);
    expect((await x3d('status', run, '--home', home)).code).toBe(2);
  });

  it('ends with 4 where the training fails, with the reason', async () => {
    const home = temporaryFolder();
    const { code, stdout } = await x3d(
      ...args(home, ...SMALL, '--seed', '13', '--trainer', SCRIPTED_TRAINER),
    );
    expect(code).toBe(4);
    expect(stdout).toMatch(/^The training failed: the loss is not a number$/m);
  });

  it('takes the network that it starts from where no other is named, and what its frozen parts expect', async () => {
    const home = temporaryFolder();
    const base = BASES['x2d-micro'];
    const factors = { ...base.factors, frames: 3, stride: 5, crop: 32, bottleneck: 3 };
    const from = writeNetwork(join(home, 'mine'), {
      base,
      factors,
      classes: ['a', 'b'],
      preprocessing: { rate: 12.5 },
    });
    const flags = ['--from', from, '--json', '--trainer', SCRIPTED_TRAINER];
    const { work } = said((await x3d(...args(home, ...flags, '--freeze', '2'))).stdout, 'run');
    expect(work).toMatchObject({
      factors,
      base: { classes: 6 },
      data: { rate: 12.5 },
      recipe: { pixelMean: 0.4, pixelDeviation: 0.25 },
      ancestor: { weights: expect.stringMatching(/^w[0-9a-f]{24}$/), rate: 1, frozen: 2 },
    });
    expect(existsSync(join(home, 'pretrained', `${work.ancestor.weights}.safetensors`))).toBe(true);
    // A file of weights says nothing of clips.
    const file = join(from, 'weights.safetensors');
    const other = ['--from', file, '--frames', '2', '--json', '--trainer', SCRIPTED_TRAINER];
    const { stdout } = await x3d(...args(home, ...other));
    expect(said(stdout, 'run').work.factors).toMatchObject({ frames: 2, stride: 25, bottleneck: 2.25 });
    expect(said(stdout, 'start').parts.map(({ part }: { part: string }) => part)).toEqual([
      'stem',
      'stage 1',
      'stage 2',
      'stage 3',
      'stage 4',
      'head',
      'classifier',
    ]);
  });

  it('keeps weights that a run started from; gc takes others once nothing can be about to begin with them', async () => {
    const home = temporaryFolder();
    const base = BASES['x2d-micro'];
    const factors = { ...base.factors, frames: 2, stride: 4, crop: 32 };
    const from = writeNetwork(join(home, 'mine'), { base, factors, classes: ['a', 'b'] });
    const flags = ['--from', from, '--json', '--trainer', SCRIPTED_TRAINER];
    const { work } = said((await x3d(...args(home, ...flags))).stdout, 'run');
    const kept = (name: string, seconds: number) => {
      const file = join(home, 'pretrained', `${name}.safetensors`);
      writeFileSync(file, Buffer.alloc(20_000));
      utimesSync(file, seconds, seconds);
      return file;
    };
    const now = Date.now() / 1000;
    const left = kept(`w${'0'.repeat(24)}`, now - 2 * 3600);
    const fresh = kept(`w${'1'.repeat(24)}`, now);
    const others = kept('mine', now - 2 * 3600);
    const own = join(home, 'pretrained', `${work.ancestor.weights}.safetensors`);
    utimesSync(own, now - 2 * 3600, now - 2 * 3600);
    const usage = JSON.parse((await x3d('du', '--home', home, '--json')).stdout);
    expect(usage).toMatchObject({ pretrained: { files: 4 }, unusedPretrained: { files: 2 } });
    expect((await x3d('gc', '--home', home)).stdout).toMatch(
      /^ +1 file \(20(\.\d+)? kB\) of weights that nothing starts from,$/m,
    );
    expect([left, fresh, others, own].map(existsSync)).toEqual([false, true, true, true]);
  });

  it('refuses what it can not train before it looks at the videos', async () => {
    const home = temporaryFolder();
    const refusal = async (...more: string[]) => {
      const { code, stderr } = await x3d(...args(home, ...more));
      expect(code, stderr).toBe(2);
      return stderr;
    };
    expect(await refusal()).toMatch(/^error: the network: expected --model, --from, or factors/);
    expect(await refusal(...SMALL, '--freeze', '1')).toMatch(/--freeze: expected weights to start from/);
    expect(await refusal(...SMALL, '--from', 'nothing')).toMatch(/nothing: expected a run's id/);
    expect(await refusal('--model', 'XS', '--base', 'x2d-micro')).toMatch(/--base: expected x2d or nothing/);
    expect(await refusal(...SMALL, '--recipe', 'steps=-1')).toMatch(/--recipe steps: expected/);
    expect(await refusal('--resume', 't0')).toMatch(/--resume: expected nothing beside it.*videos/);
    const lost = await x3d('train', '--resume', 't0', '--home', home);
    expect(lost.stderr).toMatch(/training: expected the id of one that `x3d-search train` began/);
    expect(existsSync(join(home, 'runs'))).toBe(false);
  });
});

describe('run --from', () => {
  it('has every training of the search start from the weights, and says so', async () => {
    const home = temporaryFolder();
    const base = BASES['x2d-micro'];
    const from = writeNetwork(join(home, 'mine'), { base, factors: base.factors, classes: ['a', 'b'] });
    const flags = ['--target', '1.2M', '--method', 'paper', '--home', home, '--json', ...QUICK];
    const { code, stdout } = await x3d('run', videos.path, ...videos.flags, ...flags, '--from', from);
    expect(code).toBe(0);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const { configuration } = events.find(({ kind }) => kind === 'search-created');
    expect(configuration.from).toEqual({ named: from, weights: expect.stringMatching(/^w[0-9a-f]{24}$/) });
    const proposed = events.filter(({ kind }) => kind === 'training-proposed');
    expect(proposed.length).toBeGreaterThan(1);
    for (const { work } of proposed) expect(work.ancestor.weights).toBe(configuration.from.weights);
    expect(said(stdout, 'result').notes).toContain(`Every training started from the weights of ${from}.`);
  });

  it('refuses weights that are not there before anything starts', async () => {
    const home = temporaryFolder();
    const flags = ['--target', '1.2M', '--home', home, '--from', 'nothing'];
    const { code, stderr } = await x3d('run', videos.path, ...videos.flags, ...flags);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: nothing: expected a run's id/);
    expect(existsSync(join(home, 'redis'))).toBe(false);
  });
});
