/**
 * A method: how a search proposes networks and chooses between them. It is one pure function from a search's state,
 * which is the fold of its events, to what is to be done next. A new method is a file beside this one and a line in
 * index.ts; what most of them share lies in racing.ts (choosing by repeated trainings) and ending.ts (the network found).
 */
import { trainingId } from '../../training/identity.js';
import type { NewEvent } from '../events.js';
import type { Measurement } from '../judge.js';
import { type CandidateState, isOpen, type SearchState, type TrainingState } from '../state.js';
import { type Variant, workOf } from '../work.js';

export type Decision =
  /** Record what follows from the state alone. */
  | { readonly kind: 'append'; readonly events: readonly NewEvent[] }
  /** See to these trainings, and record how they end. */
  | { readonly kind: 'train'; readonly trainings: readonly TrainingState[] }
  /** Keep what was found, then record that the search has ended. */
  | { readonly kind: 'end' }
  | { readonly kind: 'nothing' };

export interface Method {
  /** In a sentence, for people. */
  readonly description: string;
  /** What is next in a search that runs. Doing it twice, or by two coordinators, is harmless. */
  readonly decide: (state: SearchState) => Decision;
  /** What counts of candidates as a measurement, for people: what the method itself goes by. */
  readonly measured: (state: SearchState, candidates: readonly CandidateState[]) => readonly Measurement[];
}

export const append = (...events: readonly NewEvent[]): Decision => ({ kind: 'append', events });
export const fail = (reason: string): Decision => append({ kind: 'search-failed', reason });

/** A phase that a method brings no search to. */
export const foreign = ({ phase, configuration }: SearchState): Decision =>
  fail(`the method ${configuration.method} has no phase "${phase.kind}"`);

/** Sees to those that are open; undefined where none is. */
export function trainOpen(trainings: readonly TrainingState[]): Decision | undefined {
  const open = trainings.filter(isOpen);
  return open.length > 0 ? { kind: 'train', trainings: open } : undefined;
}

/** Asks for one training of a network; without a candidate, of the network found. */
export function proposeTraining(
  state: SearchState,
  { id, factors }: Pick<CandidateState, 'factors'> & { readonly id?: string },
  replicate: number,
  variant: Variant,
): Extract<NewEvent, { kind: 'training-proposed' }> {
  const work = workOf(state, factors, variant);
  return {
    kind: 'training-proposed',
    ...(id === undefined ? {} : { candidate: id }),
    training: trainingId(work, state.dataset.fingerprint),
    replicate,
    work,
  };
}
