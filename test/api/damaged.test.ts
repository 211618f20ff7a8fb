/** A network found that is no longer as its search left it: named everywhere, made anew nowhere, given out never. */
import { cp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { damagedIn, isAsWritten } from '../../src/sums.js';
import { x3d } from '../cli/spawning.js';
import { eventually } from '../workers/candidates.js';
import { end, problemIn, type Stand, stand } from './stand.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

let at: Stand;
let id: string;
const network = () => join(at.home.run(id), 'network');
beforeAll(async () => {
  at = await stand();
  const service = await at.startService();
  const worker = at.startWorker();
  const begun = await at.post('/searches', { data: at.data, target: '1.2M', method: 'paper' });
  id = ((await begun.json()) as { id: string }).id;
  await eventually(async () => (await at.trajectory(id)).status === 'ended', 200_000);
  await end(worker, 'SIGTERM');
  // Another service than the one that saw the search end.
  await end(service, 'SIGTERM');
  await at.startService();
  await cp(network(), `${at.home.folder}-whole`, { recursive: true });
});
afterEach(async () => {
  await rm(network(), { recursive: true, force: true });
  await cp(`${at.home.folder}-whole`, network(), { recursive: true });
});
afterAll(() => at.close());

const artifact = (path: string) => at.get(`/searches/${id}/artifacts/${path}`);
const tried = () =>
  fetch(`${at.url()}/searches/${id}/predictions`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: 'any video',
  });

const firstTraining = async () => (await at.trajectory(id)).rounds[0]?.candidates[0]?.trainings[0]?.id ?? '';

async function flip(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

describe('a network found', () => {
  test.each([
    ['weights are cut', 'weights.safetensors', (file: string) => truncate(file, 3)],
    ['weights have one bit turned', 'weights.safetensors', flip],
    ['description has one bit turned', 'network.json', flip],
    ['evaluation is no JSON any more', 'evaluation.json', (file: string) => writeFile(file, '{"classes')],
    ['sums are unreadable', 'SHA256SUMS', (file: string) => writeFile(file, 'x')],
  ])('whose %s is named and not given out, by the service and the commands', async (_, name, damage) => {
    const file = join(network(), name);
    await damage(file);
    const damaged = await readFile(file);
    const given = name === 'SHA256SUMS' ? 'weights.safetensors' : name;
    expect(await problemIn(await artifact(`network/${given}`))).toMatchObject({
      status: 503,
      detail: expect.stringContaining(`network/${given}: expected the file that was written`),
    });
    expect(await problemIn(await tried())).toMatchObject({
      status: 503,
      type: 'urn:x3d-search:problem:environment',
      detail: expect.stringContaining(`${file}: expected the file that was written`),
    });
    const exported = await x3d(
      'export',
      id,
      '--home',
      at.home.folder,
      '--format',
      'safetensors',
      '--output',
      join(at.home.folder, 'out'),
    );
    expect(exported).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(`${file}: expected the file`),
    });
    // More than a tick of a coordinator: nobody makes it anew from what its training left.
    await sleep(3000);
    expect(await readFile(file)).toEqual(damaged);
  });

  test('that is gone is said of a video that was sent for it', async () => {
    await rm(network(), { recursive: true });
    expect(await problemIn(await tried())).toMatchObject({
      status: 503,
      detail: expect.stringContaining(`the network of search ${id}`),
    });
    await sleep(3000);
    expect(await stat(network()).catch(() => undefined)).toBeUndefined();
  });

  test('has a run whose files are made again where they can be told from its log, and named where not', async () => {
    const run = at.home.run(id);
    const written = async (path: string) => readFile(join(run, path));
    for (const path of ['run.json', 'report.html', `curves/${await firstTraining()}.jsonl`]) {
      const before = await written(path);
      await flip(join(run, path));
      const answer = await artifact(path);
      expect(answer.status, path).toBe(200);
      const given = Buffer.from(await answer.arrayBuffer());
      expect(given, path).toEqual(await written(path));
      // A report says when it was made, and so on.
      if (path.startsWith('curves/')) expect(given).toEqual(before);
      else expect(await isAsWritten(join(run, path)), path).toBe(true);
    }
    for (const path of ['data.json', 'configuration.json', 'resolved.json', 'split/train.csv']) {
      const before = await written(path);
      await flip(join(run, path));
      expect(await problemIn(await artifact(path)), path).toMatchObject({
        status: 503,
        detail: expect.stringContaining(`${path}: expected the file that was written`),
      });
      await writeFile(join(run, path), before);
      expect((await artifact(path)).status, path).toBe(200);
    }
    expect(await damagedIn(run)).toEqual([]);
  });

  test('of which what was said of each video is damaged has a report that names it', async () => {
    await writeFile(join(network(), 'predictions.json'), '[{"video"');
    // What is told from the log alone is made again, and the report with it.
    await writeFile(join(at.home.run(id), 'trajectory.json'), '{}');
    expect((await artifact('trajectory.json')).status).toBe(200);
    expect(await (await artifact('report.html')).text()).toContain(
      'network/predictions.json: expected the file that was written',
    );
  });
});

test("a training's results that are damaged are named, and those of a training that there is not are told from them", async () => {
  const training = await firstTraining();
  const results = (of: string) => at.get(`/searches/${id}/trainings/${of}/results`);
  const folder = at.home.candidate(training);
  expect((await results(training)).status).toBe(200);
  await writeFile(join(folder, 'predictions.json'), '[{"video"');
  expect(await problemIn(await results(training))).toMatchObject({
    status: 503,
    detail: expect.stringMatching(/predictions\.json: expected the file that was written/),
  });
  await rm(join(folder, 'predictions.json'));
  await flip(join(folder, 'result.json'));
  expect(await problemIn(await results(training))).toMatchObject({
    status: 503,
    detail: expect.stringMatching(/result\.json: expected the file that was written/),
  });
  expect((await problemIn(await results('c0'))).status).toBe(404);
});
