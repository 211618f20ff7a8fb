/** The real trainer, up to where it would train: what it says of data that are not what the search saw. */
import { type ChildProcess, fork } from 'node:child_process';
import { on, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { makeDemoVideos } from '../../src/data/demo/index.js';
import { type DataConfiguration, openDataset } from '../../src/data/index.js';
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

const start = (changes: Partial<DataConfiguration>, fingerprint = 'f00d') => {
  const { work } = candidateThatWill('train');
  const places = { folder: join(folder, 'candidate'), cacheFolder: join(folder, 'cache') };
  const request = { ...work, ...places, data: { ...data, ...changes }, device: 'cpu' as const, threads: 1 };
  trainer = fork(TRAINER, [], { serialization: 'advanced' });
  trainer.send({ request, fingerprint } satisfies TrainerOrder);
};

const ending = async (): Promise<TrainerReport> => {
  for (;;) {
    const [report] = (await once(trainer, 'message')) as [TrainerReport];
    if (report.kind !== 'progress') return report;
  }
};

describe('a trainer', () => {
  test('that can not read the videos says so, for another place to try', async () => {
    const path = join(folder, 'nowhere');
    start({ path });
    expect(await ending()).toEqual({
      kind: 'failure',
      failure: {
        kind: 'unreadable-data',
        retry: 'elsewhere',
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

  test('ends in the middle of its training when its worker is gone', async () => {
    const { fingerprint } = await openDataset(data, { cacheFolder: join(folder, 'cache') });
    start({}, fingerprint);
    for await (const [report] of on(trainer, 'message') as AsyncIterable<[TrainerReport]>) {
      expect(report.kind).toBe('progress');
      if (report.kind === 'progress' && report.progress.phase === 'training') break;
    }
    trainer.disconnect();
    const [code] = await once(trainer, 'exit');
    expect(code).toBe(1);
  });
});
