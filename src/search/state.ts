/** A search as the fold of its events. */
import type { Axis, Factors } from '../network/index.js';
import type { TrainingFailure } from '../training/training.js';
import type { SearchConfiguration } from './configuration.js';
import type { CandidateCost, DatasetSummary, DecidedBy, Outcome, SearchEvent } from './events.js';

export type CandidateProgress =
  | { readonly kind: 'proposed' }
  | { readonly kind: 'started'; readonly worker: string; readonly at: string }
  | { readonly kind: 'finished'; readonly outcome: Outcome; readonly at: string }
  | { readonly kind: 'failed'; readonly failure: TrainingFailure; readonly at: string };

export interface CandidateState {
  readonly id: string;
  /** Empty for the final training. */
  readonly axes: readonly Axis[];
  readonly factors: Factors;
  readonly cost: CandidateCost;
  readonly progress: CandidateProgress;
}

export interface Winner {
  readonly candidate: string;
  readonly axis: Axis;
  readonly tiedAxes: readonly Axis[];
  /** What told the winner from the next best candidate. */
  readonly decidedBy: DecidedBy;
}

export interface Round {
  readonly round: number;
  /** What the round started from. */
  readonly factors: Factors;
  readonly cost: CandidateCost;
  readonly candidates: readonly CandidateState[];
  readonly skipped: readonly { readonly axis: Axis; readonly reason: string }[];
  readonly winner?: Winner;
}

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
  readonly rounds: readonly Round[];
  readonly contraction?: {
    readonly axis: Axis;
    readonly from: Factors;
    readonly to: Factors;
    readonly cost: CandidateCost;
    readonly candidate?: CandidateState;
  };
  /** Why the target was not reached. */
  readonly unreachable?: string;
  /** The training in full of the network found. */
  readonly final?: CandidateState;
}

function withRound(state: SearchState, change: (round: Round) => Round): SearchState {
  const last = state.rounds.at(-1);
  return last ? { ...state, rounds: [...state.rounds.slice(0, -1), change(last)] } : state;
}

function withCandidate(state: SearchState, id: string, progress: CandidateProgress): SearchState {
  const change = (candidate: CandidateState) =>
    candidate.id === id ? { ...candidate, progress } : candidate;
  return {
    ...state,
    rounds: state.rounds.map((round) => ({ ...round, candidates: round.candidates.map(change) })),
    ...(state.contraction?.candidate
      ? { contraction: { ...state.contraction, candidate: change(state.contraction.candidate) } }
      : {}),
    ...(state.final ? { final: change(state.final) } : {}),
  };
}

function applied(state: SearchState, event: Exclude<SearchEvent, { kind: 'search-created' }>): SearchState {
  switch (event.kind) {
    case 'round-started': {
      const { round, factors, cost } = event;
      return { ...state, rounds: [...state.rounds, { round, factors, cost, candidates: [], skipped: [] }] };
    }
    case 'candidate-proposed': {
      const { candidate: id, axes, factors, cost } = event;
      const candidate: CandidateState = { id, axes, factors, cost, progress: { kind: 'proposed' } };
      return withRound(state, (round) => ({ ...round, candidates: [...round.candidates, candidate] }));
    }
    case 'axis-skipped': {
      const { axis, reason } = event;
      return withRound(state, (round) => ({ ...round, skipped: [...round.skipped, { axis, reason }] }));
    }
    case 'candidate-started':
      return withCandidate(state, event.candidate, { kind: 'started', worker: event.worker, at: event.at });
    case 'candidate-finished':
      return withCandidate(state, event.candidate, {
        kind: 'finished',
        outcome: event.outcome,
        at: event.at,
      });
    case 'candidate-failed':
      return withCandidate(state, event.candidate, { kind: 'failed', failure: event.failure, at: event.at });
    case 'winner-chosen': {
      const { candidate, axis, tiedAxes, decidedBy } = event;
      return withRound(state, (round) => ({ ...round, winner: { candidate, axis, tiedAxes, decidedBy } }));
    }
    case 'contracted': {
      const { axis, from, to, cost, candidate: id } = event;
      const candidate =
        id === undefined
          ? {}
          : { candidate: { id, axes: [axis], factors: to, cost, progress: { kind: 'proposed' } as const } };
      return { ...state, contraction: { axis, from, to, cost, ...candidate } };
    }
    case 'target-unreachable':
      return { ...state, unreachable: event.reason };
    case 'final-proposed': {
      const { candidate: id, factors, cost } = event;
      return { ...state, final: { id, axes: [], factors, cost, progress: { kind: 'proposed' } } };
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
    return { id, version: 1, createdAt, status: { kind: 'running' }, configuration, dataset, rounds: [] };
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

/** Whether a candidate's training has not ended yet. */
export const isOpen = ({ progress }: CandidateState): boolean =>
  progress.kind === 'proposed' || progress.kind === 'started';

/** How many of a search's candidates are how far. */
export function countCandidates(state: SearchState): Record<CandidateProgress['kind'], number> {
  const counts = { proposed: 0, started: 0, finished: 0, failed: 0 };
  for (const { progress } of candidatesOf(state)) counts[progress.kind] += 1;
  return counts;
}

/** Every candidate of a search, the final training included, by round. */
export const candidatesOf = (state: SearchState): readonly CandidateState[] => [
  ...state.rounds.flatMap((round) => round.candidates),
  ...(state.contraction?.candidate ? [state.contraction.candidate] : []),
  ...(state.final ? [state.final] : []),
];
