import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { homeAt } from '../../src/home.js';
import { withoutTimes } from '../api/stand.js';
import { eventually } from '../workers/candidates.js';
import { alive, QUICK, service, smallVideos, trajectoryIn, type Videos, workersOf } from './searches.js';
import { MAIN, start, temporaryFolder } from './spawning.js';

let videos: Videos;
beforeAll(() => {
  videos = smallVideos();
});
afterAll(() => videos.remove());

const run = (home: string, ...more: string[]) =>
  start([
    'run',
    videos.path,
    ...videos.flags,
    '--target',
    '2M',
    '--seed',
    '3',
    // One training per candidate: quickly over.
    '--method',
    'paper',
    '--home',
    home,
    ...QUICK,
    ...more,
  ]);

interface Line {
  readonly kind: string;
  readonly version?: number;
  readonly [field: string]: unknown;
}
const linesOf = (text: string): Line[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const kindIs = (kind: string) => (line: string) => (JSON.parse(line) as Line).kind === kind;

/** What an undisturbed search comes to. */
let undisturbed: unknown;

describe('run', () => {
  it('ends with the trajectory, the chart and the network in a folder, a line of JSON for each event', async () => {
    const home = temporaryFolder();
    const { code, stdout, stderr } = await run(home, '--json').finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = linesOf(stdout);
    const events = lines.filter(({ version }) => version !== undefined);
    expect(events.map(({ version }) => version)).toEqual(events.map((_, index) => index + 1));
    expect(events.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining([
        'search-created',
        'winner-chosen',
        'contracted',
        'final-proposed',
        'search-ended',
      ]),
    );
    expect(lines).toContainEqual({ kind: 'preparing', what: 'looking at videos', done: 30, of: 30 });
    expect(lines.map(({ kind }) => kind)).toContain('progress');
    const result = lines.at(-1) as Line & { search: string; folder: string; files: { chart: string } };
    expect(result).toMatchObject({
      kind: 'result',
      status: 'ended',
      network: { multiplyAdds: expect.any(Number) },
      evaluations: { test: { metrics: { accuracy: expect.any(Number) } } },
      folder: homeAt(home).run(result.search),
    });
    const trajectory = trajectoryIn(result.folder);
    expect(trajectory.final?.cost.multiplyAdds).toBeLessThanOrEqual(2_000_000);
    undisturbed = withoutTimes(trajectory);

    const chart = readFileSync(result.files.chart, 'utf8');
    expect(chart).toMatch(/^<svg .*<\/svg>$/s);
    for (const { round, candidates, winner } of trajectory.rounds) {
      const won = candidates.find(({ id }) => id === winner?.candidate);
      expect(chart).toContain(`${round}: ${won?.axes.join(' = ')}`);
    }
    expect(chart).toContain('target 2M');

    const network = JSON.parse(readFileSync(join(result.folder, 'network', 'network.json'), 'utf8'));
    expect(network).toMatchObject({
      classes: trajectory.dataset.classes,
      factors: trajectory.final?.factors,
      preprocessing: {
        mean: trajectory.recipe.pixelMean,
        std: trajectory.recipe.pixelDeviation,
        rate: 25,
        frames: trajectory.final?.factors.frames,
      },
    });
    const evaluation = JSON.parse(readFileSync(join(result.folder, 'network', 'evaluation.json'), 'utf8'));
    expect(evaluation.evaluations.test).toMatchObject({ confusion: expect.any(Array) });
    expect(readFileSync(join(result.folder, 'network', 'weights.safetensors'), 'utf8')).toBe('weights');
  });

  it('comes to the same when a worker, its trainer, the service and Redis are killed meanwhile', async () => {
    const home = temporaryFolder();
    const running = run(home, '--json');
    const kill = async (pid: number) => {
      process.kill(pid, 'SIGKILL');
      await eventually(async () => !alive(pid));
    };
    await running.line(kindIs('training-started'));
    const victim = await eventually(async () => (await workersOf(home)).find(({ training }) => training));
    await kill(victim.pid);
    await running.line(kindIs('training-finished'));
    await kill(await eventually(async () => trainersOf(await workersOf(home))[0]));
    await kill(service(home).pid);
    await running.line((line) => /"the service"/.test(line));
    await running.line(kindIs('winner-chosen'));
    const info = await redisPid(home);
    await kill(info);
    const { code, stdout, stderr } = await running.finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = linesOf(stdout);
    const replaced = lines.filter(({ kind }) => kind === 'replaced').map((line) => line.process);
    expect(new Set(replaced)).toEqual(
      new Set([expect.stringMatching(/^worker \d$/), 'the service', 'Redis']),
    );
    expect(withoutTimes(trajectoryIn(lines.at(-1)?.folder as string))).toEqual(undisturbed);
  });

  // Three searches, one after the other.
  it('stopped by Ctrl-C leaves nothing running, and goes on with --resume', {
    timeout: 120_000,
  }, async () => {
    const home = temporaryFolder();
    const running = run(home, '--json');
    await running.line(kindIs('winner-chosen'));
    const pids = [service(home).pid, await redisPid(home), ...(await workersOf(home)).map(({ pid }) => pid)];
    running.process.kill('SIGINT');
    const stopped = await running.finished;
    expect(stopped.code).toBe(130);
    const last = linesOf(stopped.stdout).at(-1) as Line & { search: string };
    expect(last).toEqual({
      kind: 'interrupted',
      search: expect.stringMatching(/^s/),
      resume: expect.stringMatching(
        new RegExp(`^node \\S+main\\.js run --resume ${last.search} --home ${home}$`),
      ),
    });
    expect(pids.filter(alive)).toEqual([]);

    // Another search in the same home has it to itself.
    const other = await run(home, '--json', '--seed', '5').finished;
    expect(other.code).toBe(0);
    expect(linesOf(other.stdout).filter(({ kind }) => kind === 'also-running')).toEqual([]);

    const { code, stdout } = await start(['run', '--resume', last.search, '--home', home, ...QUICK]).finished;
    expect(code).toBe(0);
    expect(stdout).toContain('search ended\n');
    expect(withoutTimes(trajectoryIn(homeAt(home).run(last.search)))).toEqual(undisturbed);
  });

  it('of a search whose trainings fail for good says why and what goes on with it, and exits with 4', async () => {
    const home = temporaryFolder();
    const { code, stdout } = await run(home, '--seed', '13').finished;
    expect(code).toBe(4);
    expect(stdout).toMatch(/round 1, tau = t: failed \(not-a-number\): the loss is not a number/);
    expect(stdout).toMatch(/The search waits: \d of \d candidates failed for good/);
    expect(stdout).toMatch(/run --resume s\w+ --home/);
  });

  it('says in lines what happens, where its output is no terminal', async () => {
    const { stdout } = await run(temporaryFolder()).finished;
    expect(stdout).toMatch(/^looking at videos: 30 of 30$/m);
    expect(stdout).toMatch(
      /^search s\w+: from x2d-micro to 2M multiply-adds; 6 classes, 18 videos to train, /m,
    );
    expect(stdout).toMatch(/^round 1, tau = t: clip 1x16 -> 2x8, 1\.59M$/m);
    expect(stdout).toMatch(/^round 1, \S+: wins, accuracy; \d trainings, /m);
    expect(stdout).toMatch(/^contraction of w: width 1\.6 -> 1\.3, 1\.96M$/m);
    expect(stdout).toMatch(/^test +\d+\.\d % ± \d+ of 20 videos/m);
    expect(stdout).toMatch(/^folder +\/.*\n +report\.html shows it all/m);
    expect(stdout).toMatch(/^ {2}\S.* predict s\w+ --home \/\S+ VIDEO…$/m);
  });

  it('of a search that there is not says so', async () => {
    const { code, stderr } = await start(['run', '--resume', 's0', '--home', temporaryFolder(), ...QUICK])
      .finished;
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining('search: expected the id of a search, got s0.'),
    });
  });
});

describe('demo', () => {
  it('makes its videos and runs a search on them', async () => {
    const { code, stdout } = await start(['demo', '--home', temporaryFolder(), ...QUICK]).finished;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^making videos: 90 of 90$/m);
    expect(stdout).toMatch(
      /^search s\w+: from x2d-micro to 3\.2M .* 54 videos to train, 18 to validate, 18 to test$/m,
    );
    expect(stdout).toMatch(/^test +\d+\.\d % ± \d+ of /m);
  });
});

describe('in a terminal', () => {
  it('the round is drawn as a table with progress bars, and only the end stays', async () => {
    // A terminal of its own from util-linux, which the embedded Redis needs anyway.
    const args = [
      'run',
      videos.path,
      ...videos.flags,
      '--target',
      '1.2M',
      '--method',
      'paper',
      '--home',
      temporaryFolder(),
      ...QUICK,
    ];
    const words = [process.execPath, MAIN, ...args].map((word) => `'${word}'`);
    const line = `stty rows 40 cols 100; ${words.join(' ')}`;
    const { stdout } = await promisify(execFile)('script', ['-qec', line, '/dev/null'], {
      env: { ...process.env, TERM: 'xterm', NO_COLOR: '1' },
    });
    expect(stdout).toMatch(/candidate +change +multiply- +progress +accuracy +time/);
    expect(stdout).toMatch(/tau = t +clip 1x16 -> 2x8 +1\.59M /);
    // Of some training, as each may be over between two frames.
    expect(stdout).toMatch(/^\S.* [\d.]+M +█+░+/m);
    expect(stdout).toMatch(/Ctrl-C stops it, and says how to go on\./);
    expect(stdout.split('\u001b').at(-1)).not.toContain('█');
    expect(stdout).toMatch(/folder +\/.*\r\n +report\.html shows it all/);
  });

  it('what can not begin ends with the reason and the exit code', async () => {
    const line = `'${process.execPath}' '${MAIN}' run /nowhere --target 6M --home '${temporaryFolder()}'`;
    const ending = promisify(execFile)('script', ['-qec', `stty rows 40 cols 100; ${line}`, '/dev/null'], {
      timeout: 20_000,
    });
    await expect(ending).rejects.toMatchObject({
      code: 2,
      stdout: expect.stringContaining('error: /nowhere: expected a folder that can be read'),
    });
  });
});

/** The processes that train for workers now. */
const trainersOf = (workers: readonly { readonly pid: number }[]): number[] =>
  workers.flatMap(({ pid }) => {
    const text = existsSync(`/proc/${pid}`) ? readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8') : '';
    return text.split(' ').filter(Boolean).map(Number);
  });

async function redisPid(home: string): Promise<number> {
  const { url } = JSON.parse(readFileSync(join(homeAt(home).redis, 'owner.json'), 'utf8'));
  const redis = new Redis(url);
  try {
    return Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]);
  } finally {
    redis.disconnect();
  }
}
