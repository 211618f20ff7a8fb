import Type, { type Static } from 'typebox';
import { X3dError } from '../../errors.js';
import { searchNamed } from '../../search/log.js';
import { candidateViewOf, trajectoryOf } from '../../search/trajectory.js';
import { CandidateView, FinalView, TrainingView } from '../../search/views.js';
import { curveFolder } from '../../training/attempts.js';
import { readCurve } from '../../training/curve.js';
import { CurvePoint, TrainingProgress } from '../../training/training.js';
import { Attempt } from '../../workers/job.js';
import { candidateStatus, failedTries } from '../../workers/queues.js';
import { problems } from '../problems.js';
import { type App, SearchId, type Service } from '../service.js';

export const TrainingDetail = Type.Object({
  ...TrainingView.properties,
  running: Type.Optional(
    Type.Object({ worker: Type.String(), since: Type.String(), progress: Type.Optional(TrainingProgress) }),
  ),
  tries: Type.Array(Attempt, { description: 'Tries that failed, the oldest first.' }),
  curve: Type.Array(CurvePoint, { description: 'Means over the steps up to each point, so far.' }),
});

export type TrainingDetail = Static<typeof TrainingDetail>;

const Detail = Type.Object(
  { ...CandidateView.properties, trainings: Type.Array(TrainingDetail) },
  { title: 'CandidateDetail', description: 'A candidate as it stands, with the curve of each training.' },
);
export type CandidateDetail = Static<typeof Detail>;
const FinalDetail = Type.Object(
  { ...FinalView.properties, trainings: Type.Array(TrainingDetail) },
  { title: 'FinalDetail', description: 'The network found, with the curve of each training.' },
);
export type FinalDetail = Static<typeof FinalDetail>;

export function candidateRoutes(app: App, { redis, home, queues }: Service): void {
  const detailOf = async (training: TrainingView): Promise<TrainingDetail> => {
    const [status, tries, curve] = await Promise.all([
      candidateStatus(queues, training.id),
      failedTries(queues, training.id),
      curveFolder(home, training.id).then(readCurve),
    ]);
    return { ...training, ...(status.kind === 'training' ? { running: status.progress } : {}), tries, curve };
  };
  const detailed = async <View extends { readonly trainings: readonly TrainingView[] }>(view: View) => ({
    ...view,
    trainings: await Promise.all(view.trainings.map(detailOf)),
  });

  app.get(
    '/searches/:id/candidates/:candidate',
    {
      schema: {
        summary:
          'One candidate: its costs, its trainings with their curves, how far they are, why they failed',
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
      const view = candidateViewOf(state, params.candidate);
      if (!view)
        throw new X3dError('not-found', {
          subject: 'candidate',
          expected: `the id of a candidate of search ${params.id}`,
          got: params.candidate,
          remedy: `GET /searches/${params.id}/trajectory lists them.`,
        });
      return detailed(view);
    },
  );

  app.get(
    '/searches/:id/final',
    {
      schema: {
        summary: 'The network found: why this one, its trainings in full with their curves',
        tags: ['searches'],
        params: SearchId,
        response: { 200: FinalDetail, ...problems },
      },
    },
    async ({ params }) => {
      const { final } = trajectoryOf(await searchNamed(redis, params.id));
      if (!final)
        throw new X3dError('not-found', {
          subject: 'final',
          expected: `a search that has chosen its network`,
          got: `search ${params.id}, which has not yet`,
          remedy: `GET /searches/${params.id} says where it stands.`,
        });
      return detailed(final);
    },
  );
}
