/** Videos that are away by the time that workers want them. */
import { rename } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Trouble } from '../../src/workers/troubles.js';
import { type Stand, stand } from '../api/stand.js';
import { eventually } from '../workers/candidates.js';

let at: Stand;
beforeAll(async () => {
  at = await stand({ trainer: null });
  await at.startService();
});
afterAll(() => at.close());

test('a search on videos that are away waits, says so everywhere, and goes on when they are back', async () => {
  const response = await at.post('/searches', { data: at.data, target: '1M', method: 'paper' });
  const { id } = (await response.json()) as { id: string };
  await rename(at.data.path, `${at.data.path}-elsewhere`);
  at.startWorker();
  at.startWorker();
  const waiting = async () => {
    const { troubles } = (await (await at.get(`/troubles?search=${id}`)).json()) as { troubles: Trouble[] };
    return troubles.find(({ kind }) => kind === 'waiting');
  };
  const trouble = await eventually(async () => {
    const found = await waiting();
    return (found?.trainings?.length ?? 0) > 1 && found;
  }, 60_000);
  expect(trouble.message).toMatch(
    /^\d trainings wait \(unreachable-data, tried \d+ times\): .*videos: expected a folder that can be read, got no such folder/,
  );
  const ready = await at.get('/readyz');
  expect(ready.status).toBe(200);
  expect(((await ready.json()) as { note: string }).note).toContain('got no such folder');
  expect((await at.trajectory(id)).status).toBe('running');
  await rename(`${at.data.path}-elsewhere`, at.data.path);
  await at.events(id, undefined, ({ event, data }) => {
    const { progress } = data as { progress?: { phase: string } };
    return event === 'progress' && progress?.phase === 'training';
  });
});
