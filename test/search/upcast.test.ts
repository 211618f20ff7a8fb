/**
 * Logs that earlier versions wrote, kept as they stood in Redis, beside the trajectories that those versions told of
 * them. `v1-*` are from before events carried a version: one search that ended, with a step taken back, failed
 * trainings, a tie and a pause; one that was cut off in the middle of its second round.
 */
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EVENTS_VERSION, searchEvent } from '../../src/search/events.js';
import { appendEvents, followLog, readLog, readSearch } from '../../src/search/log.js';
import { isOpen, type SearchState, trainingsOf } from '../../src/search/state.js';
import { trajectoryOf } from '../../src/search/trajectory.js';
import type { CandidateView } from '../../src/search/views.js';
import { type OwnRedis, ownRedis } from '../redis/serving.js';
import { nextEvents, scored } from './searching.js';

let server: OwnRedis;
let redis: Redis;
beforeAll(async () => {
  server = await ownRedis();
  redis = server.client;
});
beforeEach(() => redis.flushall());
afterAll(() => server.stop());

const KEPT = ['v1-finished', 'v1-cut-off'] as const;
const SEARCH = 's0123456789';
const file = (name: string) =>
  readFileSync(new URL(`../fixtures/logs/${name}`, import.meta.url), 'utf8').trim();
const lines = (name: string) => file(`${name}.jsonl`).split('\n');

async function keep(name: string): Promise<void> {
  for (const [index, line] of lines(name).entries())
    await redis.xadd(`x3d:log:${SEARCH}`, `${index + 1}-0`, 'event', line);
  await redis.zadd('x3d:searches', 1, SEARCH);
}
const stateOf = async (): Promise<SearchState> => {
  const state = await readSearch(redis, SEARCH);
  if (!state) throw new Error('there is no such search');
  return state;
};

interface FirstScore {
  readonly videos: number;
  readonly top1: number;
  readonly top5: number;
  readonly loss: number;
}
interface FirstCandidate {
  readonly id: string;
  readonly axes: readonly string[];
  readonly factors: object;
  readonly cost: object;
  readonly state: string;
  readonly outcome?: {
    readonly validation: FirstScore;
    readonly test?: { readonly center: FirstScore; readonly leftCenterRight: FirstScore };
    readonly seconds: number;
  };
  readonly failure?: object;
}
/** What a trajectory was. */
interface FirstTrajectory {
  readonly rounds: readonly {
    readonly round: number;
    readonly factors: object;
    readonly cost: object;
    readonly candidates: readonly FirstCandidate[];
    readonly skipped: readonly object[];
    readonly winner?: {
      readonly candidate: string;
      readonly tiedAxes: readonly string[];
      readonly decidedBy: string;
    };
  }[];
  readonly contraction?: { readonly candidate?: FirstCandidate } & Readonly<Record<string, unknown>>;
  readonly final?: FirstCandidate;
  readonly criterion: string;
  readonly [field: string]: unknown;
}

const metricsOf = ({ videos, top1, top5, loss }: FirstScore) => ({
  videos,
  metrics: { accuracy: top1, top5, loss },
});

/** A candidate of then, as today's view of it should have it. */
function candidateOf({ id, axes, factors, cost, state, outcome, failure }: FirstCandidate): object {
  return {
    id,
    axes,
    factors,
    cost,
    state,
    trainings: [
      {
        id,
        replicate: 0,
        state,
        ...(outcome
          ? {
              outcome: {
                evaluations: { validation: metricsOf(outcome.validation) },
                seconds: outcome.seconds,
              },
            }
          : {}),
        ...(failure ? { failure } : {}),
      },
    ],
  };
}

describe.each(KEPT)('the log kept as %s', (name) => {
  const then = JSON.parse(file(`${name}.trajectory.json`)) as FirstTrajectory;

  test('is read: its events are of today, under the numbers that they had', async () => {
    await keep(name);
    const entries = await readLog(redis, SEARCH);
    expect(entries.map(({ version }) => version)).toEqual(lines(name).map((_, index) => index + 1));
    for (const { events } of entries) {
      expect(events.length).toBeGreaterThan(0);
      for (const event of events) expect(searchEvent.Check(event), JSON.stringify(event)).toBe(true);
    }
    expect((await stateOf()).version).toBe(entries.length);
  });

  test('tells of the same rounds, winners, costs and figures as then', async () => {
    await keep(name);
    const now = trajectoryOf(await stateOf());
    const { rounds, contraction, final, dataset, note, ...rest } = then;
    expect(now).toMatchObject({ ...rest, method: 'paper', dataset: dataset as object });
    const names: Readonly<Record<string, string>> = {
      criterion: then.criterion,
      'validation-loss': 'loss',
    };
    expect(now.rounds).toHaveLength(rounds.length);
    for (const [index, { candidates, winner, ...round }] of rounds.entries()) {
      expect(now.rounds[index]).toMatchObject({
        ...round,
        step: 'expansion',
        candidates: candidates.map(candidateOf),
        ...(winner
          ? {
              winner: {
                candidate: winner.candidate,
                axes: winner.tiedAxes,
                choice: {
                  decidedBy: names[winner.decidedBy] ?? winner.decidedBy,
                  trainings: candidates.length,
                },
              },
            }
          : {}),
      });
      expect(now.rounds[index]?.winner === undefined).toBe(winner === undefined);
    }
    expect(now.contraction === undefined).toBe(contraction === undefined);
    if (contraction) {
      const { candidate, ...step } = contraction;
      expect(now.contraction).toMatchObject({
        ...step,
        ...(candidate ? { candidate: { id: candidate.id, trainings: [{ state: candidate.state }] } } : {}),
      });
    }
    expect(now.final === undefined).toBe(final === undefined);
    if (final?.outcome) {
      const { validation, test: tested } = final.outcome;
      expect(now.final).toMatchObject({
        factors: final.factors,
        cost: final.cost,
        state: final.state,
        outcome: {
          evaluations: {
            validation: metricsOf(validation),
            ...(tested
              ? {
                  test: metricsOf(tested.center),
                  'test-left-center-right': metricsOf(tested.leftCenterRight),
                }
              : {}),
          },
        },
      });
    }
  });

  test('can be followed from any of its events on', async () => {
    await keep(name);
    const last = lines(name).length;
    const reading = new AbortController();
    const versions: number[] = [];
    for await (const { version } of followLog(redis, async () => {}, SEARCH, last - 5, reading.signal)) {
      versions.push(version);
      if (version === last) reading.abort();
    }
    expect(versions).toEqual([4, 3, 2, 1, 0].map((back) => last - back));
  });
});

describe('a search that an earlier version left unfinished', () => {
  test('goes on to its end, from the trainings that were under way', async () => {
    await keep('v1-cut-off');
    const before = await stateOf();
    const open = trainingsOf(before).filter(isOpen);
    expect(open.length).toBeGreaterThan(0);
    for (const { work } of open) expect(work.recipe.batchSize).toBe(2 * before.recipe.batchSize);
    for (let state = before; ; state = await stateOf()) {
      const next = nextEvents(state, ({ axes }) => scored(axes.includes('w') ? 0.9 : 0.4));
      if (!next) break;
      expect(await appendEvents(redis, SEARCH, state.version, next)).toBe(true);
    }
    const state = await stateOf();
    expect(state.status.kind).toBe('ended');
    expect(state.final?.cost.multiplyAdds).toBeLessThanOrEqual(before.configuration.target);
    expect(state.rounds.slice(0, 1)).toEqual(before.rounds.slice(0, 1));
    expect(state.rounds.length).toBeGreaterThan(2);
    const candidates: readonly CandidateView[] = trajectoryOf(state).rounds.flatMap(
      (round) => round.candidates,
    );
    for (const { trainings } of candidates) expect(trainings).toHaveLength(1);
  });
});

describe('the log kept as v2-finished', () => {
  test('is read, and tells of the same trajectory as then', async () => {
    await keep('v2-finished');
    // What is estimated from the figures is up to each version.
    const without = (text: string) =>
      JSON.parse(text, (key, value) => (key === 'estimates' ? undefined : value)) as object;
    expect(without(JSON.stringify(trajectoryOf(await stateOf())))).toMatchObject(
      without(file('v2-finished.trajectory.json')),
    );
  });

  test('is of a search that goes on with what candidates have a result, as it did then', async () => {
    await keep('v2-finished');
    expect((await stateOf()).configuration.onFailure).toBe('go-on');
  });
});

describe('an event of a later version', () => {
  test('is refused by name, and says which version is read', async () => {
    await keep('v1-cut-off');
    const version = lines('v1-cut-off').length + 1;
    const event = { kind: 'search-forked', v: EVENTS_VERSION + 1, at: '', into: 's2' };
    await redis.xadd(`x3d:log:${SEARCH}`, `${version}-0`, 'event', JSON.stringify(event));
    await expect(readSearch(redis, SEARCH)).rejects.toMatchObject({
      kind: 'conflict',
      facts: {
        subject: `event ${version} of search ${SEARCH}`,
        expected: `an event of version ${EVENTS_VERSION} or before`,
        got: `one of version ${EVENTS_VERSION + 1}`,
        remedy: expect.stringContaining('another version'),
      },
    });
  });
});
