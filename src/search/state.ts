/** What a search's events come to (fold.ts makes it of them), and what is asked of it. */
import type { Axis, Factors } from '../network/index.js';
import type { Recipe } from '../training/recipe.js';
import type { Outcome, TrainingFailure, Work } from '../training/training.js';
import type { SearchConfiguration } from './configuration.js';
import type { CandidateCost, Choice, DatasetSummary, Phase, RoundKind } from './events.js';

export type TrainingProgressState =
  | { readonly kind: 'proposed' }
  | { readonly kind: 'started'; readonly worker: string; readonly at: string }
  | { readonly kind: 'finished'; readonly outcome: Outcome; readonly at: string }
  | { readonly kind: 'failed'; readonly failure: TrainingFailure; readonly at: string };

/** One training of a candidate, or of the network found. */
export interface TrainingState {
  readonly id: string;
  readonly replicate: number;
  /** The round that asked for it; 0 where none had begun. */
  readonly round: number;
  readonly work: Work;
  readonly progress: TrainingProgressState;
  /** That began it, or went on with it, last. */
  readonly worker?: string;
  /** When that was. */
  readonly startedAt?: string;
}

/** A network that was proposed, with all its trainings, whichever round they are of. */
export interface CandidateState {
  readonly id: string;
  readonly factors: Factors;
  readonly cost: CandidateCost;
  readonly trainings: readonly TrainingState[];
}

/** A candidate's part in a round. */
export interface Entrant {
  readonly candidate: string;
  /** Every axis that leads to it from the round's network. */
  readonly axes: readonly Axis[];
  /** What makes it where that is no single axis. */
  readonly change?: string;
  /** Why it is trained no more in this round. */
  readonly dropped?: string;
}

/** What makes a candidate, in a few words. */
export const moveOf = ({ axes, change }: Pick<Entrant, 'axes' | 'change'>): string =>
  change ?? axes.join(' = ');

export interface Winner {
  readonly candidate: string;
  readonly axes: readonly Axis[];
  readonly choice: Choice;
}

export interface Round {
  readonly round: number;
  readonly step: RoundKind;
  /** What the round started from. */
  readonly factors: Factors;
  readonly cost: CandidateCost;
  readonly entrants: readonly Entrant[];
  readonly skipped: readonly { readonly axis: Axis; readonly reason: string }[];
  readonly winner?: Winner;
}

export interface Contraction {
  readonly axis: Axis;
  readonly from: Factors;
  readonly to: Factors;
  readonly cost: CandidateCost;
  readonly candidate?: string;
}

export interface Final {
  readonly factors: Factors;
  readonly cost: CandidateCost;
  readonly candidate?: string;
  readonly reason: string;
  /** In full, one after the other: another where one came out clearly worse than it should. */
  readonly trainings: readonly TrainingState[];
}

export type SearchStatus =
  | { readonly kind: 'running' }
  /** `reason`: what failed for good, where it waits for a person to look at that. */
  | { readonly kind: 'paused'; readonly at: string; readonly reason?: string }
  | { readonly kind: 'ended'; readonly at: string }
  | { readonly kind: 'failed'; readonly at: string; readonly reason: string }
  | { readonly kind: 'cancelled'; readonly at: string };

export interface SearchState {
  readonly id: string;
  /** Events folded so far. */
  readonly version: number;
  readonly createdAt: string;
  readonly status: SearchStatus;
  readonly configuration: SearchConfiguration;
  readonly dataset: DatasetSummary;
  readonly phase: Phase;
  /** In the order of their first proposal. */
  readonly candidates: readonly CandidateState[];
  readonly rounds: readonly Round[];
  /** Of the network found, as chosen on the way; candidates have a share of its steps. */
  readonly recipe: Recipe;
  readonly recipeChoice?: {
    readonly round: number;
    readonly changed: readonly string[];
    readonly reason: string;
  };
  /** Steps of a candidate's training where they were lengthened. */
  readonly lengthened?: {
    readonly round: number;
    readonly steps: number;
    readonly reason: string;
  };
  readonly contraction?: Contraction;
  /** Why the target was not reached. */
  readonly unreachable?: string;
  /** Why no more is spent. */
  readonly spent?: string;
  readonly final?: Final;
}

/** When a search was over; undefined where something may happen in it yet. */
export const endOf = ({ status }: Pick<SearchState, 'status'>): string | undefined =>
  status.kind === 'running' || status.kind === 'paused' ? undefined : status.at;

export const isOver = (state: Pick<SearchState, 'status'>): boolean => endOf(state) !== undefined;

/** Whether a training has not ended yet. */
export const isOpen = ({ progress }: TrainingState): boolean =>
  progress.kind === 'proposed' || progress.kind === 'started';

/** What a training came to; undefined where it has not ended, or failed. */
export const trainedTo = ({ progress }: TrainingState): Outcome | undefined =>
  progress.kind === 'finished' ? progress.outcome : undefined;

/** Every training of a search, in the order of the candidates, those of the network found last. */
export const trainingsOf = (state: Pick<SearchState, 'candidates' | 'final'>): readonly TrainingState[] => [
  ...state.candidates.flatMap(({ trainings }) => trainings),
  ...(state.final?.trainings ?? []),
];

/** How many of a search's trainings are how far. */
export function countTrainings(state: SearchState): Record<TrainingProgressState['kind'], number> {
  const counts = { proposed: 0, started: 0, finished: 0, failed: 0 };
  for (const { progress } of trainingsOf(state)) counts[progress.kind] += 1;
  return counts;
}

/** What has to be there by what else a state says. */
export function present<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new Error(`the search has no ${what}`);
  return value;
}

export const candidateNamed = ({ candidates }: Pick<SearchState, 'candidates'>, id: string): CandidateState =>
  present(
    candidates.find((candidate) => candidate.id === id),
    `candidate ${id}`,
  );

/** The round that a phase is of. */
export const roundOf = (
  { rounds }: Pick<SearchState, 'rounds'>,
  { round: number }: Pick<Round, 'round'>,
): Round =>
  present(
    rounds.find(({ round }) => round === number),
    `round ${number}`,
  );

/** Of a round that has been won. */
export const winnerOf = (state: Pick<SearchState, 'candidates'>, { round, winner }: Round): CandidateState =>
  candidateNamed(state, present(winner, `winner of round ${round}`).candidate);

/** The candidates of a round, with their part in it. */
export const candidatesIn = (
  state: Pick<SearchState, 'candidates'>,
  round: Round,
): readonly (CandidateState & Entrant)[] =>
  round.entrants.map((entrant) => ({ ...candidateNamed(state, entrant.candidate), ...entrant }));

/** How far a final training fell short: by its validation loss, or, where nothing validates, by its training loss. */
const shortfall = ({ evaluations, trainingLoss }: Outcome) =>
  evaluations.validation?.metrics.loss ?? trainingLoss;

/** The best of the trainings in full that have ended. */
export function finalTraining({ final }: Pick<SearchState, 'final'>): TrainingState | undefined {
  const ended = (final?.trainings ?? []).flatMap((training) => {
    const outcome = trainedTo(training);
    return outcome ? [{ training, shortfall: shortfall(outcome) }] : [];
  });
  const [first, ...others] = ended;
  return others.reduce((best, other) => (best && other.shortfall >= best.shortfall ? best : other), first)
    ?.training;
}

export function finalOutcome(state: Pick<SearchState, 'final'>): Outcome | undefined {
  const training = finalTraining(state);
  return training && trainedTo(training);
}
