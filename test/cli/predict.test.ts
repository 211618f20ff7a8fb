/** `predict`: files nobody labelled, in every way of naming them, with the scores that evaluation counts. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeVideo, SHAPE_CLASSES, shapeFrames } from '../../src/data/demo/index.js';
import { BASES } from '../../src/network/index.js';
import { tensorFlowMissing } from '../../src/training/engine/tensorflow.js';
import { writeNetwork } from '../deployment/networks.js';
import { smallVideos, type Videos } from './searches.js';
import { start, temporaryFolder, x3d } from './spawning.js';

const base = BASES['x2d-micro'];
const classes: readonly string[] = [...SHAPE_CLASSES].sort();
let videos: Videos;
let network: string;

beforeAll(() => {
  videos = smallVideos();
  const factors = { ...base.factors, frames: 2, stride: 4, crop: 32 };
  network = writeNetwork(join(videos.path, '.network'), { base, factors, classes });
});
afterAll(() => videos.remove());

interface Line {
  readonly video: string;
  readonly top: readonly { readonly class: string; readonly score: number }[];
  readonly seconds: number;
  readonly windows?: readonly { readonly from: number; readonly to: number; readonly top: Line['top'] }[];
  readonly error?: string;
}
const linesOf = (stdout: string): Line[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

const predict = (...args: string[]) => x3d('predict', network, ...args, '--home', temporaryFolder());
const oneVideo = (kind = 'square') => {
  const folder = join(videos.path, classes.find((name) => name.includes(kind)) ?? (classes[0] as string));
  return join(folder, readdirSync(folder).sort()[0] as string);
};

describe.skipIf(tensorFlowMissing !== undefined)('predict', () => {
  it('gives each video the scores that evaluate counts', async () => {
    const { stdout, code } = await predict(videos.path, '--views', '3', '--top', '6', '--json');
    expect(code).toBe(0);
    const lines = linesOf(stdout);
    expect(lines).toHaveLength(30);
    const evaluated = JSON.parse(
      (
        await x3d(
          ...['evaluate', videos.path, '--network', network, '--views', '3', '--json'],
          ...['--home', temporaryFolder()],
        )
      ).stdout,
    );
    const confusion = classes.map(() => classes.map(() => 0));
    let loss = 0;
    for (const { video, top } of lines) {
      const label = classes.indexOf(basename(video).replace(/^scene\d+_|\.mp4$/g, ''));
      const row = confusion[label] as number[];
      const predicted = classes.indexOf(top[0]?.class ?? '');
      row[predicted] = (row[predicted] ?? 0) + 1;
      loss -= Math.log(top.find((each) => each.class === classes[label])?.score ?? 0) / lines.length;
      expect(top.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 5);
    }
    expect(evaluated.center.confusion).toEqual(confusion);
    expect(loss).toBeCloseTo(evaluated.center.metrics.loss, 6);
    expect(lines[0]?.seconds).toBeCloseTo(50 / 25, 3);
  });

  it('is a table for people, with the speed at the end', async () => {
    const { stdout, stderr } = await predict(oneVideo(), '--top', '2');
    expect(stdout).toMatch(/^video +class +score +then follow *$/m);
    expect(stdout).toMatch(/\.mp4 +[a-z-]+ +\d+\.\d % +[a-z-]+ \d+\.\d %$/m);
    expect(stderr).toMatch(/^1 video in \d+\.\d s, \d+\.\d videos per second$/m);
  });

  it('takes files, folders, lists with or without labels, and paths on standard input, each video once', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'deep', 'er'), { recursive: true });
    copyFileSync(oneVideo(), join(folder, 'deep', 'er', 'a.mp4'));
    copyFileSync(oneVideo(), join(folder, 'with space.mp4'));
    writeFileSync(join(folder, 'deep', 'notes.txt'), 'no video');
    // As Windows writes it: UTF-16 with a byte order mark.
    writeFileSync(join(folder, 'list.txt'), '\ufeffdeep/er/a.mp4 3\r\n\r\nwith space.mp4\r\n', 'utf16le');
    const running = start(
      ['predict', network, '-', '--json', '--home', temporaryFolder()],
      {},
      `${oneVideo()}\n`,
    );
    const [fromFolder, fromList, fromInput] = await Promise.all([
      predict(folder, join(folder, 'with space.mp4'), '--json'),
      predict(join(folder, 'list.txt'), '--json'),
      running.finished,
    ]);
    expect(linesOf(fromFolder.stdout).map(({ video }) => basename(video))).toEqual([
      'a.mp4',
      'with space.mp4',
    ]);
    expect(linesOf(fromList.stdout).map(({ video }) => basename(video))).toEqual(['a.mp4', 'with space.mp4']);
    expect(linesOf(fromInput.stdout).map(({ video }) => basename(video))).toEqual([basename(oneVideo())]);
  });

  it('names what can not be decoded, goes on with the others, and ends with 2', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'a.mp4'), 'no video at all');
    copyFileSync(oneVideo(), join(folder, 'b.mp4'));
    const { code, stdout, stderr } = await predict(folder, join(folder, 'gone.mp4'), '--json');
    expect(code).toBe(2);
    const lines = linesOf(stdout);
    expect(lines.filter(({ error }) => error).map(({ video, error }) => [basename(video), error])).toEqual([
      ['a.mp4', 'not a container that FFmpeg can open'],
      ['gone.mp4', 'no such file'],
    ]);
    expect(lines.filter(({ top }) => top).map(({ video }) => basename(video))).toEqual(['b.mp4']);
    expect(stderr).toMatch(/a\.mp4: can't be predicted: not a container/);
    expect(stderr).toMatch(/2 of 3 could not be predicted$/m);
  });

  describe('over time', () => {
    const seconds = 6;
    let long: string;
    beforeAll(() => {
      const size = { width: 96, height: 72, frames: 75 };
      const pictures = SHAPE_CLASSES.slice(0, 2).flatMap((kind) => [...shapeFrames(kind, 0, 0, size)]);
      long = join(videos.path, '.network', 'long & wide.mp4');
      encodeVideo(long, { ...size, framesPerSecond: 25 }, pictures);
    });

    it('has a window each second, and a page that stands by itself', async () => {
      const page = join(temporaryFolder(), 'time.html');
      const { code, stdout } = await predict(
        long,
        '--every',
        '1s',
        '--timeline',
        page,
        '--json',
        '--top',
        '6',
      );
      expect(code).toBe(0);
      const [line] = linesOf(stdout);
      const windows = line?.windows ?? [];
      expect(line?.seconds).toBeCloseTo(seconds, 2);
      // The last starts where a clip of five frames still fits.
      expect(windows).toHaveLength(7);
      expect(windows[0]?.from).toBe(0);
      expect(windows[0]?.to).toBeCloseTo(5 / 25, 5);
      expect(windows.at(-1)?.to).toBeCloseTo(seconds, 5);
      const html = readFileSync(page, 'utf8');
      expect(html).toContain('long &amp; wide.mp4');
      expect(html).not.toMatch(/(src|href)=|url\(|<script/);
      expect(html.match(/<polyline/g)).toHaveLength(6);
    });

    it('makes of as many windows what the same number of views comes to', async () => {
      const [timed, plain] = await Promise.all([
        predict(long, '--every', '1s', '--json', '--top', '6'),
        predict(long, '--views', '7', '--json', '--top', '6'),
      ]);
      const scores = (stdout: string) => new Map(linesOf(stdout)[0]?.top.map((t) => [t.class, t.score]));
      const expected = scores(plain.stdout);
      for (const [name, score] of scores(timed.stdout)) expect(score).toBeCloseTo(expected.get(name) ?? 0, 6);
    });

    it('is a table of stretches for people', async () => {
      const { stdout } = await predict(long, '--every', '500ms');
      expect(stdout).toMatch(/^video +from +to +class +score$/m);
      expect(stdout).toMatch(/wide\.mp4 +0:00\.0 +0:0\d\.\d +\S+ +\d+\.\d %$/m);
    });
  });

  it('refuses a duration that is none, and a folder without videos', async () => {
    const refused = await predict(oneVideo(), '--every', 'often');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/Expected a duration above 0 such as 1s/);
    const empty = await predict(temporaryFolder());
    expect(empty.code).toBe(2);
    expect(empty.stderr).toMatch(/expected videos, got none/);
  });
});
