/** A search as the fold of its events. */
import type { Axis, Factors } from '../network/index.js';
import type { Recipe } from '../training/recipe.js';
import type { Outcome, TrainingFailure, Work } from '../training/training.js';
import type { SearchConfiguration } from './configuration.js';
import type { CandidateCost, Choice, DatasetSummary, RoundKind, SearchEvent } from './events.js';

export type TrainingProgressState =
  | { readonly kind: 'proposed' }
  | { readonly kind: 'started'; readonly worker: string; readonly at: string }
  | { readonly kind: 'finished'; readonly outcome: Outcome; readonly at: string }
  | { readonly kind: 'failed'; readonly failure: TrainingFailure; readonly at: string };

/** One training of a candidate, or of the network found. */
export interface TrainingState {
  readonly id: string;
  readonly replicate: number;
  readonly work: Work;
  readonly progress: TrainingProgressState;
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

/** What a search is at. */
export type Phase =
  | { readonly kind: 'beginning' }
  | { readonly kind: 'round'; readonly step: RoundKind; readonly round: number }
  | { readonly kind: 'contraction' }
  | { readonly kind: 'final' };

export type SearchStatus =
  | { readonly kind: 'running' }
  | { readonly kind: 'paused'; readonly at: string }
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

function withRound(state: SearchState, change: (round: Round) => Round): SearchState {
  const last = state.rounds.at(-1);
  return last ? { ...state, rounds: [...state.rounds.slice(0, -1), change(last)] } : state;
}

function withTraining(state: SearchState, id: string, progress: TrainingProgressState): SearchState {
  const change = (training: TrainingState) => (training.id === id ? { ...training, progress } : training);
  const changed = <Owner extends { readonly trainings: readonly TrainingState[] }>(owner: Owner): Owner =>
    owner.trainings.some((training) => training.id === id)
      ? { ...owner, trainings: owner.trainings.map(change) }
      : owner;
  return {
    ...state,
    candidates: state.candidates.map(changed),
    ...(state.final ? { final: changed(state.final) } : {}),
  };
}

function withProposal(
  state: SearchState,
  { candidate, training: id, replicate, work }: Extract<SearchEvent, { kind: 'training-proposed' }>,
): SearchState {
  const training: TrainingState = { id, replicate, work, progress: { kind: 'proposed' } };
  if (candidate === undefined)
    return state.final
      ? { ...state, final: { ...state.final, trainings: [...state.final.trainings, training] } }
      : state;
  return {
    ...state,
    candidates: state.candidates.map((one) =>
      one.id === candidate ? { ...one, trainings: [...one.trainings, training] } : one,
    ),
  };
}

const withCandidate = (state: SearchState, candidate: Omit<CandidateState, 'trainings'>): SearchState =>
  state.candidates.some(({ id }) => id === candidate.id)
    ? state
    : { ...state, candidates: [...state.candidates, { ...candidate, trainings: [] }] };

function applied(state: SearchState, event: Exclude<SearchEvent, { kind: 'search-created' }>): SearchState {
  switch (event.kind) {
    case 'round-started': {
      const { round, step, factors, cost } = event;
      const begun: Round = { round, step, factors, cost, entrants: [], skipped: [] };
      return { ...state, phase: { kind: 'round', step, round }, rounds: [...state.rounds, begun] };
    }
    case 'candidate-proposed': {
      const { candidate, axes, change, factors, cost } = event;
      const entrant: Entrant = { candidate, axes, ...(change === undefined ? {} : { change }) };
      return withRound(withCandidate(state, { id: candidate, factors, cost }), (round) => ({
        ...round,
        entrants: [...round.entrants, entrant],
      }));
    }
    case 'axis-skipped': {
      const { axis, reason } = event;
      return withRound(state, (round) => ({ ...round, skipped: [...round.skipped, { axis, reason }] }));
    }
    case 'training-proposed':
      return withProposal(state, event);
    case 'training-started':
      return withTraining(state, event.training, { kind: 'started', worker: event.worker, at: event.at });
    case 'training-finished':
      return withTraining(state, event.training, {
        kind: 'finished',
        outcome: event.outcome,
        at: event.at,
      });
    case 'training-failed':
      return withTraining(state, event.training, { kind: 'failed', failure: event.failure, at: event.at });
    case 'candidate-dropped':
      return withRound(state, (round) => ({
        ...round,
        entrants: round.entrants.map((entrant) =>
          entrant.candidate === event.candidate ? { ...entrant, dropped: event.reason } : entrant,
        ),
      }));
    case 'schedule-lengthened': {
      const { round, steps, reason } = event;
      return { ...state, lengthened: { round, steps, reason } };
    }
    case 'recipe-chosen': {
      const { round, recipe, changed, reason } = event;
      return { ...state, recipe, recipeChoice: { round, changed, reason } };
    }
    case 'winner-chosen': {
      const { candidate, axes, choice } = event;
      return withRound(state, (round) => ({ ...round, winner: { candidate, axes, choice } }));
    }
    case 'contracted': {
      const { axis, from, to, cost, candidate } = event;
      const contraction = { axis, from, to, cost, ...(candidate === undefined ? {} : { candidate }) };
      const next: SearchState = { ...state, phase: { kind: 'contraction' }, contraction };
      return candidate === undefined ? next : withCandidate(next, { id: candidate, factors: to, cost });
    }
    case 'target-unreachable':
      return { ...state, unreachable: event.reason };
    case 'budget-reached':
      return { ...state, spent: event.reason };
    case 'final-proposed': {
      const { factors, cost, candidate, reason } = event;
      const final = {
        factors,
        cost,
        ...(candidate === undefined ? {} : { candidate }),
        reason,
        trainings: [],
      };
      return { ...state, phase: { kind: 'final' }, final };
    }
    case 'search-paused':
      return { ...state, status: { kind: 'paused', at: event.at } };
    case 'search-resumed':
      return { ...state, status: { kind: 'running' } };
    case 'search-cancelled':
      return { ...state, status: { kind: 'cancelled', at: event.at } };
    case 'search-failed':
      return { ...state, status: { kind: 'failed', at: event.at, reason: event.reason } };
    case 'search-ended':
      return { ...state, status: { kind: 'ended', at: event.at } };
  }
}

/** The state after one more event. The first event of a search is `search-created`, and no other is. */
export function apply(state: SearchState | undefined, event: SearchEvent): SearchState {
  if (event.kind === 'search-created') {
    if (state) throw new Error(`search ${event.search} was created twice`);
    const { search: id, at: createdAt, configuration, dataset } = event;
    return {
      id,
      version: 1,
      createdAt,
      status: { kind: 'running' },
      configuration,
      dataset,
      phase: { kind: 'beginning' },
      candidates: [],
      rounds: [],
      recipe: configuration.recipe,
    };
  }
  if (!state) throw new Error(`a search began with ${event.kind}`);
  return { ...applied(state, event), version: state.version + 1 };
}

/** The state after all of them, or undefined where there are none. */
export const fold = (events: Iterable<SearchEvent>): SearchState | undefined => {
  let state: SearchState | undefined;
  for (const event of events) state = apply(state, event);
  return state;
};

/** When a search was over; undefined where something may happen in it yet. */
export const endOf = ({ status }: Pick<SearchState, 'status'>): string | undefined =>
  status.kind === 'running' || status.kind === 'paused' ? undefined : status.at;

export const isOver = (state: Pick<SearchState, 'status'>): boolean => endOf(state) !== undefined;

/** Whether a training has not ended yet. */
export const isOpen = ({ progress }: TrainingState): boolean =>
  progress.kind === 'proposed' || progress.kind === 'started';

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

export function candidateNamed(state: Pick<SearchState, 'candidates'>, id: string): CandidateState {
  const found = state.candidates.find((candidate) => candidate.id === id);
  if (!found) throw new Error(`the search has no candidate ${id}`);
  return found;
}

/** The candidates of a round, with their part in it. */
export const candidatesIn = (
  state: Pick<SearchState, 'candidates'>,
  round: Round,
): readonly (CandidateState & Entrant)[] =>
  round.entrants.map((entrant) => ({ ...candidateNamed(state, entrant.candidate), ...entrant }));

const trainedWith = ({ progress }: TrainingState): Outcome | undefined =>
  progress.kind === 'finished' ? progress.outcome : undefined;

/** How far a final training fell short: by its validation loss, or, where nothing validates, by its training loss. */
const shortfall = ({ evaluations, trainingLoss }: Outcome) =>
  evaluations.validation?.metrics.loss ?? trainingLoss;

/** The best of the trainings in full that have ended. */
export function finalTraining({ final }: Pick<SearchState, 'final'>): TrainingState | undefined {
  const ended = (final?.trainings ?? []).filter((training) => trainedWith(training) !== undefined);
  const [first, ...others] = ended;
  if (!first) return undefined;
  const of = (training: TrainingState) => shortfall(trainedWith(training) as Outcome);
  return others.reduce((best, other) => (of(other) < of(best) ? other : best), first);
}

export function finalOutcome(state: Pick<SearchState, 'final'>): Outcome | undefined {
  const training = finalTraining(state);
  return training && trainedWith(training);
}
