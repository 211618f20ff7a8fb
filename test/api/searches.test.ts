import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CandidateView, Trajectory } from '../../src/search/views.js';
import { announceWorker, dismissWorker } from '../../src/workers/registry.js';
import { eventually } from '../workers/candidates.js';
import { type Stand, stand, withoutTimes } from './stand.js';

let at: Stand;
beforeAll(async () => {
  at = await stand();
  await at.startService();
  at.startWorker();
  at.startWorker();
});
afterAll(() => at.close());

/** The published search, whose rounds are of one training each. */
const configuration = (changes: object = {}) => ({
  data: at.data,
  target: '2M',
  method: 'paper',
  ...changes,
});
const accuracyOf = ({ trainings: [training] }: CandidateView): number =>
  training?.outcome?.evaluations.validation?.metrics.accuracy ?? 0;
const created = async (changes: object = {}): Promise<string> => {
  const response = await at.post('/searches', configuration(changes));
  const body = (await response.json()) as { id: string };
  expect(response.status, JSON.stringify(body)).toBe(201);
  return body.id;
};

describe('a plan over HTTP', () => {
  test('says what a search would take, begins none, and measures the workers meanwhile', async () => {
    const heard = async () => ((await (await at.get('/workers')).json()) as { workers: unknown[] }).workers;
    await eventually(async () => (await heard()).length === 2);
    const response = await at.post('/searches/plan', configuration());
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      configuration: { target: 2_000_000, method: 'paper' },
      dataset: { parts: { train: 18, validation: 6, test: 6 } },
      checks: [{ subject: 'target', passed: true }, { subject: 'memory' }],
      warnings: expect.arrayContaining([expect.objectContaining({ code: 'too-few-to-tell' })]),
      estimate: { measuring: true, rounds: { likely: expect.any(Number) }, crews: [{ workers: 2 }] },
    });
    const { total } = (await (await at.get('/searches')).json()) as { total: number };
    expect(total).toBe(0);
  });

  test('of what would be refused says why', async () => {
    const low = await at.post('/searches/plan', configuration({ target: 1000 }));
    expect(await low.json()).toMatchObject({ checks: [{ subject: 'target', passed: false }, {}] });
    const nowhere = await at.post('/searches/plan', configuration({ data: { path: '/nowhere' } }));
    expect(nowhere.status).toBe(422);
  });
});

describe('a search over HTTP', () => {
  let search: string;
  let trajectory: Trajectory;

  test('is created at a location of its own, with its data summed up', async () => {
    const response = await at.post('/searches', configuration({ name: 'shapes', seed: 3 }));
    expect(response.status).toBe(201);
    const body = (await response.json()) as { id: string };
    search = body.id;
    expect(response.headers.get('location')).toBe(`/searches/${search}`);
    expect(body).toMatchObject({
      status: 'running',
      configuration: { name: 'shapes', target: 2_000_000, base: 'x2d-micro', criterion: 'accuracy', seed: 3 },
      dataset: { parts: { train: 18, validation: 6, test: 6 }, skipped: 0 },
    });
  });

  test('can be followed from its creation to its end, events in order, progress between them', async () => {
    const events = await at.events(search);
    const logged = events.filter(({ id }) => id !== undefined);
    expect(logged.map(({ id }) => id)).toEqual(logged.map((_, index) => index + 1));
    expect(logged[0]?.event).toBe('search-created');
    expect(logged.at(-1)?.event).toBe('search-ended');
    const proposed = logged.find(({ event }) => event === 'candidate-proposed');
    const progress = events.filter(({ event }) => event === 'progress');
    expect(proposed?.data).toMatchObject({ round: 1, axes: ['tau', 't'], factors: { frames: 2, stride: 8 } });
    expect(progress.length).toBeGreaterThan(0);
    expect(progress[0]?.data).toMatchObject({
      training: expect.stringMatching(/^c/),
      worker: expect.any(String),
    });
  });

  test('goes on for a reader who comes back where it left, and says when nothing will follow', async () => {
    const all = (await at.events(search)).filter(({ id }) => id !== undefined);
    const rest = await at.events(search, 5);
    expect(rest).toEqual(all.slice(5));
    const response = await at.get(`/searches/${search}/events`, { 'last-event-id': String(all.length) });
    expect(response.status).toBe(204);
    const head = await fetch(`${at.url()}/searches/${search}/events`, { method: 'HEAD' });
    expect(head.status).toBe(405);
  });

  test('is followed in the training of the step taken back too', async () => {
    // Of another seed, so that all of it is trained while this reader looks on.
    const events = await at.events(await created({ seed: 5 }));
    const taken = events.find(({ event }) => event === 'contracted')?.data.candidate;
    expect(taken).toBeTypeOf('string');
    const proposal = events.find(
      ({ event, data }) => event === 'training-proposed' && data.candidate === taken,
    );
    const { training } = proposal?.data ?? {};
    expect(training).toBeTypeOf('string');
    expect(events.some(({ event, data }) => event === 'progress' && data.training === training)).toBe(true);
  });

  test('has a trajectory: a winner a round, then the step back to the target', async () => {
    trajectory = await at.trajectory(search);
    expect(trajectory).toMatchObject({
      status: 'ended',
      phase: { kind: 'final' },
      base: 'x2d-micro',
      target: 2_000_000,
    });
    expect(trajectory.rounds.length).toBeGreaterThanOrEqual(2);
    for (const { candidates, winner } of trajectory.rounds) {
      const best = Math.max(...candidates.map(accuracyOf));
      const won = candidates.find(({ id }) => id === winner?.candidate);
      expect(won && accuracyOf(won)).toBe(best);
      expect(won?.estimates?.accuracy.mean).toBeCloseTo(best, 9);
    }
    expect(trajectory.final?.cost.multiplyAdds).toBeLessThanOrEqual(2_000_000);
    const { evaluations } = trajectory.final?.outcome ?? {};
    expect(evaluations?.['test-left-center-right']?.metrics.accuracy).toBeTypeOf('number');
    // The scripted accuracies give the step taken back fewer points than the network before it.
    expect(trajectory.contraction?.candidate?.estimates?.accuracy.mean).toBeTypeOf('number');
    expect(trajectory.final?.factors).toEqual(trajectory.rounds.at(-1)?.factors);
    expect(trajectory.final?.reason).toMatch(/^the network before the last step: .* less accurate$/);
    expect(trajectory.spending).toMatchObject({ multiplyAdds: expect.any(Number) });
  });

  test('tells of each candidate: cost, curve, outcome', async () => {
    const candidate = trajectory.rounds[0]?.candidates[0];
    const response = await at.get(`/searches/${search}/candidates/${candidate?.id}`);
    const { trainings, ...body } = (await response.json()) as { trainings: { curve: { step: number }[] }[] };
    const { trainings: own = [], ...rest } = candidate ?? {};
    expect(body).toEqual(rest);
    expect(trainings).toMatchObject(own.map((training) => ({ ...training, tries: [] })));
    expect(trainings.map(({ curve }) => curve.map(({ step }) => step))).toEqual([[1, 2, 3, 4, 5, 6, 7, 8]]);
  });

  test('tells of the network found: why this one, and its training in full', async () => {
    const body = (await (await at.get(`/searches/${search}/final`)).json()) as {
      trainings: { curve: { step: number }[] }[];
    };
    const { trainings, ...rest } = trajectory.final ?? {};
    expect(body).toMatchObject(rest);
    expect(body.trainings).toMatchObject(trainings ?? []);
    expect(body.trainings[0]?.curve).toHaveLength(8);
  });

  test('hands over the files of its folder, and none outside it', async () => {
    const { files } = (await (await at.get(`/searches/${search}/artifacts`)).json()) as {
      files: { path: string; bytes: number }[];
    };
    const paths = files.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['network/weights.safetensors', 'trajectory.json']));
    const response = await at.get(`/searches/${search}/artifacts/trajectory.json`);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await response.json()).toEqual(trajectory);
    const report = await at.get(`/searches/${search}/artifacts/report.html`);
    expect(report.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(report.headers.get('content-security-policy')).toMatch(/^default-src 'none'; .*sandbox/);
    expect(await report.text()).toContain('<h1>shapes</h1>');

    const folder = at.home.run(search);
    await writeFile(join(at.home.folder, 'secret'), 'secret');
    await symlink(join(at.home.folder, 'secret'), join(folder, 'link'));
    await mkdir(`${folder}-next`, { recursive: true });
    await writeFile(join(`${folder}-next`, 'file'), 'next door');
    for (const path of [
      '..%2f..%2fsecret',
      '%2e%2e/%2e%2e/secret',
      'link',
      `..%2f${search}-next%2ffile`,
      'network',
      '',
    ]) {
      const refused = await at.get(`/searches/${search}/artifacts/${path}`);
      expect(refused.status, path).toBe(404);
      expect(refused.headers.get('content-type')).toMatch('application/problem+json');
    }
  });

  test('costs nothing to repeat: the same trainings serve again', async () => {
    const again = await created({ seed: 3 });
    await at.events(again);
    const repeated = await at.trajectory(again);
    expect(repeated.rounds).toEqual(trajectory.rounds);
    const tried = trajectory.rounds.flatMap(({ candidates }) => candidates);
    for (const { id } of tried.flatMap(({ trainings }) => trainings)) {
      const starts = await readFile(join(at.home.folder, 'starts', id), 'utf8');
      expect(starts.trim().split('\n')).toHaveLength(1);
    }
  });

  test('cancelled, ends its trainings, and cancelled again stays as it is', async () => {
    const cancelled = await created({ seed: 4 });
    await at.events(cancelled, undefined, ({ event }) => event === 'progress');
    expect((await at.get(`/searches/${cancelled}/final`)).status).toBe(404);
    const response = await at.post(`/searches/${cancelled}/cancel`);
    expect(await response.json()).toMatchObject({ status: 'cancelled' });
    expect((await at.events(cancelled)).at(-1)?.event).toBe('search-cancelled');
    const before = await (await at.get(`/searches/${cancelled}`)).json();
    const again = await at.post(`/searches/${cancelled}/cancel`);
    expect(again.status).toBe(200);
    expect(await again.json()).toEqual(before);
    await expect
      .poll(async () => (await at.get('/workers')).json(), { timeout: 10_000 })
      .toMatchObject({
        workers: expect.not.arrayContaining([expect.objectContaining({ training: expect.anything() })]),
      });
  });

  test('that has ended can not be cancelled', async () => {
    const response = await at.post(`/searches/${search}/cancel`);
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({
      type: 'urn:x3d-search:problem:conflict',
      detail: `search ${search}: expected a running or paused search, got one that is ended.`,
    });
  });

  test('has no events after its last: a reader that claims to have seen some is told so', async () => {
    const response = await at.get(`/searches/${search}/events`, { 'last-event-id': '1000' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      detail: expect.stringMatching(
        /^Last-Event-ID: expected at most \d+, the last event of search s\w+, got 1000\.$/,
      ),
    });
  });

  test('waits with the reasons where no candidate of a round has a result, and tries them again when asked', async () => {
    const failed = await created({ seed: 13 });
    const isPause = ({ event }: { event: string }) => event === 'search-paused';
    const paused = (await at.events(failed, undefined, isPause)).at(-1);
    expect(paused?.data.reason).toMatch(
      /^(\d) of \1 candidates failed for good \(tau = t: not-a-number, the loss is not a number; s: not-a-number/,
    );
    const resumed = await at.post(`/searches/${failed}/resume`);
    expect(resumed.status).toBe(409);
    expect(((await resumed.json()) as { detail: string }).detail).toContain(`/searches/${failed}/retry`);
    expect((await at.post(`/searches/${failed}/retry`)).status).toBe(200);
    // They fail in the same way again, after they were trained again.
    const events = await at.events(failed, paused?.id, isPause);
    expect(events.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['search-retried', 'training-failed', 'search-paused']),
    );
    const trajectory = await at.trajectory(failed);
    expect(trajectory.rounds[0]?.candidates[0]).toMatchObject({
      state: 'failed',
      trainings: [{ failure: { kind: 'not-a-number', retry: 'never', reason: 'the loss is not a number' } }],
    });
    expect(existsSync(join(at.home.run(failed), 'trajectory.json'))).toBe(true);
    await at.post(`/searches/${failed}/cancel`);
  });

  test('is listed with all the others, the newest first, page by page', async () => {
    const first = (await (await at.get('/searches?limit=2')).json()) as {
      total: number;
      searches: { id: string }[];
    };
    const rest = (await (await at.get('/searches?offset=2')).json()) as { searches: { id: string }[] };
    expect(first.searches).toHaveLength(2);
    expect(first.total).toBe(2 + rest.searches.length);
    expect(rest.searches.at(-1)?.id).toBe(search);
  });

  test('counts in the metrics', async () => {
    const ask = async () => (await at.get('/metrics')).text();
    // Two at once, neither counted on top of the other.
    const [text, other] = await Promise.all([ask(), ask()]);
    for (const one of [text, other]) expect(one).toContain('x3d_searches{state="ended"} 3');
    expect(text).toContain('x3d_searches{state="cancelled"} 2');
    expect(text).toMatch(/x3d_trainings\{state="finished"\} \d+/);
    expect(text).toMatch(/x3d_training_seconds [\d.]+/);
    expect(text).toContain('x3d_queue_jobs{queue="candidates",state="active"}');
    expect(text).toMatch(/x3d_workers\{state="idle"\} [12]/);
    expect(text).toMatch(
      /x3d_http_request_duration_seconds_count\{method="POST",route="\/searches",status="201"\} \d/,
    );
  });
});

test('a search that races stays within its target, and says how sure each choice is and what it cost', async () => {
  // Fields of the recipe that are given are not looked for.
  const id = await created({ method: 'race', recipe: { learningRate: 0.1, mixup: 0 } });
  const events = await at.events(id);
  expect(events.at(-1)?.event).toBe('search-ended');
  const { rounds, final, recipeChoice, spending } = await at.trajectory(id);
  expect(recipeChoice).toBeUndefined();
  expect(rounds.map(({ step }) => step)).toContain('expansion');
  expect(rounds.at(-1)?.step).toBe('exchange');
  for (const { candidates, winner } of rounds) {
    const { choice } = winner ?? {};
    expect(choice?.probability).toBeGreaterThan(0);
    expect(candidates.map(({ id }) => id)).toContain(winner?.candidate);
    for (const { cost } of candidates) expect(cost.multiplyAdds).toBeLessThanOrEqual(2_000_000);
  }
  const spent = rounds.reduce((sum, { winner }) => sum + (winner?.choice.multiplyAdds ?? 0), 0);
  expect(spent).toBeLessThan(spending.multiplyAdds);
  expect(final?.reason).not.toBe('');
});

test('a search takes no more memory for a training than the least of its workers offers, or than it was told', async () => {
  const redis = new Redis(at.redisUrl);
  const id = 'small-1';
  const memoryBytes = 900_000_000;
  await announceWorker(redis, {
    ...{ id, host: 'small', pid: 1, device: 'cpu', threads: 1, memoryBytes },
    since: new Date().toISOString(),
  });
  const memoryOf = async (changes: object) => {
    const response = await at.post('/searches', configuration(changes));
    const body = (await response.json()) as { id: string; configuration: { memory?: number } };
    await at.post(`/searches/${body.id}/cancel`);
    return body.configuration.memory;
  };
  expect(await memoryOf({ seed: 20 })).toBe(memoryBytes);
  expect(await memoryOf({ seed: 20, memory: 2e9 })).toBe(2e9);
  await dismissWorker(redis, id);
  redis.disconnect();
});

describe('a search that is paused', () => {
  // Short: what is compared is the way that it goes.
  const short = { seed: 30, target: '1M' };
  let undisturbed: string;
  let other: Stand;
  let worker: ChildProcess;
  beforeAll(async () => {
    undisturbed = await created(short);
    other = await stand({ data: at.data });
    await other.startService();
    worker = other.startWorker();
    await at.events(undisturbed);
  });
  afterAll(() => other?.close());

  test('stays where it is, and goes the same way once it is resumed', async () => {
    const response = await other.post('/searches', configuration(short));
    const { id } = (await response.json()) as { id: string };
    await other.events(id, undefined, ({ event }) => event === 'training-finished');

    expect((await other.post(`/searches/${id}/pause`)).status).toBe(200);
    expect((await other.post(`/searches/${id}/pause`)).status).toBe(200);
    await eventually(async () => {
      const { workers } = (await (await other.get('/workers')).json()) as {
        workers: { training?: object }[];
      };
      return workers.length === 1 && !workers[0]?.training;
    });
    const paused = await other.trajectory(id);
    expect(paused).toMatchObject({ status: 'paused' });
    expect(paused.endedAt).toBeUndefined();
    expect(await (await other.get('/metrics')).text()).toContain('x3d_searches{state="paused"} 1');
    await sleep(1500);
    expect(await other.trajectory(id)).toEqual(paused);

    expect((await other.post(`/searches/${id}/resume`)).status).toBe(200);
    await other.events(id);
    expect(withoutTimes(await other.trajectory(id))).toEqual(withoutTimes(await at.trajectory(undisturbed)));
    const refused = await other.post(`/searches/${id}/pause`);
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({
      detail: `search ${id}: expected a running search, got one that is ended.`,
    });
    expect(worker.exitCode).toBeNull();
  });
});
