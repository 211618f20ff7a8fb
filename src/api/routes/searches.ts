import Type, { type Static } from 'typebox';
import type { DataConfiguration } from '../../data/index.js';
import { X3dError } from '../../errors.js';
import { refuseLostHome } from '../../home-watch.js';
import { SearchInput } from '../../search/configuration.js';
import { createSearch, settle } from '../../search/creation.js';
import { listSearches, noSearch, readSearch, searchNamed } from '../../search/log.js';
import { Plan } from '../../search/planning/plan.js';
import { recordBeginning } from '../../search/reporting/record.js';
import { failedForGood } from '../../search/standstill.js';
import { type SearchState, trainingsOf } from '../../search/state.js';
import { cancelSearch, pauseSearch, removeSearch, resumeSearch, retrySearch } from '../../search/steering.js';
import { keepSummaries } from '../../search/summaries.js';
import { trajectoryOf } from '../../search/trajectory.js';
import { Trajectory } from '../../search/views.js';
import { forgetFailures, hint, release, startTicking, stopTicking } from '../../workers/queues.js';
import { listWorkers, type WorkerRecord } from '../../workers/registry.js';
import { removeRun } from '../../workers/storage.js';
import { leaving } from '../leaving.js';
import { problems } from '../problems.js';
import { newSearchId, rememberBody, searchIdOf } from '../quotas.js';
import { SearchView, shown, standingOf } from '../search-view.js';
import { type App, SearchId, type Service } from '../service.js';
import { etagOf, IfMatch, IfNoneMatch, isKnown, versionMeant } from '../versions.js';

const Count = Type.Integer({ minimum: 0 });
/** Standings that are kept, of some kilobytes each. */
const MOST_KEPT = 1000;
/**
 * Logs read at once: while many are made into standings, answers of Redis wait, and those that wait for long are given up.
 */
const AT_ONCE = 8;

const Page = Type.Object(
  {
    offset: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 1_000_000_000, description: 'How many to leave out. Default 0.' }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'How many. Default 20.' })),
  },
  { additionalProperties: false },
);

const SearchPage = Type.Object(
  { total: Count, offset: Count, limit: Count, searches: Type.Array(SearchView) },
  { description: 'Some of the searches, and how many there are in all.' },
);
export type SearchPage = Static<typeof SearchPage>;

/** What a training may take on each of the workers at work; undefined where there are none. */
const leastMemoryOf = (workers: readonly WorkerRecord[]): number | undefined =>
  workers.length === 0 ? undefined : Math.min(...workers.map(({ memoryBytes }) => memoryBytes));

const RemovedSearch = Type.Object(
  { search: Type.String(), trainings: Count, files: Count, bytes: Type.Number({ minimum: 0 }) },
  { description: 'What was removed with it.' },
);
export type RemovedSearch = Static<typeof RemovedSearch>;

const KNOWN = Type.Null({ description: 'As it was: the ETag that was sent is still right.' });

const NewSearch = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: '^[\\x21-\\x7e]{1,200}$',
      description: 'Of your choice. A request that is sent again with it begins no second search.',
    }),
  ),
});

export function searchRoutes(
  app: App,
  { home, homeWatch, redis, readings, queues, quotas, speeds, endings, trainer }: Service,
): void {
  const reading = (signal: AbortSignal) => ({
    open: (data: DataConfiguration) => readings.dataset(data, signal),
    start: (named: string) => readings.start(named, signal),
  });
  const workersHeard = async () => (await listWorkers(redis)).length;
  const standings = keepSummaries(redis, MOST_KEPT, standingOf);
  const viewOf = async (state: SearchState) => shown(standingOf(state), await workersHeard(), endings);

  app.post(
    '/searches',
    {
      schema: {
        summary: 'Start a search',
        description:
          'The videos are looked at first: data that the service can not read are refused. Where that takes longer ' +
          'than a request should, the answer is 503 with Retry-After and how far it is; it goes on for ten minutes meanwhile.',
        tags: ['searches'],
        headers: NewSearch,
        body: SearchInput,
        response: {
          201: {
            description: 'The search, which runs from now on.',
            headers: { location: { type: 'string', description: 'Where the search is, as /searches/{id}.' } },
            content: { 'application/json': { schema: SearchView } },
          },
          ...problems,
        },
      },
    },
    async (request, reply) => {
      const { account, body } = request;
      const key = request.headers['idempotency-key'];
      const id = key === undefined ? newSearchId() : searchIdOf(account, key);
      if (key !== undefined) await rememberBody(redis, id, body);
      const create = async () => {
        await refuseLostHome(homeWatch);
        const memory = leastMemoryOf(await listWorkers(redis));
        return createSearch(body, {
          redis,
          id,
          ...reading(leaving(reply)),
          memory,
          ...(trainer === undefined ? {} : { trainer }),
          record: (search, beginning) => recordBeginning(home, search, beginning),
        });
      };
      const begun = key === undefined ? undefined : await readSearch(redis, id);
      const state = begun ?? (await quotas.within(account, id, create));
      await startTicking(queues, state.id);
      await hint(queues, state.id);
      return reply
        .status(201)
        .header('location', `/searches/${state.id}`)
        .send(await viewOf(state));
    },
  );

  app.post(
    '/searches/plan',
    {
      schema: {
        summary: 'What a search would take, and what to know before it begins',
        description:
          'Begins nothing. The videos are looked at as for a search, with the same answers where that takes longer than a ' +
          'request should. How fast the workers train is measured the first time, in the background: until then ' +
          'estimate.measuring is true and estimate.minutes is absent.',
        tags: ['searches'],
        body: SearchInput,
        response: { 200: Plan, ...problems },
      },
    },
    async ({ body }, reply) => {
      const signal = leaving(reply);
      const workers = await listWorkers(redis);
      const { configuration, opened } = await settle(body, {
        ...reading(signal),
        memory: leastMemoryOf(workers),
      });
      const atHand = await speeds.of(workers, configuration.base);
      return readings.plan({ configuration, opened, workers: atHand }, signal);
    },
  );

  app.get(
    '/searches',
    {
      schema: {
        summary: 'All searches, the newest first',
        description: 'One whose log another version of x3d-search wrote is counted and left out.',
        tags: ['searches'],
        querystring: Page,
        response: { 200: SearchPage, ...problems },
      },
    },
    async ({ query, log }) => {
      const { offset = 0, limit = 20 } = query;
      const { total, searches } = await listSearches(redis, { offset, limit });
      const workers = await workersHeard();
      const viewsOf = async (id: string): Promise<SearchView[]> => {
        try {
          const standing = await standings.of(id);
          return standing ? [shown(standing, workers, endings)] : [];
        } catch (error) {
          if (!(error instanceof X3dError)) throw error;
          log.warn({ search: id, error: error.message }, 'left out of the list');
          return [];
        }
      };
      const views: SearchView[][] = [];
      for (let first = 0; first < searches.length; first += AT_ONCE)
        views.push(...(await Promise.all(searches.slice(first, first + AT_ONCE).map(viewsOf))));
      return { total, offset, limit, searches: views.flat() };
    },
  );

  app.get(
    '/searches/:id',
    {
      schema: {
        summary: 'Where a search stands',
        tags: ['searches'],
        params: SearchId,
        headers: IfNoneMatch,
        response: { 200: SearchView, 304: KNOWN, ...problems },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const [standing, workers] = await Promise.all([standings.of(id), workersHeard()]);
      if (!standing) throw noSearch(id);
      const view = shown(standing, workers, endings);
      return isKnown(request, reply, view.version, view) ? reply.status(304).send(null) : view;
    },
  );

  app.get(
    '/searches/:id/trajectory',
    {
      schema: {
        summary: 'Every round: what was tried, what won and why',
        tags: ['searches'],
        params: SearchId,
        headers: IfNoneMatch,
        response: { 200: Trajectory, 304: KNOWN, ...problems },
      },
    },
    async (request, reply) => {
      const state = await searchNamed(redis, request.params.id);
      const trajectory = trajectoryOf(state);
      return isKnown(request, reply, state.version, trajectory) ? reply.status(304).send(null) : trajectory;
    },
  );

  app.delete(
    '/searches/:id',
    {
      schema: {
        summary:
          'Forget a search that does not run: its log, its folder, and the trainings that no other search has',
        tags: ['searches'],
        params: SearchId,
        headers: IfMatch,
        response: { 200: RemovedSearch, ...problems },
      },
    },
    async (request) => {
      const { account, params } = request;
      const version = versionMeant(request);
      await quotas.refuseOthers(account, params.id);
      const state = await removeSearch(redis, params.id, version);
      const trainings = trainingsOf(state).map(({ id }) => id);
      await stopTicking(queues, state.id);
      // Of one that was paused only now, some may be under way.
      await Promise.all(trainings.map((training) => release(queues, state.id, training)));
      await quotas.forget(state);
      return { search: state.id, ...(await removeRun(queues, home, state.id, trainings)) };
    },
  );

  const steering = {
    pause: {
      act: pauseSearch,
      summary:
        'Stop a search until it is resumed; its trainings stop too, unless another search waits for them',
      description: 'They go on from their checkpoints. Safe to repeat.',
    },
    resume: {
      act: resumeSearch,
      summary: 'Go on with a search that was paused',
      description: 'Safe to repeat: one that runs stays as it is.',
    },
    retry: {
      act: retrySearch,
      summary: 'Try again the trainings that failed for good, and go on',
      description: 'For a search that is paused with a reason. Safe to repeat: one that runs stays as it is.',
    },
    cancel: {
      act: cancelSearch,
      summary: 'End a search; its trainings end too, unless another search waits for them',
      description: 'Safe to repeat: one that is cancelled already stays as it is.',
    },
  } as const;
  for (const [name, { act, summary, description }] of Object.entries(steering))
    app.post(
      `/searches/:id/${name}`,
      {
        schema: {
          summary,
          description,
          tags: ['searches'],
          params: SearchId,
          headers: IfMatch,
          response: { 200: SearchView, ...problems },
        },
      },
      async (request, reply) => {
        const { account, params } = request;
        const version = versionMeant(request);
        await quotas.refuseOthers(account, params.id);
        // Else what is known of them would count at once again.
        if (name === 'retry')
          await forgetFailures(queues, failedForGood(await searchNamed(redis, params.id)));
        const state = await act(redis, params.id, version);
        if (state.status.kind === 'running') await startTicking(queues, state.id);
        await hint(queues, state.id);
        const view = await viewOf(state);
        reply.header('etag', etagOf(state.version, view));
        return view;
      },
    );
}
