/** What a search would take, and what a careful colleague would say before it begins. */
import { amount, bytes, quantity, roughly, spread } from '../../src/cli/figures.js';
import type { Plan } from '../../src/search/planning/plan.js';
import { COUNTED, Fact, Facts, Videos } from './words.js';

const whole = (value: number) => Math.round(value).toLocaleString('en-US');

export function PlanShown({
  plan: { checks, warnings, estimate, dataset, configuration },
}: {
  readonly plan: Plan;
}) {
  const failed = checks.filter(({ passed }) => !passed);
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
          <Videos of={dataset} />
        </Fact>
        <Fact name="Target">
          {quantity(configuration.target, configuration.complexity)} {COUNTED[configuration.complexity]}
        </Fact>
        {estimate && (
          <>
            <Fact name="Rounds">{spread(estimate.rounds, whole)}</Fact>
            <Fact name="Trainings">{spread(estimate.trainings, whole)}</Fact>
            <Fact name="Multiply-adds">{spread(estimate.multiplyAdds, amount)}</Fact>
            <Fact name="Time">
              {estimate.minutes
                ? spread(estimate.minutes, roughly)
                : estimate.measuring
                  ? 'the workers’ speed is being measured …'
                  : 'not known: no worker is at work'}
            </Fact>
            <Fact name="Disk, at most">{bytes(estimate.diskBytes.total)}</Fact>
          </>
        )}
      </Facts>
    </section>
  );
}
