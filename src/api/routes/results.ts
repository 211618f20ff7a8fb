import Type, { type Static } from 'typebox';
import { X3dError } from '../../errors.js';
import { searchNamed } from '../../search/log.js';
import { trainingsOf } from '../../search/state.js';
import { damagedFile, damagedIn } from '../../sums.js';
import { keptResult, RESULT } from '../../training/attempts.js';
import { mistakesIn, readPredictions, VideoPrediction } from '../../training/predictions.js';
import { EVALUATION_NAMES, TrainingResult } from '../../training/training.js';
import { problems } from '../problems.js';
import { type App, SearchId, type Service } from '../service.js';

/** Of one evaluation. */
const MOST_MISTAKES = 100;

const { classes, evaluations } = TrainingResult.properties;
const TrainingResults = Type.Object(
  {
    classes,
    evaluations,
    mistakes: Type.Optional(
      Type.Array(VideoPrediction, {
        description: `Videos taken for another class, the worst first (where the own class had the lowest score), at most ${MOST_MISTAKES} of each evaluation. Absent for trainings of versions that did not keep them.`,
      }),
    ),
  },
  { title: 'TrainingResults', description: "A training's evaluations with their confusion matrices." },
);
export type TrainingResults = Static<typeof TrainingResults>;

function worstIn(predictions: readonly VideoPrediction[]): VideoPrediction[] {
  const wrong = mistakesIn(predictions);
  return EVALUATION_NAMES.flatMap((name) =>
    wrong.filter(({ evaluation }) => evaluation === name).slice(0, MOST_MISTAKES),
  );
}

export function resultRoutes(app: App, { redis, home }: Service): void {
  app.get(
    '/searches/:id/trainings/:training/results',
    {
      schema: {
        summary: 'What a training came to, class by class',
        tags: ['searches'],
        params: Type.Object(
          {
            ...SearchId.properties,
            training: Type.String({ minLength: 1, description: "The training's id." }),
          },
          { additionalProperties: false },
        ),
        response: { 200: TrainingResults, ...problems },
      },
    },
    async ({ params: { id, training } }) => {
      const state = await searchNamed(redis, id);
      const known = trainingsOf(state).some(
        ({ id, progress }) => id === training && progress.kind === 'finished',
      );
      if (!known)
        throw new X3dError('not-found', {
          subject: 'training',
          expected: `the id of a training of search ${id} that has finished`,
          got: training,
          remedy: `GET /searches/${id}/trajectory lists them.`,
        });
      const folder = home.candidate(training);
      const result = await keptResult(folder);
      if (!result) {
        const [damaged = RESULT] = await damagedIn(folder);
        throw damagedFile(
          `candidates/${training}/${damaged}`,
          'What the search decided by is in its log; the training is done again when a search asks for it.',
        );
      }
      const predictions = await readPredictions(folder);
      const mistakes = predictions && worstIn(predictions);
      return {
        classes: result.classes,
        evaluations: result.evaluations,
        ...(mistakes ? { mistakes } : {}),
      };
    },
  );
}
