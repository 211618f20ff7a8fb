import { Gauge, Histogram, Registry } from 'prom-client';
import Type from 'typebox';
import { X3dError } from '../../errors.js';
import { listSearches } from '../../search/log.js';
import { secondsTrained } from '../../search/methods/budget.js';
import { countTrainings, isOver, type SearchState } from '../../search/state.js';
import { keepSummaries } from '../../search/summaries.js';
import { STATUSES } from '../../search/views.js';
import { listWorkers } from '../../workers/registry.js';
import { problems } from '../problems.js';
import type { App, Service } from '../service.js';
import { EVENTS_ROUTE } from './events.js';

/** What the metrics need of one search. */
interface Tally {
  readonly status: SearchState['status']['kind'];
  readonly trainings: Readonly<ReturnType<typeof countTrainings>>;
  readonly trainingSeconds: number;
}

function tallyOf(state: SearchState): Tally {
  return {
    status: state.status.kind,
    // Those that a search left open when it was over are done by nobody.
    trainings: { ...countTrainings(state), ...(isOver(state) ? { proposed: 0, started: 0 } : {}) },
    trainingSeconds: secondsTrained(state),
  };
}

const PAGE = 1000;
/** Tallies, of some hundred bytes each. */
const MOST_KEPT = 100_000;
/** What there is to do: jobs that are done are kept as results, and counted as candidates. */
const OPEN_JOBS = ['waiting', 'prioritized', 'delayed', 'active'] as const;

/** That jobs have priorities is the queue's own affair: they wait. */
const depths = ({ waiting = 0, prioritized = 0, ...rest }: Record<string, number>) => ({
  waiting: waiting + prioritized,
  ...rest,
});

function ignoreOtherVersions(error: unknown): undefined {
  if (!(error instanceof X3dError)) throw error;
}

export function metricRoutes(app: App, { redis, queues }: Service): void {
  const registry = new Registry();
  const registers = [registry];
  const durations = new Histogram({
    name: 'x3d_http_request_duration_seconds',
    help: 'Time to answer HTTP requests, without streams of events.',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const searches = new Gauge({
    name: 'x3d_searches',
    help: 'Searches by state.',
    labelNames: ['state'],
    registers,
  });
  const trainings = new Gauge({
    name: 'x3d_trainings',
    help: 'Trainings by state.',
    labelNames: ['state'],
    registers,
  });
  const seconds = new Gauge({
    name: 'x3d_training_seconds',
    help: 'Seconds that the finished trainings took.',
    registers,
  });
  const depth = new Gauge({
    name: 'x3d_queue_jobs',
    help: 'Jobs in a queue that are not done, by state.',
    labelNames: ['queue', 'state'],
    registers,
  });
  const workers = new Gauge({
    name: 'x3d_workers',
    help: 'Workers heard of lately, training or idle.',
    labelNames: ['state'],
    registers,
  });

  const summaries = keepSummaries(redis, MOST_KEPT, tallyOf);
  const tallies = async (): Promise<Tally[]> => {
    const found: Tally[] = [];
    for (let offset = 0; ; offset += PAGE) {
      const { searches: ids } = await listSearches(redis, { offset, limit: PAGE });
      for (const id of ids) {
        // One of another version can't be read, and does not count.
        const tally = await summaries.of(id).catch(ignoreOtherVersions);
        if (tally) found.push(tally);
      }
      if (ids.length < PAGE) return found;
    }
  };

  const collect = async () => {
    const [found, present, waiting, looks] = await Promise.all([
      tallies(),
      listWorkers(redis),
      queues.candidates.getJobCounts(...OPEN_JOBS),
      queues.coordination.getJobCounts(...OPEN_JOBS),
    ]);
    // From here on nothing waits: two that ask at once would count everything twice.
    for (const gauge of [searches, trainings]) gauge.reset();
    for (const state of STATUSES) searches.set({ state }, 0);
    for (const state of ['proposed', 'started', 'finished', 'failed']) trainings.set({ state }, 0);
    for (const { status, trainings: counts } of found) {
      searches.inc({ state: status });
      for (const [state, count] of Object.entries(counts)) trainings.inc({ state }, count);
    }
    seconds.set(found.reduce((total, { trainingSeconds }) => total + trainingSeconds, 0));
    for (const [queue, counts] of Object.entries({ candidates: waiting, coordination: looks }))
      for (const [state, count] of Object.entries(depths(counts))) depth.set({ queue, state }, count);
    const training = present.filter((worker) => worker.training).length;
    workers.set({ state: 'training' }, training);
    workers.set({ state: 'idle' }, present.length - training);
  };

  app.get(
    '/metrics',
    {
      schema: {
        summary: 'Figures for Prometheus',
        tags: ['service'],
        response: {
          200: { description: 'Prometheus text.', content: { 'text/plain': { schema: Type.String() } } },
          ...problems,
        },
      },
    },
    async (_, reply) => {
      await collect();
      return reply
        .type(registry.contentType)
        .serializer((text: unknown) => text as string)
        .send(await registry.metrics());
    },
  );

  app.addHook('onResponse', async ({ method, routeOptions }, reply) => {
    if (routeOptions.url === EVENTS_ROUTE) return;
    const labels = { method, route: routeOptions.url ?? 'none', status: reply.statusCode };
    durations.observe(labels, reply.elapsedTime / 1000);
  });
}
