/** The real trainer, up to where it would train: what it says of data that are not what the search saw. */
import { type ChildProcess, fork } from 'node:child_process';
import { on, once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { makeDemoVideos } from '../../src/data/demo/index.js';
import { type DataConfiguration, openDataset } from '../../src/data/index.js';
import type { SeenVideos } from '../../src/training/training.js';
import { TRAINER } from '../../src/workers/child.js';
import type { TrainerOrder, TrainerReport } from '../../src/workers/job.js';
import { candidateThatWill } from './candidates.js';

let folder: string;
let data: DataConfiguration;
let trainer: ChildProcess;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x3d-trainer-'));
  data = makeDemoVideos(join(folder, 'videos'), { scenes: 5 });
});
afterEach(() => {
  trainer.kill('SIGKILL');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const cacheFolder = () => join(folder, 'cache');
const seen = async (configuration: DataConfiguration): Promise<SeenVideos> => {
  const { fingerprint, videos, skipped } = await openDataset(configuration, { cacheFolder: cacheFolder() });
  return { fingerprint, usable: videos.length, skipped: skipped.length };
};
const OTHERS: SeenVideos = { fingerprint: 'f00d', usable: 1, skipped: 0 };

const start = (
  changes: Partial<DataConfiguration>,
  videos: SeenVideos = OTHERS,
  candidate = join(folder, 'candidate'),
) => {
  const { work } = candidateThatWill('train');
  const places = {
    folder: candidate,
    cacheFolder: cacheFolder(),
    pretrainedFolder: join(folder, 'pretrained'),
  };
  const request = { ...work, ...places, data: { ...data, ...changes }, device: 'cpu' as const, threads: 1 };
  trainer = fork(TRAINER, [], { serialization: 'advanced' });
  trainer.send({ request, videos } satisfies TrainerOrder);
};

const ending = async (): Promise<TrainerReport> => {
  for (;;) {
    const [report] = (await once(trainer, 'message')) as [TrainerReport];
    if (report.kind !== 'progress') return report;
  }
};

describe('a trainer', () => {
  test('that can not read the videos says so, and that they may come back', async () => {
    const path = join(folder, 'nowhere');
    start({ path });
    expect(await ending()).toEqual({
      kind: 'failure',
      failure: {
        kind: 'unreachable-data',
        retry: 'later',
        reason: expect.stringMatching(
          new RegExp(`^${path}: expected a folder that can be read, got no such folder`),
        ),
      },
    });
    const [code] = await once(trainer, 'exit');
    expect(code).toBe(0);
  });

  test('that sees other videos than the search did does not train on them', async () => {
    start({});
    expect(await ending()).toMatchObject({
      kind: 'failure',
      failure: {
        kind: 'unreadable-data',
        retry: 'elsewhere',
        reason: expect.stringMatching(
          /: expected the videos that the search was made on \(fingerprint f00d\), got others \([0-9a-f]{12}\)\. Give every worker the same videos/,
        ),
      },
    });
  });

  /** A copy of the videos, as the search saw them, and the first of them in order. */
  const copied = async (name: string) => {
    const path = join(folder, name);
    await cp(data.path, path, { recursive: true });
    const own = { ...data, path };
    const { videos } = await openDataset(own, { cacheFolder: cacheFolder() });
    return { path, saw: await seen(own), first: videos[0]?.path ?? '' };
  };

  test.each([
    ['where a video is away', (video: string) => rm(video), /1 of \d+ videos are missing/],
    [
      'where the folder is empty',
      (video: string) =>
        rm(dirname(dirname(video)), { recursive: true }).then(() => mkdir(dirname(dirname(video)))),
      /./,
    ],
  ])('%s waits for it', async (name, remove, reason) => {
    const { path, saw, first } = await copied(name);
    await remove(first);
    start({ path }, saw);
    expect(await ending()).toMatchObject({
      kind: 'failure',
      failure: { kind: 'unreachable-data', retry: 'later', reason: expect.stringMatching(reason) },
    });
  });

  test.each([
    ['is another one now', async (first: string, other: string) => cp(other, first)],
    ['is damaged now', async (first: string) => writeFile(first, 'no video any more')],
  ])('knows that a video that was there %s', async (name, change) => {
    const { path, saw, first } = await copied(name);
    const { videos } = await openDataset({ ...data, path }, { cacheFolder: cacheFolder() });
    await change(first, videos.at(-1)?.path ?? '');
    start({ path }, saw);
    expect(await ending()).toMatchObject({
      kind: 'failure',
      failure: { kind: 'unreadable-data', retry: 'elsewhere' },
    });
  });

  test('that can not write to its home waits for that', async () => {
    await writeFile(join(folder, 'no-folder'), '');
    start({}, await seen(data), join(folder, 'no-folder', 'candidate'));
    expect(await ending()).toMatchObject({
      kind: 'failure',
      failure: { kind: 'disk', retry: 'later', reason: expect.stringMatching(/^ENOTDIR: /) },
    });
  });

  test('ends in the middle of its training when its worker is gone', async () => {
    start({}, await seen(data));
    for await (const [report] of on(trainer, 'message') as AsyncIterable<[TrainerReport]>) {
      expect(report.kind).toBe('progress');
      if (report.kind === 'progress' && report.progress.phase === 'training') break;
    }
    trainer.disconnect();
    const [code] = await once(trainer, 'exit');
    expect(code).toBe(1);
  });
});
