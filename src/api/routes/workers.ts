import Type, { type Static } from 'typebox';
import { listWorkers, WorkerRecord } from '../../workers/registry.js';
import { problems } from '../problems.js';
import type { App, Service } from '../service.js';

const Workers = Type.Object(
  { workers: Type.Array(WorkerRecord) },
  { description: 'Every worker that has been heard of in the last seconds.' },
);
export type Workers = Static<typeof Workers>;

export function workerRoutes(app: App, { redis }: Service): void {
  app.get(
    '/workers',
    {
      schema: {
        summary: 'The workers heard of lately, and what they train',
        tags: ['workers'],
        response: { 200: Workers, ...problems },
      },
    },
    async () => ({ workers: await listWorkers(redis) }),
  );
}
