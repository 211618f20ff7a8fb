/** What a training gets right and wrong, class by class. */
import { useCallback, useMemo, useState } from 'preact/hooks';
import type { TrainingDetail } from '../../src/api/routes/candidates.js';
import type { TrainingResults } from '../../src/api/routes/results.js';
import { inWords } from '../../src/cli/figures.js';
import { classRows, confusionRows, confusionSpecification } from '../../src/search/charts/confusion.js';
import type { Look } from '../../src/search/picture.js';
import type { EvaluationName } from '../../src/training/training.js';
import { usePolled } from '../service/live.js';
import { Chart, Figures } from './chart.js';
import { Mistakes } from './mistakes.js';
import { Trouble } from './words.js';

interface ResultsProps {
  readonly search: string;
  readonly trainings: readonly Pick<TrainingDetail, 'id' | 'state'>[];
}

/** Of one of the trainings that finished, the first where no other is asked for. */
export function Results({ search, trainings }: ResultsProps) {
  const [asked, setAsked] = useState<string>();
  const finished = trainings.filter(({ state }) => state === 'finished');
  const own = finished.find(({ id }) => id === asked) ?? finished[0];
  if (!own) return null;
  return (
    <section>
      <h2>What it gets right</h2>
      <div class="filters">
        {finished.length > 1 && (
          <label>
            Training
            <select value={own.id} onChange={(event) => setAsked(event.currentTarget.value)}>
              {trainings.map(
                ({ id, state }, index) =>
                  state === 'finished' && (
                    <option key={id} value={id}>
                      {index + 1}
                    </option>
                  ),
              )}
            </select>
          </label>
        )}
      </div>
      <Judged key={own.id} search={search} training={own.id} />
    </section>
  );
}

function Judged({ search, training }: { readonly search: string; readonly training: string }) {
  const path = `/searches/${encodeURIComponent(search)}/trainings/${encodeURIComponent(training)}/results`;
  const { answer, trouble } = usePolled<TrainingResults>(path, 0);
  const names = Object.keys(answer?.evaluations ?? {}) as EvaluationName[];
  const [asked, setAsked] = useState<EvaluationName>();
  const name = asked ?? names[0];
  const evaluation = name && answer?.evaluations[name];
  const specification = useCallback(
    (look: Look) =>
      answer && evaluation ? confusionSpecification(answer.classes, evaluation.confusion, look) : undefined,
    [answer, evaluation],
  );
  const rows = useMemo(
    () => (answer && evaluation ? confusionRows(answer.classes, evaluation.confusion) : []),
    [answer, evaluation],
  );
  if (!answer || !evaluation) return <Trouble>{trouble}</Trouble>;
  return (
    <>
      {names.length > 1 && (
        <label>
          On{' '}
          <select value={name} onChange={(event) => setAsked(event.currentTarget.value as EvaluationName)}>
            {names.map((one) => (
              <option key={one} value={one}>
                {inWords(one)}
              </option>
            ))}
          </select>
        </label>
      )}
      <div class="side-by-side">
        <Chart
          title="Confusion matrix"
          file={`${training}-${name}-confusion`}
          specification={specification}
          rows={rows.map((row) => ({ ...row }))}
        >
          {evaluation.videos} videos; shades are shares of each class’s videos.
        </Chart>
        <div>
          <h3>By class</h3>
          <Figures
            rows={classRows(answer.classes, evaluation.confusion).map(
              ({ class: own, videos, right, accuracy, predicted }) => ({
                class: own,
                videos,
                right,
                'accuracy, %': accuracy && Number(accuracy.toFixed(1)),
                'taken for it': predicted,
              }),
            )}
            caption="Accuracy by class"
          />
        </div>
      </div>
      {answer.mistakes && (
        <Mistakes
          search={search}
          classes={answer.classes}
          mistakes={answer.mistakes.filter(({ evaluation: of }) => of === name)}
        />
      )}
    </>
  );
}
