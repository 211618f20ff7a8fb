/** The typed client beside a service, its workers and real videos. docs/library.md has a program with it. */
import { openAsBlob, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type X3dClient } from '../../src/index.js';
import { type Stand, stand } from '../api/stand.js';
import { eventually } from '../workers/candidates.js';

const PATIENCE_MS = 300_000;

describe('beside trainers whose trainings fail for good', () => {
  let at: Stand;
  let client: X3dClient;
  beforeAll(async () => {
    at = await stand();
    await at.startService();
    at.startWorker();
    client = connect(`${at.url()}/`);
  });
  afterAll(() => at.close());

  it('tries them again, and forgets the search once it does not run', { timeout: PATIENCE_MS }, async () => {
    const { id } = await client.start({ data: at.data, target: '2M', method: 'paper', seed: 13 });
    const standing = () =>
      eventually(async () => {
        const search = await client.search(id);
        return search.status === 'paused' && search;
      }, PATIENCE_MS);
    expect((await standing()).reason).toContain('the loss is not a number');
    expect((await client.retry(id)).status).toBe('running');
    await standing();
    await client.cancel(id);
    expect(await client.remove(id)).toMatchObject({ search: id, trainings: expect.any(Number) });
    await expect(client.search(id)).rejects.toMatchObject({ kind: 'not-found', facts: { got: id } });
  });

  it('throws what keeps the service from doing so', { timeout: PATIENCE_MS }, async () => {
    const { id } = await client.start({ data: at.data, target: '2M', seed: 1 });
    await expect(client.remove(id)).rejects.toMatchObject({ kind: 'conflict' });
    await expect(client.predict(id, new Uint8Array(8))).rejects.toMatchObject({ kind: 'conflict' });
  });
});

it('has the network found look at a video, as bytes or as a file', { timeout: PATIENCE_MS }, async () => {
  const at = await stand({ trainer: null });
  try {
    await at.startService();
    at.startWorker();
    const client = connect(at.url());
    const { id } = await client.start({
      ...{ data: at.data, target: '1M', method: 'compound', budget: '1' },
      recipe: { steps: 4, views: 2, batchSize: 4, learningRate: 0.1, mixup: 0 },
    });
    for await (const _ of client.events(id));
    const [label = ''] = readdirSync(at.data.path);
    const [name = ''] = readdirSync(join(at.data.path, label));
    const video = join(at.data.path, label, name);
    const seen = await client.predict(id, await openAsBlob(video));
    expect(seen.seconds).toBeGreaterThan(0);
    expect(seen.top.map((one) => one.class)).toContain(label);
    expect(await client.predict(id, new Uint8Array(await readFile(video)))).toEqual(seen);
    await expect(client.predict(id, new Uint8Array(8))).rejects.toMatchObject({ name: 'X3dError' });
  } finally {
    await at.close();
  }
});
