import Type from 'typebox';
import { listWorkers } from '../../workers/registry.js';
import { problems } from '../problems.js';
import type { App, Service } from '../service.js';

export const Progress = Type.Object(
  {
    phase: Type.Enum(['data', 'training', 'statistics', 'evaluation']),
    done: Type.Number({ description: "In the phase's unit: videos, steps, batches, videos." }),
    of: Type.Number(),
    loss: Type.Optional(Type.Number()),
    accuracy: Type.Optional(Type.Number()),
    learningRate: Type.Optional(Type.Number()),
    clipsPerSecond: Type.Optional(Type.Number()),
    secondsLeft: Type.Optional(Type.Number()),
  },
  { title: 'Progress' },
);

const WorkerView = Type.Object({
  id: Type.String(),
  host: Type.String(),
  pid: Type.Integer(),
  device: Type.String(),
  threads: Type.Integer(),
  memoryBytes: Type.Integer({ description: 'That a training may take, as estimated.' }),
  since: Type.String(),
  candidate: Type.Optional(
    Type.Object({ id: Type.String(), since: Type.String(), progress: Type.Optional(Progress) }),
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
