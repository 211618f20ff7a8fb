/** What `train` makes in the home: networks without a search. */
import Type, { type Static } from 'typebox';
import { X3dError } from '../../errors.js';
import { SingleView, singleView, singleViews } from '../../search/reporting/single.js';
import { removeRun } from '../../workers/storage.js';
import { problems } from '../problems.js';
import type { App, Service } from '../service.js';

const Count = Type.Integer({ minimum: 0 });
const SingleId = Type.Object(
  { id: Type.String({ minLength: 1, maxLength: 100, description: "The training's id." }) },
  { additionalProperties: false },
);
const Singles = Type.Object(
  { singles: Type.Array(SingleView) },
  { description: 'The newest first; one that is damaged is left out.' },
);
export type Singles = Static<typeof Singles>;
const RemovedSingle = Type.Object(
  { single: Type.String(), files: Count, bytes: Type.Number({ minimum: 0 }) },
  { description: 'What was removed with it.' },
);

export function singleRoutes(app: App, { queues, home }: Service): void {
  app.get(
    '/singles',
    {
      schema: {
        summary: 'The networks of `train`, and where each stands',
        tags: ['singles'],
        response: { 200: Singles, ...problems },
      },
    },
    async () => ({ singles: await singleViews(home) }),
  );

  app.get(
    '/singles/:id',
    {
      schema: {
        summary: 'Where a training of `train` stands, or what it came to',
        tags: ['singles'],
        params: SingleId,
        response: { 200: SingleView, ...problems },
      },
    },
    ({ params }) => singleView(home, params.id),
  );

  app.delete(
    '/singles/:id',
    {
      config: { scope: 'admin' },
      schema: {
        summary: 'Forget a training of `train` that does not go on: its folder with the network',
        tags: ['singles'],
        params: SingleId,
        response: { 200: RemovedSingle, ...problems },
      },
    },
    async ({ params: { id } }) => {
      const { status } = await singleView(home, id);
      if (status === 'running')
        throw new X3dError('conflict', {
          subject: `training ${id}`,
          expected: 'one that does not go on',
          got: 'one that runs',
          remedy: 'Ctrl-C where `x3d-search train` runs stops it.',
        });
      const { files, bytes } = await removeRun(queues, home, id, []);
      return { single: id, files, bytes };
    },
  );
}
