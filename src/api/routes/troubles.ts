import Type, { type Static } from 'typebox';
import { outlookOn, Trouble } from '../../workers/troubles.js';
import { problems } from '../problems.js';
import type { App, Service } from '../service.js';

const Troubles = Type.Object(
  { troubles: Type.Array(Trouble) },
  { description: 'The gravest first; none where all goes as it should.' },
);
export type Troubles = Static<typeof Troubles>;

export function troubleRoutes(app: App, { queues, homeWatch }: Service): void {
  app.get(
    '/troubles',
    {
      schema: {
        summary: 'What keeps trainings from going on',
        description: 'Faults of the world that are waited for, workers that are missing or can take nothing.',
        tags: ['service'],
        querystring: Type.Object(
          {
            search: Type.Optional(
              Type.String({ minLength: 1, maxLength: 100, description: 'Only what holds this search up.' }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 200: Troubles, ...problems },
      },
    },
    async ({ query }) => ({ troubles: [...(await outlookOn(queues, homeWatch, query.search)).troubles] }),
  );
}
