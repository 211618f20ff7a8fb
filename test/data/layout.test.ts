/** What counts as a set of videos: names of parts, forms of lists, links, files that are no videos. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { cp, mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DataConfiguration, type OpenOptions, openDataset, type Part } from '../../src/data/index.js';
import { readLayout } from '../../src/data/layout.js';
import { partNamed } from '../../src/data/parts.js';
import { temporaryFolder, writeClasses, writeGreys } from './videos.js';

/** Empty files: nothing is decoded to know a layout. */
function files(...names: readonly string[]): string {
  const folder = temporaryFolder();
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), '');
  }
  return folder;
}

const layoutOf = async (path: string) => {
  const { classes, files: found, divided, leftOut } = await readLayout({ path });
  return {
    classes,
    divided,
    leftOut,
    files: found.map(({ name, part }) => (part ? `${part} ${name}` : name)),
  };
};
const refusal = (path: string, part?: Part) =>
  readLayout({ path }, part === undefined ? {} : { part }).then(
    () => 'accepted',
    (error: Error) => error.message,
  );

describe('a list by itself', () => {
  it('is all that there is where one part is needed; where parts are to be made it is refused', async () => {
    const folder = files('videos/b.mp4', 'videos/a.mp4', 'train.csv');
    writeFileSync(join(folder, 'test.csv'), 'videos/a.mp4 1\nvideos/b.mp4 2\n');
    const path = join(folder, 'test.csv');
    const { files: found, divided, classes } = await readLayout({ path }, { part: 'test' });
    expect({ divided, classes }).toEqual({ divided: false, classes: ['0', '1', '2'] });
    expect(found.map(({ name, label, part }) => [name, label, part])).toEqual([
      ['videos/a.mp4', 1, undefined],
      ['videos/b.mp4', 2, undefined],
    ]);
    const video = join(folder, 'videos/a.mp4');
    expect(await refusal(video, 'test')).toMatch(
      /expected a folder of videos, or a list of them as .csv, .tsv or .txt, got a file/,
    );
    expect(await refusal(path)).toMatch(
      /expected a folder of videos, got a file. Give the folder that it lies in/,
    );
  });
});

describe('names of the parts', () => {
  it.each([
    ['train', 'train'],
    ['Training', 'train'],
    ['TRAIN', 'train'],
    ['videos_train', 'train'],
    ['TrainSet', 'train'],
    ['train_256', 'train'],
    ['val', 'validation'],
    ['Valid', 'validation'],
    ['validation', 'validation'],
    ['dev', 'validation'],
    ['Test', 'test'],
    ['testing', 'test'],
    ['trainlist01', 'train'],
    ['kinetics', undefined],
    ['constructor', undefined],
    ['__proto__', undefined],
    ['training_wheels', 'unclear'],
    ['test_unlabelled', 'unclear'],
    ['train_val', 'unclear'],
    ['contest', undefined],
  ])('%s is %s', (name, part) => {
    expect(partNamed(name)).toBe(part);
  });
});

describe('folders', () => {
  it('of parts are told in any case, and two of them may do', async () => {
    expect(
      await layoutOf(files('Train/a/1.mp4', 'Train/b/2.mp4', 'Valid/a/3.mp4', 'Testing/b/4.mp4')),
    ).toEqual({
      classes: ['a', 'b'],
      divided: true,
      leftOut: [],
      files: [
        'test Testing/b/4.mp4',
        'train Train/a/1.mp4',
        'train Train/b/2.mp4',
        'validation Valid/a/3.mp4',
      ],
    });
    expect((await layoutOf(files('train/a/1.mp4', 'test/a/3.mp4', 'annotations/x.csv'))).leftOut).toEqual([
      'annotations',
    ]);
  });

  it('with the name of a part are classes where they hold videos and stand beside others', async () => {
    const { classes, divided } = await layoutOf(files('train/1.mp4', 'bus/2.mp4', 'train_in_out/3.mp4'));
    expect(divided).toBe(false);
    expect(classes).toEqual(['bus', 'train', 'train_in_out']);
  });

  it.each([
    ['a part beside a class', ['train/a/1.mp4', 'walk/2.mp4'], /got train beside walk/],
    [
      'a part that is not understood',
      ['train/a/1.mp4', 'test/a/2.mp4', 'test_new/a/3.mp4'],
      /test_new: expected class/,
    ],
    [
      'a part without classes',
      ['train/a/1.mp4', 'val/a/2.mp4', 'test/3.mp4'],
      /test: .* videos without a class/,
    ],
    ['parts without classes', ['train/1.mp4', 'val/2.mp4'], /got train, val with videos in them/],
    ['one part twice', ['train/a/1.mp4', 'val/a/2.mp4', 'valid/a/3.mp4'], /val and valid for one part/],
  ])('that are %s are refused', async (_, names, message) => {
    expect(await refusal(files(...names))).toMatch(message);
  });

  it('of classes may be called as parts of the language', async () => {
    const folder = files('__proto__/1.mp4', 'constructor/2.mp4', 'toString/3.mp4', 'hasOwnProperty.csv');
    expect((await layoutOf(folder)).classes).toEqual(['__proto__', 'constructor', 'toString']);
  });

  it('are the same class in both of its Unicode forms', async () => {
    const [composed, apart] = ['caf\u00e9', 'cafe\u0301'];
    const { classes, files: found } = await layoutOf(files(`train/${composed}/1.mp4`, `val/${apart}/2.mp4`));
    expect(classes).toEqual([composed]);
    expect(found).toEqual([`train train/${composed}/1.mp4`, `validation val/${composed}/2.mp4`]);
  });
});

describe('what is no video', () => {
  it('is counted by kind, and does not stand against the share of undecodable files', async () => {
    const folder = writeClasses(temporaryFolder(), { a: 3, b: 3 });
    const put = (name: string, content = 'x') => writeFileSync(join(folder, 'a', name), content);
    put('1.JPG');
    put('2.png');
    put('clip.mp4.part');
    put('clip.mp4.part-Frag12');
    put('Thumbs.db');
    put('index.m3u8');
    put('song.mp3');
    put('.hidden.mp4');
    // By their content alone: a playlist, and one frame.
    put('other', '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\np0_a.mp4\n');
    writeGreys(join(folder, 'b', 'one.mp4'), 1);
    mkdirSync(join(folder, '__MACOSX'));
    const { noVideo, skipped, videos } = await openDataset(
      { path: folder },
      { cacheFolder: temporaryFolder() },
    );
    expect(videos).toHaveLength(6);
    expect(skipped).toEqual([]);
    expect(Object.fromEntries(noVideo.map(({ reason, files: count }) => [reason, count]))).toEqual({
      'a still picture': 3,
      'an unfinished download': 2,
      'a file of the operating system': 1,
      'a playlist': 1,
      sound: 1,
      'a playlist, which names other files': 1,
    });
  });
});

describe('links', () => {
  it('to a folder that is read already lead nowhere', async () => {
    const folder = files('bend/1.mp4', 'bend/2.mp4', 'wave/3.mp4');
    const all = ['bend/1.mp4', 'bend/2.mp4', 'wave/3.mp4'];
    symlinkSync('.', join(folder, 'bend', 'latest'));
    expect((await layoutOf(folder)).files).toEqual(all);
    symlinkSync('..', join(folder, 'bend', 'up'));
    symlinkSync('..', join(folder, 'wave', 'up'));
    symlinkSync(join('..', 'bend'), join(folder, 'wave', 'bend'));
    expect((await layoutOf(folder)).files).toEqual(all);
  });

  it('to a folder elsewhere are followed, once', async () => {
    const elsewhere = files('4.mp4', 'deep/5.mp4');
    const folder = files('bend/1.mp4', 'wave/3.mp4');
    symlinkSync(elsewhere, join(folder, 'bend', 'x'));
    symlinkSync(elsewhere, join(folder, 'wave', 'x'));
    expect((await layoutOf(folder)).files).toEqual([
      'bend/1.mp4',
      'bend/x/4.mp4',
      'bend/x/deep/5.mp4',
      'wave/3.mp4',
    ]);
  });

  it('to the system and its devices are passed over', async () => {
    const folder = files('bend/1.mp4', 'wave/3.mp4');
    symlinkSync('/proc', join(folder, 'bend', 'proc'));
    symlinkSync('/dev/zero', join(folder, 'wave', 'zero.mp4'));
    expect((await layoutOf(folder)).files).toEqual(['bend/1.mp4', 'wave/3.mp4']);
    expect(await refusal('/proc')).toMatch(/expected a folder of files/);
  });

  it('and folders are no longer walked once nobody wants to know', async () => {
    const ending = new AbortController();
    const walked = readLayout({ path: files('bend/1.mp4', 'wave/3.mp4') }, { signal: ending.signal });
    ending.abort(new Error('no longer wanted'));
    await expect(walked).rejects.toThrow('no longer wanted');
  });
});

describe('lists', () => {
  const videos = ['a/p0_a.mp4', 'a/p1_a.mp4', 'b c/p0_b c.mp4', 'b c/p1_b c.mp4'];
  /** Lists of the same four videos, in the form that `line` gives. */
  async function listed(
    line: (path: string, label: number) => string,
    head = '',
    encoding: BufferEncoding = 'utf8',
  ) {
    const folder = files(...videos);
    for (const [name, from] of [
      ['train', 0],
      ['val', 1],
    ] as const) {
      const lines = videos.flatMap((path, i) => (i % 2 === from ? [line(path, Math.floor(i / 2))] : []));
      const mark = encoding === 'utf16le' ? '\uFEFF' : '';
      writeFileSync(join(folder, `${name}.csv`), `${mark}${head}${lines.join('\r\n')}\r\n`, encoding);
    }
    return folder;
  }
  const whole = {
    divided: true,
    leftOut: [],
    files: ['train a/p0_a.mp4', 'validation a/p1_a.mp4', 'train b c/p0_b c.mp4', 'validation b c/p1_b c.mp4'],
  };
  const names = ['walk', 'run, fast'];

  it.each([
    ['spaces', (path: string, label: number) => `${path} ${label}`],
    ['commas', (path: string, label: number) => `${path}, ${label}`],
    ['semicolons', (path: string, label: number) => `${path};${label}`],
    ['tabs', (path: string, label: number) => `${path}\t${label}`],
    ['quoted paths', (path: string, label: number) => `"${path}" ${label}`],
    ['quotes all over', (path: string, label: number) => `"${path}","${label}"`],
    ['a column of frames', (path: string, label: number) => `${path} 20 ${label}`],
    ['a column of frames and commas', (path: string, label: number) => `${path},20,${label}`],
    ['backslashes', (path: string, label: number) => `${path.replace('/', '\\')} ${label}`],
  ])('with %s are read', async (_, line) => {
    expect(await layoutOf(await listed(line))).toEqual({ ...whole, classes: ['0', '1'] });
  });

  it('with a header line are read by its names', async () => {
    const line = (path: string, label: number) => `${label},x,${path}`;
    expect(await layoutOf(await listed(line, 'label,other,file_name\r\n'))).toEqual({
      ...whole,
      classes: ['0', '1'],
    });
    const other = (path: string, label: number) => `${path},${label}`;
    expect(await layoutOf(await listed(other, 'clip no,kind\n'))).toEqual({ ...whole, classes: ['0', '1'] });
  });

  it('in UTF-16 and with a byte order mark are read; in other encodings they are refused', async () => {
    const line = (path: string, label: number) => `${path} ${label}`;
    for (const folder of [await listed(line, '', 'utf16le'), await listed(line, '\uFEFF')])
      expect(await layoutOf(folder)).toEqual({ ...whole, classes: ['0', '1'] });
    expect(await refusal(await listed((path, label) => `\xe9${path} ${label}`, '', 'latin1'))).toMatch(
      /train\.csv: expected a list as UTF-8 text, got bytes that are not UTF-8/,
    );
  });

  it('may name classes, quoted as RFC 4180 has it', async () => {
    const folder = await listed((path, label) => `${path},"${names[label]}"`, 'video_name,tag\n');
    expect((await layoutOf(folder)).classes).toEqual(['run, fast', 'walk']);
    await rename(join(folder, 'val.csv'), join(folder, 'Validation.csv'));
    expect((await layoutOf(folder)).files).toContain('validation a/p1_a.mp4');
  });

  it('of Kinetics are read, with the folder of the videos', async () => {
    const folder = files('train.csv', 'val.csv');
    const head = 'label,youtube_id,time_start,time_end,split\n';
    writeFileSync(
      join(folder, 'train.csv'),
      `${head}"eating, fast",--3ouPhoy2A,20,30,train\nrunning,abc,0,10,train\n`,
    );
    writeFileSync(join(folder, 'val.csv'), `${head}running,defg,7,17,val\n`);
    const root = files(
      'train/--3ouPhoy2A_000020_000030.mp4',
      'train/abc.mkv',
      'val/running/defg_000007_000017.mp4',
    );
    const { classes, files: found } = await readLayout({ path: folder, root });
    expect(classes).toEqual(['eating, fast', 'running']);
    expect(found.map(({ name, label }) => `${name} ${label}`)).toEqual([
      'train/--3ouPhoy2A_000020_000030.mp4 0',
      'train/abc.mkv 1',
      'val/running/defg_000007_000017.mp4 1',
    ]);
    expect(await refusal(folder)).toMatch(
      /train\.csv: expected the videos of this Kinetics annotation below/,
    );
  });

  it('find their files under another Unicode form of the name', async () => {
    const folder = files('cafe\u0301/1.mp4', 'b/2.mp4');
    writeFileSync(join(folder, 'train.csv'), 'caf\u00e9/1.mp4 0\nb/2.mp4 1\n');
    const { files: found } = await readLayout({ path: folder });
    expect(found.map(({ path }) => path)).toContain(join(folder, 'cafe\u0301/1.mp4'));
  });

  it.each([
    [
      'a label beyond any set',
      'a/1.mp4 1586453823000\nb/2.mp4 0\n',
      /train\.csv:1: expected a label from 0 to 99999/,
    ],
    ['labels from 1', 'a/1.mp4 1\nb/2.mp4 2\n', /expected labels that count from 0, got labels from 1 to 2/],
    [
      'several labels',
      'a/1.mp4,2,3,4,0\n',
      /train\.csv:1: expected path and label, or path, frames and label/,
    ],
    ['quotes without an end', '"a/1.mp4,0\nb/2.mp4,1\n', /train\.csv/],
  ])('are refused with %s', async (_, text, message) => {
    const folder = files('a/1.mp4', 'b/2.mp4');
    writeFileSync(join(folder, 'train.csv'), text);
    writeFileSync(join(folder, 'val.csv'), 'a/3.mp4 1\n');
    expect(await refusal(folder)).toMatch(message);
  });
});

describe('what a network is evaluated on', () => {
  const classes = ['a', 'b', 'c'];
  const open = (
    path: string,
    more: Partial<OpenOptions> = {},
    configuration: Partial<DataConfiguration> = {},
  ) =>
    openDataset(
      { path, ...configuration },
      { cacheFolder: temporaryFolder(), part: 'test', undivided: 'test', classes, ...more },
    );

  it('is the test part alone, with the classes that are there', async () => {
    const folder = temporaryFolder();
    writeClasses(join(folder, 'test'), { c: 2 });
    const dataset = await open(folder);
    expect(dataset).toMatchObject({ classes, parts: { train: 0, validation: 0, test: 2 } });
    expect(dataset.videos.map(({ label }) => label)).toEqual([2, 2]);
    await mkdir(join(folder, 'train', 'a'), { recursive: true });
    writeFileSync(join(folder, 'train', 'a', 'broken.mp4'), 'never looked at');
    expect((await open(folder)).skipped).toEqual([]);
  });

  it('is a list of the test part alone', async () => {
    const folder = temporaryFolder();
    const root = writeClasses(temporaryFolder(), { a: 1, b: 1 });
    writeFileSync(join(folder, 'test.csv'), 'b/p0_b.mp4 1\n');
    const dataset = await open(folder, {}, { root });
    expect(dataset).toMatchObject({ classes, parts: { test: 1 } });
    expect(dataset.videos[0]).toMatchObject({ name: 'b/p0_b.mp4', label: 1 });
  });

  it('keeps its own classes where the network has others', async () => {
    const folder = writeClasses(temporaryFolder(), { a: 1, x: 1 });
    expect((await open(folder)).classes).toEqual(['a', 'x']);
  });
});

describe('the same content', () => {
  it('in two parts or two classes is said', async () => {
    const folder = temporaryFolder();
    writeClasses(join(folder, 'train'), { a: 2, b: 2 });
    writeClasses(join(folder, 'val'), { b: 1 });
    await cp(join(folder, 'train', 'a', 'p0_a.mp4'), join(folder, 'train', 'b', 'z.mp4'));
    await cp(join(folder, 'train', 'b', 'p1_b.mp4'), join(folder, 'val', 'b', 'z.mp4'));
    const { remarks } = await openDataset({ path: folder }, { cacheFolder: temporaryFolder() });
    expect(remarks).toContainEqual({
      path: 'train/b/z.mp4',
      remark: 'the same content as train/a/p0_a.mp4, in class b and not a',
    });
    expect(remarks).toContainEqual({
      path: 'val/b/z.mp4',
      remark: 'the same content as train/b/p1_b.mp4, in the validation part and not train',
    });
  });
});
