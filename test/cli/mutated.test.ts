/** A set with damaged and hostile files in it: each is named, and what is left is inspected, trained on and evaluated. */
import { mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tensorFlowMissing } from '../../src/training/engine/tensorflow.js';
import { type Stand, stand } from '../api/stand.js';
import { FILES, writeMutated } from '../data/mutated.js';
import { smallVideos, type Videos } from './searches.js';
import { x3d } from './spawning.js';

const PATIENCE_MS = 60_000 + 4000 * FILES;

let videos: Videos;
let home: string;
let whole: number;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'x3d-mutated-'));
  videos = smallVideos();
  const classes = readdirSync(videos.path).sort();
  whole = classes.flatMap((name) => readdirSync(join(videos.path, name))).length;
});
afterAll(async () => {
  videos.remove();
  await rm(home, { recursive: true, force: true });
});

describe(`a set with ${FILES} mutated clips in it`, () => {
  let at: Stand | undefined;
  let files: string[];
  beforeAll(() => {
    const classes = readdirSync(videos.path).sort();
    files = writeMutated((number, ending) =>
      join(videos.path, classes[number % classes.length] ?? '', `mutated${number}_clip.${ending}`),
    );
  });
  afterAll(() => at?.close());
  const flags = () => [videos.path, ...videos.flags, '--skip-share', '1', '--home', home];

  it(
    'is inspected: each clip counts as a video, or is named with what is wrong',
    async () => {
      const { code, stdout } = await x3d('inspect', ...flags(), '--json');
      expect(code).toBe(0);
      const found = JSON.parse(stdout);
      const noVideo = found.noVideo.reduce((sum: number, own: { files: number }) => sum + own.files, 0);
      expect(found.videos + found.skipped.length + noVideo).toBe(whole + files.length);
      expect(found.skipped.length).toBeGreaterThan(0);
      for (const { path, reason } of found.skipped) {
        expect(path).toMatch(/^\w+\/mutated\d+_clip\.\w+$/);
        expect(reason, path).toMatch(/^[a-z]/);
      }
    },
    PATIENCE_MS,
  );

  it.skipIf(tensorFlowMissing !== undefined)(
    'is trained on, and the network evaluated on it',
    async () => {
      const small = ['--frames', '2', '--stride', '4', '--crop', '32', '--threads', '1'];
      const short = ['steps=12', 'batchSize=8', 'views=1'].flatMap((value) => ['--recipe', value]);
      const trained = await x3d('train', ...flags(), ...small, ...short, '--json');
      expect(trained.code, trained.stderr).toBe(0);
      const last = trained.stdout.trim().split('\n').at(-1) ?? '';
      const { run } = JSON.parse(last);
      const tested = await x3d('evaluate', ...flags(), '--network', run, '--views', '1', '--json');
      expect(tested.code, tested.stderr).toBe(0);
      expect(JSON.parse(tested.stdout).center.videos).toBeGreaterThan(0);
    },
    PATIENCE_MS,
  );

  it(
    'is taken for a search by a service that goes on',
    async () => {
      at = await stand({ data: { path: videos.path } });
      await at.startService();
      const data = { path: videos.path, skipShare: 1, group: videos.flags[1] };
      const answer = await at.post('/searches', { data, target: '2M' });
      const { dataset } = (await answer.json()) as { dataset: { skipped: number } };
      expect(answer.status).toBe(201);
      expect(dataset.skipped).toBeGreaterThan(0);
      expect((await at.get('/healthz')).status).toBe(200);
    },
    PATIENCE_MS,
  );
});
