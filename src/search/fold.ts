/** A search's state as the fold of its events. */
import type { SearchEvent } from './events.js';
import {
  type CandidateState,
  type Entrant,
  type Round,
  roundOf,
  type SearchState,
  type TrainingProgressState,
  type TrainingState,
} from './state.js';

function withRound(state: SearchState, change: (round: Round) => Round): SearchState {
  const last = state.rounds.at(-1);
  return last ? { ...state, rounds: [...state.rounds.slice(0, -1), change(last)] } : state;
}

/** A round has come to its end. */
const withChoice = (state: SearchState, round: number): SearchState => {
  const { step } = roundOf(state, { round });
  return { ...state, phase: { kind: 'chosen', step, round } };
};

function withTraining(state: SearchState, id: string, progress: TrainingProgressState): SearchState {
  const { kind } = progress;
  const begun = kind === 'started' ? { worker: progress.worker, startedAt: progress.at } : {};
  const change = (training: TrainingState) =>
    training.id === id ? { ...training, ...begun, progress } : training;
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
  const round = state.rounds.at(-1)?.round ?? 0;
  const training: TrainingState = { id, replicate, round, work, progress: { kind: 'proposed' } };
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
      return { ...withChoice(state, round), recipe, recipeChoice: { round, changed, reason } };
    }
    case 'winner-chosen': {
      const { round, candidate, axes, choice } = event;
      return withRound(withChoice(state, round), (won) => ({ ...won, winner: { candidate, axes, choice } }));
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
    case 'search-paused': {
      const { at, reason } = event;
      return { ...state, status: { kind: 'paused', at, ...(reason === undefined ? {} : { reason }) } };
    }
    case 'search-retried':
      return event.trainings.reduce<SearchState>(
        (before, training) => withTraining(before, training, { kind: 'proposed' }),
        { ...state, status: { kind: 'running' } },
      );
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
