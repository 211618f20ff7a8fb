/** What each round chose, by how much and how surely, and what it left out. */

import { Fragment } from 'preact';
import { amount, costText, inWords } from '../../src/cli/figures.js';
import type { Choice } from '../../src/search/events.js';
import { moveOf } from '../../src/search/state.js';
import type { CandidateView, RoundView, Trajectory } from '../../src/search/views.js';
import { METRICS } from '../../src/training/metrics.js';
import { to } from '../routes.js';
import { Table } from './table.js';
import { changed } from './words.js';

function margin({ difference }: Choice): string {
  if (!difference) return '';
  const { metric, value, error } = difference;
  const scale = METRICS[metric].unit === 'share' ? 100 : 1;
  const digits = scale === 100 ? 1 : 3;
  const unit = scale === 100 ? ' points' : ' nats';
  return `${value > 0 ? '+' : ''}${(scale * value).toFixed(digits)} ± ${(scale * error).toFixed(digits)}${unit}`;
}

interface LinkProps {
  readonly search: string;
  readonly round: RoundView;
  readonly id: string | undefined;
}

function Linked({ search, round, id }: LinkProps) {
  const candidate: CandidateView | undefined = round.candidates.find((one) => one.id === id);
  if (!candidate) return null;
  return <a href={to.candidate(search, candidate.id)}>{moveOf(candidate)}</a>;
}

export function Choices({ trajectory }: { readonly trajectory: Trajectory }) {
  const { search, rounds, contraction, recipeChoice, final, complexity } = trajectory;
  if (rounds.length === 0) return null;
  return (
    <section>
      <h2>Choices</h2>
      {recipeChoice && <p class="note">Recipe: {recipeChoice.reason}</p>}
      <Table
        label="What each round chose"
        columns={[
          'Round',
          'Won by',
          'Which changed',
          'Cost',
          'Decided by',
          'Margin',
          'Likely the best',
          'Runner-up',
          'Trainings',
        ]}
      >
        {rounds.map((round) => {
          const { winner, skipped, step } = round;
          const won = round.candidates.find(({ id }) => id === winner?.candidate);
          return (
            <Fragment key={round.round}>
              <tr>
                <th scope="row">
                  {round.round} <small>{step === 'expansion' ? '' : step}</small>
                </th>
                {winner && won ? (
                  <>
                    <td>
                      <Linked search={search} round={round} id={winner.candidate} />
                    </td>
                    <td>{changed(round.factors, won.factors)}</td>
                    <td class="figure">{costText(won.cost, complexity)}</td>
                    <td>{inWords(winner.choice.decidedBy)}</td>
                    <td class="figure">{margin(winner.choice)}</td>
                    <td class="figure">
                      {winner.choice.probability !== undefined &&
                        `${(100 * winner.choice.probability).toFixed(0)} %`}
                      {winner.choice.undecided && <small> undecided</small>}
                    </td>
                    <td>
                      <Linked search={search} round={round} id={winner.choice.runnerUp} />
                    </td>
                    <td class="figure">
                      {winner.choice.trainings} <small>{amount(winner.choice.multiplyAdds)}</small>
                    </td>
                  </>
                ) : (
                  <td colSpan={8}>
                    <small>
                      {step === 'recipe' ? 'tries recipes; chooses no network' : 'not chosen yet'}
                    </small>
                  </td>
                )}
              </tr>
              {skipped.length > 0 && (
                <tr class="left-out">
                  <td />
                  <td colSpan={8}>
                    Left out: {skipped.map(({ axis, reason }) => `${axis} (${reason})`).join('; ')}
                  </td>
                </tr>
              )}
            </Fragment>
          );
        })}
        {contraction && (
          <tr>
            <th scope="row">
              <small>step back</small>
            </th>
            <td>
              {contraction.candidate ? (
                <a href={to.candidate(search, contraction.candidate.id)}>{contraction.axis}</a>
              ) : (
                contraction.axis
              )}
            </td>
            <td>{changed(contraction.from, contraction.to)}</td>
            <td class="figure">{costText(contraction.cost, complexity)}</td>
            <td colSpan={5} />
          </tr>
        )}
      </Table>
      {final && (
        <p class="note">
          <a href={to.final(search)}>The network found</a> is {final.reason}.
        </p>
      )}
    </section>
  );
}
