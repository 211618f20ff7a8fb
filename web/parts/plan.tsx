/** What a search would take, and what a careful colleague would say before it begins. */
import { amount, quantity } from '../../src/cli/figures.js';
import type { Plan } from '../../src/search/planning/plan.js';
import { COUNTED, Fact, Facts } from './words.js';

interface Range {
  readonly likely: number;
  readonly from: number;
  readonly to: number;
}

const ranged = ({ likely, from, to }: Range, shown: (value: number) => string): string =>
  from === to ? shown(likely) : `${shown(likely)} (${shown(from)} to ${shown(to)})`;

const whole = (value: number) => Math.round(value).toLocaleString('en-US');

function minutes(value: number): string {
  return value < 90 ? `${Math.max(1, Math.round(value))} min` : `${(value / 60).toFixed(1)} h`;
}

export function PlanShown({
  plan: { checks, warnings, estimate, dataset, configuration },
}: {
  readonly plan: Plan;
}) {
  const failed = checks.filter(({ passed }) => !passed);
  const { train, validation, test } = dataset.parts;
  return (
    <section aria-label="What it would take" aria-live="polite" class="plan">
      <h2>{failed.length === 0 ? 'It can begin' : 'It can’t begin like this'}</h2>
      {failed.map(({ subject, expected, got, remedy }) => (
        <p class="trouble" key={subject}>
          {subject}: expected {expected}, got {got}. {remedy}
        </p>
      ))}
      {warnings.map(({ code, message }) => (
        <p class="note" key={code}>
          {message}
        </p>
      ))}
      <Facts>
        <Fact name="Videos">
          {train} train, {validation} validate, {test} test; {dataset.classes.length} classes
        </Fact>
        <Fact name="Target">
          {quantity(configuration.target, configuration.complexity)} {COUNTED[configuration.complexity]}
        </Fact>
        {estimate && (
          <>
            <Fact name="Rounds">{ranged(estimate.rounds, whole)}</Fact>
            <Fact name="Trainings">{ranged(estimate.trainings, whole)}</Fact>
            <Fact name="Multiply-adds">{ranged(estimate.multiplyAdds, amount)}</Fact>
            <Fact name="Time">
              {estimate.minutes
                ? ranged(estimate.minutes, minutes)
                : estimate.measuring
                  ? 'the workers’ speed is being measured …'
                  : 'not known: no worker is at work'}
            </Fact>
            <Fact name="Disk, at most">{amount(estimate.diskBytes.total)}B</Fact>
          </>
        )}
      </Facts>
    </section>
  );
}
