/** A search's trajectory and its current round as tables for people. */
import pc from 'picocolors';
import type { Factors } from '../network/index.js';
import type { CandidateView, Trajectory } from '../search/trajectory.js';
import type { TrainingProgress } from '../training/training.js';
import { amount, change, clip, duration, inWords, percent } from './figures.js';
import { columns } from './table.js';

export type Progresses = ReadonlyMap<string, TrainingProgress>;

const BAR = 12;
const COST_NAMES = {
  multiplyAdds: 'multiply-adds',
  parameters: 'parameters',
  activationBytes: 'activation bytes',
} as const satisfies Record<Trajectory['complexity'], string>;

export const costName = ({ complexity }: Trajectory): string => COST_NAMES[complexity];

export const axesOf = ({ axes }: Pick<CandidateView, 'axes'>): string => axes.join(' = ') || 'final';

/** A network in a few words. */
export const networkText = (factors: Factors) =>
  `${clip(factors)}, ${factors.crop} px, w ${factors.width}, b ${factors.bottleneck}, d ${factors.depth}`;

/** One line for each round that was won, then the contraction and the final network. */
export function trajectoryTable(trajectory: Trajectory): string {
  const { rounds, contraction, final, complexity } = trajectory;
  const table = columns({
    round: 'right',
    'won by': 'left',
    change: 'left',
    [costName(trajectory)]: 'right',
    accuracy: 'right',
    'decided by': 'left',
  });
  const first = rounds[0];
  if (first)
    table.push([0, trajectory.base, networkText(first.factors), amount(first.cost[complexity]), '', '']);
  for (const { round, factors, candidates, winner } of rounds) {
    const won = candidates.find(({ id }) => id === winner?.candidate);
    if (!won || !winner) continue;
    table.push([
      round,
      axesOf(won),
      change(factors, won.factors),
      amount(won.cost[complexity]),
      won.outcome ? percent(won.outcome.validation.top1) : '',
      inWords(winner.decidedBy),
    ]);
  }
  if (contraction) {
    const { axis, from, to, cost, candidate } = contraction;
    const accuracy = candidate?.outcome ? percent(candidate.outcome.validation.top1) : '';
    table.push(['', `${axis} back`, change(from, to), amount(cost[complexity]), accuracy, 'target']);
  }
  if (final) {
    const accuracy = final.outcome ? pc.bold(percent(final.outcome.validation.top1)) : '';
    table.push(['', 'final', networkText(final.factors), amount(final.cost[complexity]), accuracy, '']);
  }
  return table.toString();
}

const bar = (share: number) => {
  const full = Math.round(BAR * Math.min(1, share));
  return pc.cyan('█'.repeat(full)) + pc.gray('░'.repeat(BAR - full));
};

/** What each phase works on, for people; training speaks for itself. */
const PHASES: Readonly<Record<TrainingProgress['phase'], string>> = {
  data: 'data',
  training: '',
  statistics: 'statistics',
  evaluation: 'evaluation',
};

function standing(
  candidate: CandidateView,
  progress: TrainingProgress | undefined,
): [string, string, string] {
  const { state, outcome, failure } = candidate;
  if (outcome) return [pc.green('done'), percent(outcome.validation.top1), duration(outcome.seconds)];
  if (state === 'failed') return [pc.red(failure?.kind ?? 'failed'), '', ''];
  if (state === 'proposed' && !progress) return [pc.gray('waiting'), '', ''];
  if (!progress) return [pc.gray('starting'), '', ''];
  const { phase, done, of, accuracy, secondsLeft } = progress;
  const phaseText = PHASES[phase] === '' ? '' : ` ${PHASES[phase]}`;
  return [
    `${bar(of === 0 ? 0 : done / of)}${phaseText}`,
    // Of the training clips, and so in grey: it is not what decides.
    accuracy === undefined ? '' : pc.gray(percent(accuracy)),
    secondsLeft === undefined ? '' : `${duration(secondsLeft)} left`,
  ];
}

/** The candidates of the round that runs (or the final training), and how far each is. */
export function roundTable(trajectory: Trajectory, progresses: Progresses): string {
  const { rounds, contraction, final, complexity } = trajectory;
  const round = rounds.at(-1);
  if (!round) return '';
  const table = columns({
    candidate: 'left',
    change: 'left',
    [costName(trajectory)]: 'right',
    progress: 'left',
    accuracy: 'right',
    time: 'right',
  });
  const rows = final ? [final] : contraction?.candidate ? [contraction.candidate] : round.candidates;
  for (const candidate of rows) {
    const won = candidate.id === round.winner?.candidate;
    table.push([
      won ? pc.bold(axesOf(candidate)) : axesOf(candidate),
      final ? networkText(candidate.factors) : change(round.factors, candidate.factors),
      amount(candidate.cost[complexity]),
      ...standing(candidate, progresses.get(candidate.id)),
    ]);
  }
  return table.toString();
}
