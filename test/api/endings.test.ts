/** When searches will be over is foretold beside the service's own process, which goes on answering meanwhile. */
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openEndings } from '../../src/api/endings.js';
import { openSpeeds } from '../../src/api/speeds.js';
import { homeAt } from '../../src/home.js';
import type { SearchState } from '../../src/search/state.js';
import { announceWorker } from '../../src/workers/registry.js';
import { childrenOf, gone } from '../processes.js';
import { type OwnRedis, ownRedis } from '../redis/serving.js';
import { configuredOn, created, dataset, nextEvents, scored, withEvents } from '../search/searching.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** A race with dozens of trainings yet to come, one of which has ended. */
function begun(): SearchState {
  let state = created(configuredOn(dataset, { base: 'x2d-micro', target: '30M', method: 'race' }), dataset);
  for (let ended = 0; ended === 0; ) {
    const open = nextEvents(state, ({ training }) => {
      ended += 1;
      state = withEvents(state, [{ kind: 'training-started', training: training.id, worker: 'w1' }]);
      return scored(0.5);
    });
    state = withEvents(state, open ?? []);
  }
  return state;
}
const state = begun();

let redis: OwnRedis;
beforeAll(async () => {
  redis = await ownRedis();
});
afterAll(() => redis.stop());

const worker = {
  host: 'h',
  pid: 1,
  device: 'cpu',
  threads: 1,
  memoryBytes: 1e9,
  since: '2026-01-01T00:00:00.000Z',
};
const log = pino({ level: 'silent' });

test('the end of a search is foretold in a process apart, and again where that was killed', async () => {
  const speeds = openSpeeds(homeAt(redis.folder), log);
  const endings = openEndings(redis.client, speeds, log);
  try {
    const foretold = async (one: SearchState) => {
      await announceWorker(redis.client, { id: 'w1', ...worker });
      return endings.of(one);
    };
    await expect.poll(() => foretold(state), { timeout: 30_000 }).toBeDefined();
    const [foreteller = 0] = childrenOf(process.pid, 'foreteller');
    expect(foreteller).toBeGreaterThan(0);
    process.kill(foreteller, 'SIGKILL');
    await gone(foreteller);
    await expect.poll(() => foretold({ ...state, id: 's2' }), { timeout: 30_000 }).toBeDefined();
  } finally {
    await endings.close();
    await speeds.close();
  }
  expect(childrenOf(process.pid, 'foreteller')).toEqual([]);
});
