import Type from 'typebox';
import { X3dError } from '../../errors.js';
import { refuseLostHome } from '../../home-watch.js';
import { listWorkers } from '../../workers/registry.js';
import { outlookOn } from '../../workers/troubles.js';
import { problems } from '../problems.js';
import type { App, Service } from '../service.js';

const Health = Type.Object({ status: Type.Literal('ok') }, { description: 'It lives.' });
const Readiness = Type.Object(
  {
    status: Type.Literal('ready'),
    redis: Type.Literal('ok'),
    workers: Type.Integer({ minimum: 0, description: 'Heard of lately. Without one, searches wait.' }),
    note: Type.Optional(Type.String({ description: 'What people should know.' })),
  },
  { description: 'It can serve.' },
);

export const LIVENESS = '/healthz';

export function healthRoutes(app: App, { redis, watch, queues, homeWatch }: Service): void {
  app.get(
    LIVENESS,
    {
      config: { scope: 'public' },
      schema: {
        summary: 'Whether the process lives',
        tags: ['service'],
        response: { 200: Health, ...problems },
      },
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/readyz',
    {
      config: { scope: 'public' },
      schema: {
        summary:
          'Whether Redis and the home take writes and are as they must be, and some worker can take what waits',
        description:
          'Ready without workers too while nothing waits, since searches are taken and wait for them; it says so.',
        tags: ['service'],
        response: { 200: Readiness, ...problems },
      },
    },
    async () => {
      const trouble = await watch.trouble();
      if (trouble !== undefined)
        throw new X3dError('environment', {
          subject: 'Redis',
          expected: 'one that can be worked with',
          got: trouble,
          remedy: 'docs/operations.md says what to do.',
        });
      await refuseLostHome(homeWatch);
      const workers = (await listWorkers(redis)).length;
      const { troubles, stuck } = await outlookOn(queues, homeWatch);
      if (stuck !== undefined)
        throw new X3dError('environment', {
          subject: 'workers',
          expected: 'one that can take what waits',
          got: stuck,
        });
      const note = troubles.length === 0 ? {} : { note: troubles.map(({ message }) => message).join(' ') };
      return { status: 'ready' as const, redis: 'ok' as const, workers, ...note };
    },
  );
}
