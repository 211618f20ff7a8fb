/** Videos that are gone, or others, by the time that workers want them. */
import { rename } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Stand, stand } from '../api/stand.js';

let at: Stand;
beforeAll(async () => {
  at = await stand({ trainer: null });
  await at.startService();
});
afterAll(() => at.close());

test('a search on videos that the workers can not read fails, and says why for each candidate', async () => {
  const response = await at.post('/searches', { data: at.data, target: '1M', method: 'paper' });
  const { id } = (await response.json()) as { id: string };
  await rename(at.data.path, `${at.data.path}-elsewhere`);
  at.startWorker();
  at.startWorker();
  const last = (await at.events(id)).at(-1);
  expect(last?.event).toBe('search-failed');
  expect(last?.data.reason).toMatch(
    /^no candidate of round 1 has a result \(tau, t: .*videos: expected a folder that can be read, got no such folder/,
  );
  const { rounds } = await at.trajectory(id);
  const [candidate] = rounds[0]?.candidates ?? [];
  const detail = await (await at.get(`/searches/${id}/candidates/${candidate?.id}`)).json();
  const failure = { kind: 'unreadable-data' };
  expect(detail).toMatchObject({
    state: 'failed',
    trainings: [
      {
        state: 'failed',
        failure,
        tries: Array.from({ length: 5 }, () => ({ failure: { ...failure, retry: 'elsewhere' } })),
      },
    ],
  });
});
