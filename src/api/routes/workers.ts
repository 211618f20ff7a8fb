import Type from 'typebox';
import { TrainingProgress } from '../../training/training.js';
import { listWorkers } from '../../workers/registry.js';
import { problems } from '../problems.js';
import type { App, Service } from '../service.js';

const WorkerView = Type.Object({
  id: Type.String(),
  host: Type.String(),
  pid: Type.Integer(),
  device: Type.String(),
  threads: Type.Integer(),
  memoryBytes: Type.Integer({ description: 'That a training may take, as estimated.' }),
  since: Type.String(),
  training: Type.Optional(
    Type.Object({ id: Type.String(), since: Type.String(), progress: Type.Optional(TrainingProgress) }),
  ),
});

const Workers = Type.Object(
  { workers: Type.Array(WorkerView) },
  { description: 'Every worker that has been heard of in the last seconds.' },
);

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
