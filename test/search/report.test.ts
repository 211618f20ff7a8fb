/** A run's folder, which stands by itself: from what a search began with to the page that explains it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { csvRow } from '../../src/csv.js';
import { type Dataset, openDataset } from '../../src/data/index.js';
import { jpegOf } from '../../src/data/picture.js';
import { type Home, homeAt } from '../../src/home.js';
import { html } from '../../src/markup.js';
import { resolveConfiguration } from '../../src/search/configuration.js';
import { groundOf, summaryOf } from '../../src/search/creation.js';
import type { SearchEvent } from '../../src/search/events.js';
import { fold } from '../../src/search/fold.js';
import { writeRun } from '../../src/search/report.js';
import { openEnergyMeter } from '../../src/search/reporting/energy.js';
import { meanInterval, shareInterval } from '../../src/search/reporting/intervals.js';
import { readRecordedData, recordBeginning } from '../../src/search/reporting/record.js';
import { type SearchState, trainingsOf } from '../../src/search/state.js';
import { SUMS } from '../../src/sums.js';
import { writeCurve } from '../../src/training/curve.js';
import { writePredictions } from '../../src/training/predictions.js';
import { lastingFolder, temporaryFolder, writeClasses } from '../data/videos.js';
import { scored, searched } from './searching.js';

/** Names that would be markup, if they were not text. */
const CLASSES = ['<b>bend', 'walk & "run"'];

let home: Home;
let run: string;
const isFile = (name: string) => name !== SUMS;

let opened: Dataset;
let state: SearchState;
let events: readonly SearchEvent[];
let page: string;

beforeAll(async () => {
  const folder = lastingFolder();
  home = homeAt(join(folder, 'home'));
  const path = writeClasses(join(folder, 'own videos'), { [CLASSES[0] ?? '']: 4, [CLASSES[1] ?? '']: 4 });
  const data = { path, group: '(p[0-9]+)_[^/]*$', shares: { train: 0.5, validation: 0.25, test: 0.25 } };
  opened = await openDataset(data, { cacheFolder: home.cache });
  const given = { name: '<script>alert(1)</script>', data, target: '2M', method: 'paper' };
  const configuration = resolveConfiguration(given, groundOf(opened));
  await recordBeginning(home, 's1', { given, configuration, opened });
  ({ state, events } = searched(
    configuration,
    ({ training: { id } }) => {
      const folder = home.candidate(id);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'curve.jsonl'), '');
      return {
        ...scored(0.5),
        evaluations: { ...scored(0.5).evaluations, test: scored(0.5).evaluations.validation },
      } as ReturnType<typeof scored>;
    },
    { ...summaryOf(opened), limits: { maxSpan: 1000, maxCrop: 300 } },
  ));
  for (const { id } of trainingsOf(state))
    await writeCurve(
      home.candidate(id),
      [1, 2].map((step) => ({
        step,
        loss: 1 / step,
        accuracy: 0.5,
        learningRate: 0.1,
        validation: { accuracy: 0.5, loss: 1 },
      })),
    );
  run = home.run('s1');
  const network = join(run, 'network');
  mkdirSync(network, { recursive: true });
  const tests = opened.videos.filter(({ part }) => part === 'test');
  const score = {
    ...scored(0.5).evaluations.validation,
    videos: 2,
    confusion: [
      [1, 0],
      [1, 0],
    ],
  };
  writeFileSync(
    join(network, 'evaluation.json'),
    JSON.stringify({
      classes: CLASSES,
      evaluations: { test: score },
      ...{
        trainingLoss: 1,
        lowestLoss: 1,
        steps: 1,
        seconds: 1,
        clipsPerSecond: 1,
        stepShare: 1,
        peakBytes: 1,
      },
    }),
  );
  await writePredictions(
    network,
    tests.map(({ name, label }) => ({
      evaluation: 'test' as const,
      video: name,
      label,
      predicted: 0,
      score: 0.9,
      likelihood: label === 0 ? 0.9 : 0.1,
    })),
  );
  await writeRun(state, home);
  page = readFileSync(join(run, 'report.html'), 'utf8');
});

const read = (name: string) => JSON.parse(readFileSync(join(run, name), 'utf8'));

describe("a run's folder", () => {
  test('has the configuration as it was given and as it was settled, and the command that repeats it', () => {
    expect(read('configuration.json')).toMatchObject({
      target: '2M',
      method: 'paper',
      data: { path: opened.videos[0] && expect.any(String) },
    });
    expect(read('resolved.json')).toEqual(JSON.parse(JSON.stringify(state.configuration)));
    expect(read('run.json')).toMatchObject({
      search: 's1',
      status: 'ended',
      command: 'x3d-search run --config configuration.json --seed 0',
      versions: { 'x3d-search': expect.any(String), node: process.versions.node },
      machine: { cores: expect.any(Number), processor: expect.any(String) },
    });
  });

  test('has its videos with part, group and digest, and reads them back as they were', async () => {
    expect(await readRecordedData(run)).toEqual(JSON.parse(JSON.stringify(opened)));
    expect(await readRecordedData(temporaryFolder())).toBeUndefined();
  });

  test('has the split as lists that read as the same classes, parts and videos', async () => {
    const again = await openDataset({ path: join(run, 'split') }, { cacheFolder: home.cache });
    expect(again.classes).toEqual(CLASSES);
    expect(again.parts).toEqual(opened.parts);
    const parted = ({ videos }: Dataset) =>
      videos.map(({ path, label, part }) => [path, label, part].join(' ')).sort();
    expect(parted(again)).toEqual(parted(opened));
    // A space in a path would part it in SlowFast: its separator is set to the comma then.
    expect(readFileSync(join(run, 'split', 'test.csv'), 'utf8')).toMatch(/^\/.*\.mp4,\d$/m);
  });

  test('has the curve of every training', () => {
    const curves = readdirSync(join(run, 'curves')).filter((name) => name.endsWith('.jsonl'));
    expect(curves.sort()).toEqual(
      trainingsOf(state)
        .map(({ id }) => `${id}.jsonl`)
        .sort(),
    );
  });
});

describe('the report', () => {
  test('asks for nothing outside of itself, and forbids it', () => {
    expect(page).toContain('<meta http-equiv="Content-Security-Policy" content="default-src \'none\'');
    for (const [, source] of page.matchAll(/(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)/g))
      expect(source, source).toMatch(/^(data:|#)/);
    expect(page).not.toMatch(/<script|<link|@import/);
  });

  test('shows names as they are', () => {
    expect(page).toContain('<h1>&lt;script&gt;alert(1)&lt;/script&gt;</h1>');
    expect(page).toContain('<td>&lt;b&gt;bend</td>');
    expect(page).not.toContain('<b>bend');
    // In the pictures too.
    expect(page).not.toContain('<script>alert');
  });

  test('has every choice, the figures at the end with their intervals, and the chart', () => {
    for (const { round } of state.rounds) expect(page).toContain(`<tr><td class="n">${round}</td>`);
    const { from, to } = shareInterval(0.5, 20);
    expect(page).toContain(`${(100 * from).toFixed(1)} % to ${(100 * to).toFixed(1)} %`);
    expect([...page.matchAll(/<svg/g)].length).toBe(3 + state.rounds.length);
  });

  test('shows the frames of each mistake, and keeps them beside it', () => {
    expect(page).toContain('1 of 2 videos are wrong');
    const [, base64 = ''] = /data:image\/jpeg;base64,([A-Za-z0-9+/=]+)/.exec(page) ?? [];
    expect(Buffer.from(base64, 'base64').subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
    expect(readdirSync(join(run, 'mistakes')).filter(isFile)).toHaveLength(1);
  });

  test('is there from the first round on, with nothing of the end in it', async () => {
    const other = homeAt(join(temporaryFolder(), 'home'));
    const begun = fold(
      events.slice(
        0,
        events.findIndex(({ kind }) => kind === 'winner-chosen'),
      ),
    );
    if (!begun) throw new Error('no search');
    await writeRun(begun, other);
    const text = readFileSync(join(other.run('s1'), 'report.html'), 'utf8');
    expect(text).toContain('The search goes on');
    expect(text).not.toContain('videos right');
    expect(existsSync(join(other.run('s1'), 'run.json'))).toBe(true);
  });

  test("draws a round's curves once, and again where a training came to them", async () => {
    const other = homeAt(join(temporaryFolder(), 'home'));
    const rounds = events.flatMap(({ kind }, index) => (kind === 'winner-chosen' ? [index + 1] : []));
    const ends = [(rounds[0] ?? 0) - 2, ...rounds.slice(0, 2)];
    const written: string[][] = [];
    const report = () => readFileSync(join(other.run('s1'), 'report.html'), 'utf8');
    for (const { id } of trainingsOf(state)) {
      mkdirSync(other.candidate(id), { recursive: true });
      await writeCurve(other.candidate(id), [{ step: 1, loss: 1, accuracy: 0.5, learningRate: 0.1 }]);
    }
    for (const end of ends) {
      const then = fold(events.slice(0, end));
      if (!then) throw new Error('no search');
      await writeRun(then, other);
      const folder = join(other.run('s1'), 'curves');
      const pictures = readdirSync(folder).filter((name) => name.endsWith('.svg'));
      // A file that is written anew is another one.
      written.push(pictures.sort().map((name) => `${name} ${statSync(join(folder, name)).ino}`));
      for (const name of pictures) expect(report()).toContain(readFileSync(join(folder, name), 'utf8'));
    }
    const [early = [], first = [], second = []] = written;
    expect([early, first, second].map(({ length }) => length)).toEqual([1, 1, 2]);
    expect(first).not.toEqual(early);
    expect(second.slice(0, 1)).toEqual(first);
  });

  test('goes without a picture where a video is gone', async () => {
    const bare = await readRecordedData(run);
    const { stripsOf } = await import('../../src/search/reporting/strips.js');
    const [video] = bare?.videos ?? [];
    if (!bare || !video) throw new Error('no videos');
    const moved = { ...bare, videos: [{ ...video, path: '/nowhere.mp4', digest: '1'.repeat(32) }] };
    expect(await stripsOf([video.name], moved, temporaryFolder(), home.cache)).toEqual(new Map());
  });
});

describe('text in a page', () => {
  test('is never markup, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { markup } = html`<p title="${text}">${text}</p>`;
        const inside = markup.slice('<p title="'.length, -'</p>'.length);
        expect(inside.replace('">', '')).not.toMatch(/[<>"']/);
      }),
    );
  });
});

describe('a cell', () => {
  test('is never a formula, and is read back as it was written', () => {
    expect(csvRow(['=1+1', '+1', '-1', '@a', '\tx', ' =1', -1])).toBe("'=1+1,'+1,'-1,'@a,'\tx,' =1,-1\n");
    expect(csvRow(['a,b', 'say "x"', 'two\nlines'])).toBe('"a,b","say ""x""","two\nlines"\n');
  });
});

describe('intervals', () => {
  test("of a share are Wilson's: within 0 and 1, around the share, and narrower with more videos", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (count, part) => {
          const share = Math.round(part * count) / count;
          const { from, to } = shareInterval(share, count);
          expect(from).toBeGreaterThanOrEqual(0);
          expect(to).toBeLessThanOrEqual(1);
          expect(share).toBeGreaterThanOrEqual(from - 1e-12);
          expect(share).toBeLessThanOrEqual(to + 1e-12);
          const more = shareInterval(share, 4 * count);
          expect(more.to - more.from).toBeLessThan(to - from);
        },
      ),
    );
    // 19 of 20, as tables have it.
    expect(shareInterval(0.95, 20).from).toBeCloseTo(0.7639, 3);
    expect(shareInterval(0.95, 20).to).toBeCloseTo(0.9911, 3);
    expect(meanInterval(1, 0.1)).toEqual({ from: 1 - 0.196, to: 1 + 0.196 });
  });
});

describe('energy', () => {
  test('is the sum over the packages of what their counters went on by, also past their end', () => {
    const folder = temporaryFolder();
    const write = (name: string, microjoules: number) => {
      mkdirSync(join(folder, name), { recursive: true });
      writeFileSync(join(folder, name, 'energy_uj'), `${microjoules}\n`);
      writeFileSync(join(folder, name, 'max_energy_range_uj'), '10000000\n');
    };
    write('intel-rapl:0', 9_000_000);
    write('intel-rapl:1', 0);
    write('intel-rapl:0:0', 5);
    const meter = openEnergyMeter(folder);
    write('intel-rapl:0', 1_000_000);
    write('intel-rapl:1', 500_000);
    expect(meter.joules()).toBeCloseTo(2.5);
    expect(meter.joules()).toBeCloseTo(2.5);
    meter.close();
  });

  test('is unknown where it can not be read', () => {
    expect(openEnergyMeter(temporaryFolder()).joules()).toBeUndefined();
  });
});

describe('a picture', () => {
  test('of a frame is a whole JPEG file', () => {
    const bytes = jpegOf(new Uint8Array(32 * 16 * 3).fill(128), { width: 32, height: 16 });
    expect(bytes.subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
    expect(bytes.subarray(-2)).toEqual(Buffer.from([0xff, 0xd9]));
  });
});
