import type { Redis } from 'ioredis';
import Type, { type Static } from 'typebox';
import { X3dError } from '../../errors.js';
import { SearchConfiguration, SearchInput } from '../../search/configuration.js';
import { createSearch } from '../../search/creation.js';
import { DatasetSummary } from '../../search/events.js';
import { listSearches, searchNamed } from '../../search/log.js';
import { countTrainings, endOf, finalOutcome, type SearchState } from '../../search/state.js';
import { cancelSearch, pauseSearch, resumeSearch } from '../../search/steering.js';
import { Status, Trajectory, trajectoryOf } from '../../search/trajectory.js';
import { Outcome } from '../../training/training.js';
import { hint, startTicking } from '../../workers/queues.js';
import { listWorkers } from '../../workers/registry.js';
import { problems } from '../problems.js';
import { type App, SearchId, type Service } from '../service.js';

const Count = Type.Integer({ minimum: 0 });

export const SearchView = Type.Object(
  {
    id: Type.String(),
    status: Status,
    reason: Type.Optional(Type.String({ description: 'Why it failed.' })),
    createdAt: Type.String(),
    endedAt: Type.Optional(Type.String()),
    version: Type.Integer({ description: 'Events so far; the id of the last server-sent event.' }),
    configuration: SearchConfiguration,
    dataset: DatasetSummary,
    round: Count,
    candidates: Count,
    trainings: Type.Object({ proposed: Count, started: Count, finished: Count, failed: Count }),
    complexity: Type.Optional(
      Type.Number({ description: 'Of the network won so far, as the target counts it.' }),
    ),
    result: Type.Optional(Outcome),
  },
  { title: 'Search', description: 'A search as it stands.' },
);

function viewOf(state: SearchState): Static<typeof SearchView> {
  const { id, status, createdAt, version, configuration, dataset, rounds, final } = state;
  const cost = final?.cost ?? rounds.at(-1)?.cost;
  const endedAt = endOf(state);
  const result = finalOutcome(state);
  return {
    id,
    status: status.kind,
    ...(status.kind === 'failed' ? { reason: status.reason } : {}),
    createdAt,
    ...(endedAt === undefined ? {} : { endedAt }),
    version,
    configuration,
    dataset,
    round: rounds.length,
    candidates: state.candidates.length,
    trainings: countTrainings(state),
    ...(cost ? { complexity: cost[configuration.complexity] } : {}),
    ...(result ? { result } : {}),
  };
}

const Page = Type.Object(
  {
    offset: Type.Optional(Type.Integer({ minimum: 0, description: 'How many to leave out. Default 0.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'How many. Default 20.' })),
  },
  { additionalProperties: false },
);

const SearchPage = Type.Object(
  { total: Count, offset: Count, limit: Count, searches: Type.Array(SearchView) },
  { description: 'Some of the searches, and how many there are in all.' },
);

/** What a training may take on each of the workers at work; undefined where there are none. */
async function offeredMemory(redis: Redis): Promise<number | undefined> {
  const offers = (await listWorkers(redis)).map(({ memoryBytes }) => memoryBytes);
  return offers.length === 0 ? undefined : Math.min(...offers);
}

export function searchRoutes(app: App, { redis, readings, queues }: Service): void {
  app.post(
    '/searches',
    {
      schema: {
        summary: 'Start a search',
        description:
          'The videos are looked at first: data that the service can not read are refused. Where that takes longer ' +
          'than a request should, the answer is 503 with Retry-After and how far it is; it goes on meanwhile.',
        tags: ['searches'],
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
      const memory = await offeredMemory(redis);
      const state = await createSearch(request.body, { redis, open: readings.dataset, memory });
      await startTicking(queues, state.id);
      await hint(queues, state.id);
      return reply.status(201).header('location', `/searches/${state.id}`).send(viewOf(state));
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
      const views = searches.map(async (id) => {
        try {
          return [viewOf(await searchNamed(redis, id))];
        } catch (error) {
          if (!(error instanceof X3dError)) throw error;
          log.warn({ search: id, error: error.message }, 'left out of the list');
          return [];
        }
      });
      return { total, offset, limit, searches: (await Promise.all(views)).flat() };
    },
  );

  app.get(
    '/searches/:id',
    {
      schema: {
        summary: 'Where a search stands',
        tags: ['searches'],
        params: SearchId,
        response: { 200: SearchView, ...problems },
      },
    },
    async ({ params }) => viewOf(await searchNamed(redis, params.id)),
  );

  app.get(
    '/searches/:id/trajectory',
    {
      schema: {
        summary: 'Every round: what was tried, what won and why',
        tags: ['searches'],
        params: SearchId,
        response: { 200: Trajectory, ...problems },
      },
    },
    async ({ params }) => trajectoryOf(await searchNamed(redis, params.id)),
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
          response: { 200: SearchView, ...problems },
        },
      },
      async ({ params }) => {
        const state = await act(redis, params.id);
        if (state.status.kind === 'running') await startTicking(queues, state.id);
        await hint(queues, state.id);
        return viewOf(state);
      },
    );
}
