import { cp, mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DataConfiguration, openDataset } from '../../src/data/index.js';
import { X3dError } from '../../src/errors.js';
import { realVideos, temporaryFolder, writeClasses, writeGreys } from './videos.js';

const open = (configuration: DataConfiguration, cacheFolder = temporaryFolder()) =>
  openDataset(configuration, { cacheFolder });

/** What is said of a set that can't be used. */
async function refusal(configuration: DataConfiguration): Promise<X3dError> {
  const error = await open(configuration).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof X3dError)) throw new Error(`expected an X3dError, got ${String(error)}`);
  return error;
}

const thirds = { train: 0.34, validation: 0.33, test: 0.33 };

describe('a folder of class folders', () => {
  it('gives sorted classes, videos as decoded, a split by groups and the limits', async () => {
    const folder = writeClasses(temporaryFolder(), { walk: 3, bend: 3 });
    await writeFile(join(folder, 'walk', 'notes.txt'), 'not a video');
    await writeFile(join(folder, 'walk', '.hidden.mp4'), 'not a video');
    const seen: string[] = [];
    const dataset = await openDataset(
      { path: folder, group: '([^/_]+)_[^/]*$', shares: thirds },
      { cacheFolder: temporaryFolder(), onProgress: (done, of) => seen.push(`${done}/${of}`) },
    );
    expect(dataset.classes).toEqual(['bend', 'walk']);
    expect(dataset.parts).toEqual({ train: 2, validation: 2, test: 2 });
    expect(dataset.skipped).toEqual([]);
    expect(dataset.flip).toBe(true);
    expect(seen.at(-1)).toBe('6/6');
    const [first] = dataset.videos;
    expect(first).toMatchObject({
      name: 'bend/p0_bend.mp4',
      label: 0,
      group: 'p0',
      frames: 12,
      width: 32,
      height: 24,
    });
    expect(first?.seconds).toBeCloseTo(0.48);
    const partsOfGroups = new Set(dataset.videos.map(({ group, part }) => `${group} ${part}`));
    expect(partsOfGroups.size).toBe(3);
    // 1.25 x 24 = 30 pixels at test time.
    expect(dataset.limits).toEqual({ maxSpan: 12, maxCrop: 27 });
  });

  it('has the same fingerprint in another place and at another time, and another one once anything differs', async () => {
    const folder = writeClasses(temporaryFolder(), { a: 3, b: 3 });
    const here = await open({ path: folder });
    const copy = join(temporaryFolder(), 'copy');
    await cp(folder, copy, { recursive: true });
    await utimes(join(copy, 'a', 'p0_a.mp4'), 1, 1);
    expect((await open({ path: copy })).fingerprint).toBe(here.fingerprint);
    expect((await open({ path: copy, splitSeed: 1 })).fingerprint).not.toBe(here.fingerprint);
    writeGreys(join(copy, 'a', 'p0_a.mp4'), 11);
    expect((await open({ path: copy })).fingerprint).not.toBe(here.fingerprint);
  });

  it('remembers what it knows of a file until the file changes', async () => {
    const cacheFolder = temporaryFolder();
    const folder = writeClasses(temporaryFolder(), { a: 3, b: 3 });
    await open({ path: folder }, cacheFolder);
    const progress: number[] = [];
    const again = () =>
      openDataset({ path: folder }, { cacheFolder, onProgress: (done) => progress.push(done) });
    await again();
    expect(progress).toEqual([6]);
    writeGreys(join(folder, 'a', 'p1_a.mp4'), 9);
    progress.length = 0;
    const { videos } = await again();
    expect(progress).toEqual([5, 6]);
    expect(videos.find(({ name }) => name === 'a/p1_a.mp4')?.frames).toBe(9);
  });

  it('ends when it is told to, and keeps what it knows by then', async () => {
    const cacheFolder = temporaryFolder();
    const folder = writeClasses(temporaryFolder(), { a: 20, b: 20 });
    const ending = new AbortController();
    const stopped = openDataset(
      { path: folder },
      { cacheFolder, signal: ending.signal, onProgress: (done) => done === 2 && ending.abort() },
    );
    await expect(stopped).rejects.toThrow('aborted');
    const progress: number[] = [];
    await openDataset({ path: folder }, { cacheFolder, onProgress: (done) => progress.push(done) });
    expect(progress[0]).toBeGreaterThanOrEqual(2);
    expect(progress[0]).toBeLessThan(40);
  });

  it('skips files that can not be decoded, and says which, up to the share', async () => {
    const folder = writeClasses(temporaryFolder(), { a: 4, b: 4 });
    await writeFile(join(folder, 'a', 'broken.mp4'), 'nothing');
    const dataset = await open({ path: folder, skipShare: 0.2 });
    expect(dataset.skipped).toEqual([
      { path: 'a/broken.mp4', reason: 'not a container that FFmpeg can open' },
    ]);
    expect(dataset.videos).toHaveLength(8);
    const { kind, message } = await refusal({ path: folder });
    expect(kind).toBe('data');
    expect(message).toMatch(/at most 5 % of the files undecodable, got 1 of 9: a\/broken\.mp4/);
  });
});

describe('folders of parts', () => {
  it('divide the videos as they stand; val and validation are the same', async () => {
    const folder = temporaryFolder();
    writeClasses(join(folder, 'train'), { a: 2, b: 1 });
    writeClasses(join(folder, 'val'), { a: 1 });
    const dataset = await open({ path: folder });
    expect(dataset.parts).toEqual({ train: 3, validation: 1, test: 0 });
    await rename(join(folder, 'val'), join(folder, 'validation'));
    expect((await open({ path: folder })).parts).toEqual({ train: 3, validation: 1, test: 0 });
  });

  it('are refused together with shares, without videos to validate on, and where a group stands on both sides', async () => {
    const folder = temporaryFolder();
    writeClasses(join(folder, 'train'), { a: 1, b: 1 });
    expect((await refusal({ path: folder })).message).toMatch(/expected videos to validate on/);
    writeClasses(join(folder, 'val'), { a: 1 });
    expect((await refusal({ path: folder, shares: thirds })).message).toMatch(
      /^data\.shares: expected no shares/,
    );
    const crossing = await refusal({ path: folder, group: '([^/_]+)_[^/]*$' });
    expect(crossing.message).toMatch(/^val\/a\/p0_a\.mp4: expected the videos of group "p0" in one part/);
  });

  it('are refused where a class has nothing to train on', async () => {
    const folder = temporaryFolder();
    writeClasses(join(folder, 'train'), { a: 1, b: 1 });
    writeClasses(join(folder, 'val'), { c: 1 });
    expect((await refusal({ path: folder })).message).toMatch(
      /training videos in every class, got none in c/,
    );
  });
});

describe('lists', () => {
  async function listed(lists: Readonly<Record<string, string>>) {
    const folder = temporaryFolder();
    writeClasses(join(folder, 'videos'), { a: 3, 'b c': 3 });
    for (const [name, text] of Object.entries(lists)) await writeFile(join(folder, name), text);
    return folder;
  }
  const train = 'a/p0_a.mp4 0\nb c/p0_b c.mp4 1\na/p1_a.mp4 0\n';
  const val = 'a/p2_a.mp4,0\r\nb c/p2_b c.mp4, 1\r\n\r\n';

  it('are read with spaces or commas between path and label, relative to the root', async () => {
    const folder = await listed({ 'train.csv': train, 'val.csv': val });
    const dataset = await open({ path: folder, root: join(folder, 'videos') });
    expect(dataset.classes).toEqual(['0', '1']);
    expect(dataset.parts).toEqual({ train: 3, validation: 2, test: 0 });
    expect(dataset.videos.map(({ name, label, part }) => `${name} ${label} ${part}`)).toContain(
      'b c/p2_b c.mp4 1 validation',
    );
  });

  it('take the names of classes from classes.txt', async () => {
    const folder = await listed({ 'train.csv': train, 'val.csv': val, 'classes.txt': 'first\nsecond\n' });
    const root = join(folder, 'videos');
    expect((await open({ path: folder, root })).classes).toEqual(['first', 'second']);
    await writeFile(join(folder, 'classes.txt'), 'first\n');
    expect((await refusal({ path: folder, root })).message).toMatch(/classes\.txt: expected a name for each/);
  });

  it.each([
    [
      'a line without a label',
      'train.csv',
      'a/p0_a.mp4 0\na/p1_a.mp4\n',
      /train\.csv:2: expected two columns/,
    ],
    [
      'a label that is no number',
      'train.csv',
      'a/p0_a.mp4 walking\n',
      /train\.csv:1: expected a whole number.*"walking"/,
    ],
    ['a negative label', 'train.csv', 'a/p0_a.mp4 -1\n', /train\.csv:1: expected a whole number.*"-1"/],
    ['a video twice', 'val.csv', 'a/p2_a.mp4 0\na/p0_a.mp4 0\n', /val\.csv:2: expected every video once/],
    ['a class left out', 'train.csv', 'a/p0_a.mp4 0\na/p1_a.mp4 2\n', /videos in every class, got none in 1/],
    ['one class', 'train.csv', 'a/p0_a.mp4 0\n', /at least two classes/],
  ])('are refused with %s', async (_, name, text, message) => {
    const folder = await listed({ 'train.csv': train, 'val.csv': 'a/p2_a.mp4 0\n', [name]: text });
    const error = await refusal({ path: folder, root: join(folder, 'videos') });
    expect(error.kind).toBe('data');
    expect(error.message).toMatch(message);
  });

  it('name a listed file that is not there', async () => {
    const folder = await listed({ 'train.csv': `${train}a/gone.mp4 0\n`, 'val.csv': val });
    const error = await refusal({ path: folder, root: join(folder, 'videos') });
    expect(error.message).toMatch(/a\/gone\.mp4 \(no such file\)/);
  });
});

describe('what can not be a data set', () => {
  it('is a folder that is not there, is a file, or holds fewer than two classes or an empty one', async () => {
    const folder = temporaryFolder();
    expect((await refusal({ path: join(folder, 'gone') })).message).toMatch(
      /gone: expected a folder.*no such folder/,
    );
    await writeFile(join(folder, 'file'), '');
    expect((await refusal({ path: join(folder, 'file') })).message).toMatch(/expected a folder.*got a file/);
    await rm(join(folder, 'file'));
    expect((await refusal({ path: folder })).message).toMatch(/at least two classes, got none/);
    writeClasses(folder, { a: 1 });
    expect((await refusal({ path: folder })).message).toMatch(/at least two classes, got one, a/);
    await mkdir(join(folder, 'b'));
    expect((await refusal({ path: folder })).message).toMatch(/videos in every class, got none in b/);
  });

  it.each([
    ['(unclosed', /expected a regular expression/],
    ['person_.*', /with a group in parentheses/],
    ['person(\\d+)', /matches every video, got .*does not match a\/p0_a\.mp4/],
  ])('is one with the group %s', async (group, message) => {
    const folder = writeClasses(temporaryFolder(), { a: 1, b: 1 });
    const error = await refusal({ path: folder, group });
    expect(error.kind).toBe('invalid-input');
    expect(error.message).toMatch(message);
  });

  it('is one with shares that do not sum to 1', async () => {
    const folder = writeClasses(temporaryFolder(), { a: 1, b: 1 });
    const error = await refusal({ path: folder, shares: { train: 0.5, validation: 0.2, test: 0.2 } });
    expect(error.message).toMatch(/^data\.shares: expected shares that sum to 1/);
  });
});

const weizmann = realVideos('weizmann');

describe('ninety real clips', () => {
  it.skipIf(weizmann === undefined)(
    'are five people to train on, two to validate and two to test',
    async () => {
      const dataset = await open({
        path: weizmann as string,
        group: '([^/_]+)_[^/]*$',
        shares: { train: 0.56, validation: 0.22, test: 0.22 },
      });
      expect(dataset.classes).toHaveLength(10);
      expect(dataset.parts).toEqual({ train: 50, validation: 20, test: 20 });
      expect(Math.min(...dataset.videos.map(({ frames }) => frames))).toBe(36);
      expect(dataset.limits.maxSpan).toBeGreaterThan(36);
      expect(dataset.limits.maxCrop).toBe(158);
      expect(dataset.rate).toBe(25);
      expect(dataset.videos.every(({ times }) => times === undefined)).toBe(true);
      // A set of one constant rate is known under the fingerprint that it always had.
      expect(dataset.fingerprint).toBe('e638631c34d3d430644d212608200272d90c7116cc6da9315a7a009f8b35a7ae');
    },
  );
});
