/** Coordinators at one search on a real Redis, with trainings that end as a test says. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Home, homeAt } from '../../src/home.js';
import { connect } from '../../src/redis/connection.js';
import { type EmbeddedRedis, startRedis } from '../../src/redis/embedded.js';
import {
  advance,
  type Coordination,
  type TrainingStatus,
  type Trainings,
} from '../../src/search/coordinator.js';
import { appendEvents, readLog, searchNamed } from '../../src/search/log.js';
import { type SearchState, trainingsOf } from '../../src/search/state.js';
import { cancelSearch, removeSearch } from '../../src/search/steering.js';
import { trajectoryOf } from '../../src/search/trajectory.js';
import { damagedIn, writeSums } from '../../src/sums.js';
import { askedFor, configured, dataset, diverged, type Results, scored, searched } from './searching.js';

let folder: string;
let home: Home;
let server: EmbeddedRedis;
let redis: Redis;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x3d-coordinator-'));
  server = await startRedis(homeAt(folder));
  redis = connect(server.url);
});
beforeEach(async () => {
  await redis.flushall();
  home = homeAt(await mkdtemp(join(folder, 'home-')));
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const configuration = configured({ target: '0.1G' });
const results: Results = ({ round, axes, factors }) =>
  round > 0 && axes.includes('w')
    ? diverged
    : scored(((factors.crop + 7 * factors.frames + 3 * factors.bottleneck) % 10) / 10);
const wanted = (of: Results = results) => searched(configuration, of).state;

/** Trainings that are over after a few milliseconds. */
function trainings(of: Results = results) {
  const asked = new Map<string, Promise<void>>();
  const released = new Set<string>();
  const ended = new Set<string>();
  const state = wanted(of);
  const own = home;
  const endingOf = (id: string) => {
    const training = trainingsOf(state).find((one) => one.id === id);
    if (!training) throw new Error(`asked for ${id}, which the search does not have`);
    return of(askedFor(state, training));
  };
  const run: Trainings = {
    request: async (_search, id, { videos }) => {
      expect(videos).toEqual({ fingerprint: dataset.fingerprint, usable: 140, skipped: 0 });
      if (asked.has(id)) return;
      asked.set(
        id,
        sleep(20 * Math.random()).then(async () => {
          await mkdir(own.candidate(id), { recursive: true });
          for (const file of ['result.json', 'weights.safetensors', 'checkpoint-3', 'half.tmp'])
            await writeFile(join(own.candidate(id), file), file);
          ended.add(id);
        }),
      );
    },
    status: async (id): Promise<TrainingStatus> => {
      if (!asked.has(id)) return { kind: 'unknown' };
      if (!ended.has(id)) return { kind: 'training', worker: 'w1' };
      const ending = endingOf(id);
      if (!('evaluations' in ending)) return { kind: 'failed', failure: ending };
      const { evaluations, ...rest } = ending;
      const { validation } = evaluations;
      const whole = validation ? { validation: { ...validation, confusion: [] } } : {};
      return {
        kind: 'finished',
        result: { ...rest, classes: ['a', 'b'], stepShare: 1, evaluations: whole },
      };
    },
    restore: async (_search, id) => existsSync(join(own.candidate(id), 'result.json')),
    release: async (_search, id) => {
      released.add(id);
    },
  };
  return { ...run, asked, released };
}

const create = () =>
  appendEvents(redis, 's1', 0, [{ kind: 'search-created', search: 's1', configuration, dataset }]);
const reported: SearchState[] = [];
const warned: string[] = [];
const coordination = (work: Trainings, connection = redis): Coordination => ({
  warn: (search, message) => warned.push(`${search}: ${message}`),
  redis: connection,
  home,
  trainings: work,
  report: async (state) => {
    reported.push(state);
  },
});

/** A coordinator that looks again and again until the search is over; cut off, it begins again. */
async function coordinate(of: Coordination): Promise<void> {
  for (;;) {
    const state = await advance(of, 's1').catch((error: Error) => {
      if (error.message !== 'cut off') throw error;
    });
    if (state && state.status.kind !== 'running') return;
    await sleep(1);
  }
}

/** What a search came to, without times and without who trained what. */
const pathOf = (state: SearchState) => {
  const { createdAt, endedAt, ...path } = trajectoryOf(state);
  return JSON.parse(JSON.stringify(path)) as unknown;
};

describe('a coordinator', () => {
  test('takes a search from its creation to its end, as the pure search goes', async () => {
    await create();
    await coordinate(coordination(trainings()));
    expect(pathOf(await searchNamed(redis, 's1'))).toEqual(pathOf(wanted()));
  });

  test('makes the same trajectory with others at the same search, and asks for each training once', async () => {
    await create();
    const work = trainings();
    const connections = Array.from({ length: 4 }, () => connect(server.url));
    await Promise.all(connections.map((connection) => coordinate(coordination(work, connection))));
    for (const connection of connections) connection.disconnect();
    expect(pathOf(await searchNamed(redis, 's1'))).toEqual(pathOf(wanted()));
    const events = (await readLog(redis, 's1')).flatMap((entry) => entry.events);
    for (const kind of ['training-proposed', 'training-finished', 'training-failed'] as const) {
      const ids = events.flatMap((event) => (event.kind === kind ? [event.training] : []));
      expect(new Set(ids).size, kind).toBe(ids.length);
    }
    expect([...work.asked.keys()].sort()).toEqual(
      trainingsOf(wanted())
        .map(({ id }) => id)
        .sort(),
    );
  });

  test.each([1, 2, 3, 4, 5])(
    'cut off anywhere, again and again, makes the same trajectory (%i)',
    async () => {
      await create();
      const work = trainings();
      const cutOff = () => {
        if (Math.random() < 0.04) throw new Error('cut off');
      };
      const unsteady =
        <Arguments extends unknown[], Value>(act: (...given: Arguments) => Promise<Value>) =>
        async (...given: Arguments): Promise<Value> => {
          cutOff();
          const value = await act(...given);
          cutOff();
          return value;
        };
      const whole = coordination(work);
      await coordinate({
        ...whole,
        report: unsteady(whole.report),
        trainings: {
          request: unsteady(work.request),
          status: unsteady(work.status),
          restore: unsteady(work.restore),
          release: unsteady(work.release),
        },
      });
      expect(pathOf(await searchNamed(redis, 's1'))).toEqual(pathOf(wanted()));
    },
  );

  test('lets go of each training once its outcome is recorded, and of all at the end', async () => {
    await create();
    const work = trainings();
    const state = wanted();
    const firstIds = state.candidates
      .filter(({ id }) => state.rounds[0]?.entrants.some(({ candidate }) => candidate === id))
      .flatMap(({ trainings }) => trainings.map(({ id }) => id));
    const releasedBefore: boolean[] = [];
    await coordinate(
      coordination({
        ...work,
        request: (search, id, order) => {
          if (!firstIds.includes(id)) releasedBefore.push(firstIds.every((one) => work.released.has(one)));
          return work.request(search, id, order);
        },
      }),
    );
    expect(new Set(releasedBefore)).toEqual(new Set([true]));
    expect([...work.released].sort()).toEqual([...work.asked.keys()].sort());
  });

  test('lets go of what a cancelled search waits for, and reports it', async () => {
    await create();
    const work = trainings();
    await advance(coordination(work), 's1');
    await cancelSearch(redis, 's1');
    reported.length = 0;
    expect((await advance(coordination(work), 's1'))?.status.kind).toBe('cancelled');
    expect([...work.released].sort()).toEqual([...work.asked.keys()].sort());
    expect(reported.map(({ status }) => status.kind)).toEqual(['cancelled']);
  });

  test('writes what the log says, with its times, before anyone can read the end in the log', async () => {
    await create();
    reported.length = 0;
    let endsSeen = 0;
    await coordinate({
      ...coordination(trainings()),
      report: async (state) => {
        reported.push(state);
        if ((await searchNamed(redis, 's1')).status.kind !== 'running') endsSeen++;
      },
    });
    const state = await searchNamed(redis, 's1');
    const ended = reported.filter(({ status }) => status.kind === 'ended');
    expect(ended).toHaveLength(2);
    expect(endsSeen).toBe(1);
    for (const report of ended) expect(report).toEqual(state);
  });

  test('writes what there is as each round begins, and goes on where that can not be written', async () => {
    await create();
    const rounds: number[] = [];
    await coordinate({
      ...coordination(trainings()),
      report: async ({ rounds: { length }, final, status }) => {
        if (status.kind !== 'running') return;
        if (!final) rounds.push(length);
        throw new Error('the disk is full');
      },
    });
    const state = await searchNamed(redis, 's1');
    expect(state.status.kind).toBe('ended');
    expect(rounds).toEqual(state.rounds.map(({ round }) => round));
  });

  test.each([
    ['that is removed leaves no folder', () => removeSearch(redis, 's1'), false],
    ['whose log is lost keeps its folder', () => redis.flushall(), true],
  ])('while it writes of a search, one %s', async (_, goes, stays) => {
    await create();
    const work = trainings();
    await advance(coordination(work), 's1');
    await cancelSearch(redis, 's1');
    await advance(
      {
        ...coordination(work),
        report: async (_state, { run }) => {
          await mkdir(run('s1'), { recursive: true });
          await goes();
          await rm(run('s1'), { recursive: true });
          await mkdir(run('s1'));
        },
      },
      's1',
    );
    expect(existsSync(home.run('s1'))).toBe(stays);
  });

  test('is no fault where a search is removed while it writes of it, and is one where it is not', async () => {
    await create();
    const work = trainings();
    await advance(coordination(work), 's1');
    await cancelSearch(redis, 's1');
    const failing = (before: () => Promise<unknown>) =>
      advance(
        {
          ...coordination(work),
          report: async () => {
            await before();
            throw new Error('the folder is gone');
          },
        },
        's1',
      );
    await expect(failing(async () => {})).rejects.toThrow('the folder is gone');
    expect(await failing(() => removeSearch(redis, 's1'))).toMatchObject({ status: { kind: 'cancelled' } });
  });

  test('keeps the network found, without what only its training needed', async () => {
    await create();
    await coordinate(coordination(trainings()));
    expect((await readdir(join(home.run('s1'), 'network'))).sort()).toEqual([
      'SHA256SUMS',
      'evaluation.json',
      'network.json',
      'weights.safetensors',
    ]);
    expect(await readdir(home.run('s1'))).toEqual(['network']);
  });

  test('has the network found trained again where what its training left is gone, and ends with it', async () => {
    await create();
    const work = trainings();
    const path = (id: string) => join(home.candidate(id), 'weights.safetensors');
    let asked = 0;
    const restore: Trainings['restore'] = async (search, id, order) => {
      asked += 1;
      return asked > 2 && work.restore(search, id, order);
    };
    await coordinate(coordination({ ...work, restore }));
    expect(asked).toBe(3);
    const { final } = await searchNamed(redis, 's1');
    expect(await readFile(join(home.run('s1'), 'network', 'weights.safetensors'), 'utf8')).toBe(
      await readFile(path(final?.trainings[0]?.id ?? ''), 'utf8'),
    );
  });

  test('keeps no network that is not as its training left it', async () => {
    await create();
    const work = trainings();
    let seen = 0;
    // Cut between the look at it and the copy.
    const restore: Trainings['restore'] = async (search, id, order) => {
      const folder = home.candidate(id);
      await writeFile(join(folder, 'weights.safetensors'), 'weights.safetensors');
      if (seen === 0) await writeSums(folder, ['result.json', 'weights.safetensors']);
      if (++seen < 3) await truncate(join(folder, 'weights.safetensors'), 3);
      return work.restore(search, id, order);
    };
    await coordinate(coordination({ ...work, restore }));
    expect(seen).toBe(3);
    expect(await damagedIn(join(home.run('s1'), 'network'))).toEqual([]);
  });

  test('puts a network in place anew that was damaged before its search could end, says so and keeps the other', async () => {
    await create();
    const network = join(home.run('s1'), 'network');
    await mkdir(network, { recursive: true });
    await writeFile(join(network, 'weights.safetensors'), 'weights');
    await writeSums(network);
    await truncate(join(network, 'weights.safetensors'), 3);
    await coordinate(coordination(trainings()));
    expect(await damagedIn(network)).toEqual([]);
    const [, aside = ''] = /damaged: .* the other is (\S+)$/.exec(warned.join()) ?? [];
    expect(warned).toEqual([expect.stringContaining(`s1: ${network}/weights.safetensors was damaged`)]);
    expect(await readFile(join(aside, 'weights.safetensors'), 'utf8')).toBe('wei');
  });

  test('has the search wait with the reasons where every candidate of a round failed', async () => {
    await create();
    await coordinate(coordination(trainings(() => diverged)));
    expect((await searchNamed(redis, 's1')).status).toMatchObject({
      kind: 'paused',
      reason: expect.stringMatching(
        /^(\d) of \1 candidates failed for good \(.*not-a-number, the loss is not a number; /,
      ),
    });
  });

  test('has nothing to do in a search that there is not', async () => {
    expect(await advance(coordination(trainings()), 's0')).toBeUndefined();
  });
});
