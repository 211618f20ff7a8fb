/** A search's trajectory and its current round as tables for people. */
import pc from 'picocolors';
import type { Factors } from '../network/index.js';
import type { Choice } from '../search/events.js';
import { moveOf } from '../search/state.js';
import type { CandidateView, Trajectory } from '../search/views.js';
import type { TrainingProgress } from '../training/training.js';
import { change, clip, costText, duration, inWords, percent } from './figures.js';
import { broken, columns } from './table.js';

export type Progresses = ReadonlyMap<string, TrainingProgress>;

const BAR = 12;
const COST_NAMES = {
  multiplyAdds: 'multiply-adds',
  parameters: 'parameters',
  activationBytes: 'activation bytes',
  latency: 'latency',
} as const satisfies Record<Trajectory['complexity'], string>;

/** Columns of text, so that a table fits a terminal of 80 columns. */
const MOVE_WIDTH = 14;
const CHANGE_WIDTH = 17;
const CHOICE_WIDTH = 12;
const moveText = (candidate: Pick<CandidateView, 'axes' | 'change'>) => broken(moveOf(candidate), MOVE_WIDTH);
const changeText = (text: string) => broken(text, CHANGE_WIDTH);
const costHead = ({ complexity }: Trajectory) =>
  COST_NAMES[complexity].replace(/(-| )/, (mark) => `${mark.trim()}\n`);

export const costName = ({ complexity }: Pick<Trajectory, 'complexity'>): string => COST_NAMES[complexity];

/** A network in a few words. */
export const networkText = (factors: Factors) =>
  `${clip(factors)}, ${factors.crop} px, w ${factors.width}, b ${factors.bottleneck}, d ${factors.depth}`;

/** As "75 ± 4 %"; an error below one point has a decimal, and so has its figure. */
function withError({ mean, error }: { readonly mean: number; readonly error: number }): string {
  const decimals = error < 0.01 ? 1 : 0;
  return `${(100 * mean).toFixed(decimals)} ± ${(100 * error).toFixed(decimals)} %`;
}

const choiceOf = ({ decidedBy, probability, undecided }: Choice, what: string): string => {
  const sure = probability === undefined ? '' : `, ${(100 * probability).toFixed(0)} %${what}`;
  return `${undecided ? 'undecided: ' : ''}${inWords(decidedBy)}${sure}`;
};

/** What told the winner from the next best, and how likely it is the best. */
export const choiceText = (choice: Choice): string => choiceOf(choice, ' likely the best');

/** As `choiceText`, in a column that CHOICES explains. */
const choiceCell = (choice: Choice): string => broken(choiceOf(choice, ''), CHOICE_WIDTH);
const CHOICES = 'decided by: what told the winner from the next, and how likely it is the best';

/** One line for each round that was won, then the contraction and the final network. */
export function trajectoryTable(trajectory: Trajectory): string {
  const { rounds, contraction, final, complexity } = trajectory;
  const table = columns({
    '#': 'right',
    'won by': 'left',
    change: 'left',
    [costHead(trajectory)]: 'right',
    accuracy: 'right',
    loss: 'right',
    'decided by': 'left',
  });
  const shown = rounds.filter(({ step }) => step !== 'recipe');
  const first = shown[0];
  if (first)
    table.push([
      '',
      trajectory.base,
      changeText(networkText(first.factors)),
      costText(first.cost, complexity),
      '',
      '',
      '',
    ]);
  for (const { round, step, factors, candidates, winner } of shown) {
    const won = candidates.find(({ id }) => id === winner?.candidate);
    if (!won || !winner) continue;
    table.push([
      round,
      moveText(won),
      changeText(step === 'population' ? networkText(won.factors) : change(factors, won.factors)),
      costText(won.cost, complexity),
      won.estimates ? withError(won.estimates.accuracy) : '',
      won.estimates ? won.estimates.loss.mean.toFixed(2) : '',
      choiceCell(winner.choice),
    ]);
  }
  if (contraction) {
    const { axis, from, to, cost, candidate } = contraction;
    const accuracy = candidate?.estimates ? withError(candidate.estimates.accuracy) : '';
    const loss = candidate?.estimates ? candidate.estimates.loss.mean.toFixed(2) : '';
    table.push([
      '',
      `${axis} back`,
      changeText(change(from, to)),
      costText(cost, complexity),
      accuracy,
      loss,
      'target',
    ]);
  }
  if (final) {
    const { validation } = final.outcome?.evaluations ?? {};
    const accuracy = validation ? pc.bold(percent(validation.metrics.accuracy)) : '';
    const loss = validation ? validation.metrics.loss.toFixed(2) : '';
    table.push([
      '',
      'final',
      changeText(networkText(final.factors)),
      costText(final.cost, complexity),
      accuracy,
      loss,
      '',
    ]);
  }
  const explained = shown.some(({ winner }) => winner?.choice.probability !== undefined);
  return `${table}${explained ? `\n${pc.gray(CHOICES)}` : ''}`;
}

const bar = (share: number, width: number) => {
  const full = Math.round(width * Math.min(1, share));
  return pc.cyan('█'.repeat(full)) + pc.gray('░'.repeat(width - full));
};

/** What each phase works on, for people; training speaks for itself. */
const PHASES: Readonly<Record<TrainingProgress['phase'], string>> = {
  data: 'data',
  training: '',
  statistics: 'statistics',
  evaluation: 'evaluation',
};

/** How far a candidate is: the training that is under way, else what its trainings came to. */
function standing(
  {
    state,
    dropped,
    estimates,
    trainings,
  }: Pick<CandidateView, 'state' | 'dropped' | 'estimates' | 'trainings'>,
  progresses: Progresses,
): [progress: string, accuracy: string, time: string] {
  const running = trainings.find(({ id, state }) => state === 'started' || progresses.has(id));
  const accuracy = estimates ? withError(estimates.accuracy) : '';
  const ended = trainings.filter((training) => training.state === 'finished');
  const seconds = ended.reduce((sum, { outcome }) => sum + (outcome?.seconds ?? 0), 0);
  const times = ended.length > 1 ? `${ended.length} in ` : '';
  if (dropped !== undefined) return [pc.gray('dropped'), accuracy, `${times}${duration(seconds)}`];
  if (state === 'finished') return [pc.green('done'), accuracy, `${times}${duration(seconds)}`];
  if (state === 'failed') {
    const failure = trainings.findLast((training) => training.failure)?.failure;
    return [pc.red(failure?.kind ?? 'failed'), '', ''];
  }
  const progress = running && progresses.get(running.id);
  if (!progress) return [pc.gray(state === 'proposed' ? 'waiting' : 'starting'), accuracy, ''];
  const { phase, done, of, secondsLeft } = progress;
  const what = PHASES[phase] === '' ? '' : `${PHASES[phase]} `;
  return [
    `${what}${bar(of === 0 ? 0 : done / of, BAR - what.length)}`,
    // Of the training clips, and so in grey: it is not what decides.
    estimates ? accuracy : progress.accuracy === undefined ? '' : pc.gray(percent(progress.accuracy)),
    secondsLeft === undefined ? '' : `${duration(secondsLeft)} left`,
  ];
}

/** The candidates of the phase that the search is in, and how far each is. */
export function phaseTable(trajectory: Trajectory, progresses: Progresses): string {
  const { phase, rounds, contraction, final, complexity } = trajectory;
  const table = columns({
    candidate: 'left',
    change: 'left',
    [costHead(trajectory)]: 'right',
    progress: 'left',
    accuracy: 'right',
    time: 'right',
  });
  const add = (
    name: string,
    what: string,
    candidate: Pick<CandidateView, 'cost' | 'state' | 'dropped' | 'estimates' | 'trainings'>,
  ) => table.push([name, what, costText(candidate.cost, complexity), ...standing(candidate, progresses)]);
  switch (phase.kind) {
    case 'beginning':
      return '';
    case 'round':
    case 'chosen': {
      const round = rounds.find(({ round }) => round === phase.round);
      const moves = phase.step === 'expansion' || phase.step === 'exchange';
      for (const candidate of round?.candidates ?? []) {
        const won = candidate.id === round?.winner?.candidate;
        add(
          won ? pc.bold(moveText(candidate)) : moveText(candidate),
          changeText(
            round && moves ? change(round.factors, candidate.factors) : networkText(candidate.factors),
          ),
          candidate,
        );
      }
      break;
    }
    case 'contraction':
      if (contraction?.candidate)
        add(
          `${contraction.axis} back`,
          changeText(change(contraction.from, contraction.to)),
          contraction.candidate,
        );
      break;
    case 'final':
      if (final) add('final', changeText(networkText(final.factors)), final);
  }
  return table.toString();
}
