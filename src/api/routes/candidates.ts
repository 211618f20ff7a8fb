import Type from 'typebox';
import { X3dError } from '../../errors.js';
import { searchNamed } from '../../search/log.js';
import { candidatesOf } from '../../search/state.js';
import { CandidateView, candidateViewOf } from '../../search/trajectory.js';
import { readCurve } from '../../training/curve.js';
import { Attempt } from '../../workers/job.js';
import { candidateStatus, failedTries } from '../../workers/queues.js';
import { problems } from '../problems.js';
import { type App, SearchId, type Service } from '../service.js';
import { Progress } from './workers.js';

const Point = Type.Object({
  step: Type.Integer(),
  loss: Type.Number(),
  accuracy: Type.Number(),
  learningRate: Type.Number(),
});

const Detail = Type.Object(
  {
    ...CandidateView.properties,
    training: Type.Optional(
      Type.Object({ worker: Type.String(), since: Type.String(), progress: Type.Optional(Progress) }),
    ),
    tries: Type.Array(Attempt, { description: 'Tries that failed, the oldest first.' }),
    curve: Type.Array(Point, { description: 'Means over the steps up to each point, so far.' }),
  },
  { title: 'Candidate', description: 'A candidate as it stands.' },
);

export function candidateRoutes(app: App, { redis, home, queues }: Service): void {
  app.get(
    '/searches/:id/candidates/:candidate',
    {
      schema: {
        summary: 'One candidate: its costs, its curve, how far it is, why it failed',
        tags: ['searches'],
        params: Type.Object(
          {
            ...SearchId.properties,
            candidate: Type.String({ minLength: 1, description: "The candidate's id." }),
          },
          { additionalProperties: false },
        ),
        response: { 200: Detail, ...problems },
      },
    },
    async ({ params }) => {
      const state = await searchNamed(redis, params.id);
      const candidate = candidatesOf(state).find(({ id }) => id === params.candidate);
      if (!candidate)
        throw new X3dError('not-found', {
          subject: 'candidate',
          expected: `the id of a candidate of search ${params.id}`,
          got: params.candidate,
          remedy: `GET /searches/${params.id}/trajectory lists them.`,
        });
      const [status, tries, curve] = await Promise.all([
        candidateStatus(queues, candidate.id),
        failedTries(queues, candidate.id),
        readCurve(home.candidate(candidate.id)),
      ]);
      return {
        ...candidateViewOf(candidate),
        ...(status.kind === 'training' ? { training: status.progress } : {}),
        tries,
        curve,
      };
    },
  );
}
