import Type from 'typebox';
import { collect, storageOf } from '../../workers/storage.js';
import { problems } from '../problems.js';
import type { App, Service } from '../service.js';

const Count = Type.Integer({ minimum: 0 });
const Bytes = Type.Number({ minimum: 0 });
const Usage = Type.Object({ files: Count, bytes: Bytes, entries: Type.Optional(Count) });

const StorageView = Type.Object(
  {
    home: Type.String(),
    runs: Usage,
    candidates: Usage,
    unused: Usage,
    pretrained: Usage,
    unusedPretrained: Usage,
    cache: Usage,
    redis: Usage,
    other: Usage,
    cacheLimit: Type.Number({ description: 'Bytes that the cache is kept within.' }),
  },
  {
    title: 'Storage',
    description:
      'What the home takes on disk: runs (an entry a run), candidates (an entry a training), those of them that no search names, weights that trainings start from, those that none starts from, the cache of decoded frames, the log of the embedded Redis, and all else.',
  },
);

const CollectionInput = Type.Object(
  {
    cacheLimit: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 1e15, description: "Bytes. Default: the service's own limit." }),
    ),
  },
  { additionalProperties: false },
);

const Removed = { files: Count, bytes: Bytes };
const Collection = Type.Object(
  {
    candidates: Type.Object({ trainings: Count, ...Removed }),
    pretrained: Type.Object(Removed),
    cache: Type.Object(Removed),
  },
  { description: 'What was removed.' },
);

export function storageRoutes(app: App, { queues, home, cacheLimit }: Service): void {
  app.get(
    '/storage',
    {
      schema: {
        summary: 'What the home takes on disk',
        tags: ['service'],
        response: { 200: StorageView, ...problems },
      },
    },
    async () => ({ home: home.folder, ...(await storageOf(queues, home)), cacheLimit }),
  );

  app.post(
    '/storage/collect',
    {
      config: { scope: 'admin' },
      schema: {
        summary:
          'Remove what nothing needs: trainings that no search names, weights that none starts from, and of the cache what is over its limit',
        description:
          'What a training under way reads stays, and so do what was read in the last minutes and weights of the last hour. Safe to repeat.',
        tags: ['service'],
        body: CollectionInput,
        response: { 200: Collection, ...problems },
      },
    },
    ({ body }) => collect(queues, home, body.cacheLimit ?? cacheLimit),
  );
}
