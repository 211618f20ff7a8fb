/**
 * Trainings that failed for good: whether the search may decide without them. What a method would decide from the
 * candidates that happened to be trained is held back, and a person is asked, unless the configuration says that it may
 * go on with most of them.
 */

import { METHODS } from './methods/index.js';
import type { Decision } from './methods/method.js';
import {
  type CandidateState,
  candidateNamed,
  candidatesIn,
  type Entrant,
  type SearchState,
  type TrainingState,
} from './state.js';

/** Of a round's candidates: four of six. */
const MOST = 4 / 6;

type Failed = Extract<TrainingState['progress'], { kind: 'failed' }>;

const failuresOf = (trainings: readonly TrainingState[]): readonly Failed[] =>
  trainings.flatMap(({ progress }) => (progress.kind === 'failed' ? [progress] : []));

const isTrained = ({ trainings }: Pick<CandidateState, 'trainings'>): boolean =>
  trainings.some(({ progress }) => progress.kind === 'finished');

/** Whether a method has a figure of a candidate to judge it by. */
const isMeasured = (state: SearchState, candidate: CandidateState): boolean =>
  state.phase.kind !== 'round' || state.phase.step === 'recipe'
    ? isTrained(candidate)
    : METHODS[state.configuration.method].measured(state, [candidate]).length > 0;

/** Whether all that failed is a loss that was no number, which methods have remedies for. */
const onlyDiverged = ({ trainings }: Pick<CandidateState, 'trainings'>): boolean =>
  failuresOf(trainings).every(({ failure }) => failure.kind === 'not-a-number');

/** A loss that is no number tells of a recipe; while another try of the candidate has a figure, nothing is missing. */
const isMissing = (state: SearchState, candidate: CandidateState): boolean =>
  !onlyDiverged(candidate) || (failuresOf(candidate.trainings).length > 0 && !isMeasured(state, candidate));

/** What the next decision rests on. */
function deciding(state: SearchState): readonly (CandidateState & Partial<Entrant>)[] {
  const round = state.rounds.at(-1);
  switch (state.phase.kind) {
    case 'round':
      return round && !round.winner ? candidatesIn(state, round) : [];
    case 'contraction':
      return state.contraction?.candidate === undefined
        ? []
        : [candidateNamed(state, state.contraction.candidate)];
    case 'final': {
      const { final } = state;
      // Another seed that came out well is all that is needed.
      return final && !isTrained(final) ? [{ ...final, id: 'the network found' }] : [];
    }
    default:
      return [];
  }
}

const missing = (state: SearchState) => deciding(state).filter((candidate) => isMissing(state, candidate));

/** Trainings that failed for good, and that a person may have tried again. */
export const failedForGood = (state: SearchState): readonly string[] =>
  missing(state).flatMap(({ trainings }) =>
    trainings.filter(({ progress }) => progress.kind === 'failed').map(({ id }) => id),
  );

/** Whether a decision asks for trainings only, which decides nothing yet: a remedy may be among them. */
const onlyTrains = (decision: Decision): boolean =>
  decision.kind === 'append' &&
  decision.events.every(({ kind }) => kind === 'training-proposed' || kind === 'schedule-lengthened');

/** Why a search has to stand still before what its method has decided, or undefined. */
export function standstill(state: SearchState, decision: Decision): string | undefined {
  if (decision.kind === 'train' || decision.kind === 'nothing') return undefined;
  const out = missing(state);
  if (out.length === 0 || (onlyTrains(decision) && out.every(onlyDiverged))) return undefined;
  const all = deciding(state).length;
  const goesOn = state.configuration.onFailure === 'go-on' && state.phase.kind === 'round';
  if (goesOn && all - out.length >= MOST * all) return undefined;
  const named = out.map(({ id, axes, change, trainings }) => {
    const last = failuresOf(trainings).at(-1)?.failure;
    return `${change ?? axes?.join(' = ') ?? id}: ${last?.kind}, ${last?.reason}`;
  });
  const what = state.phase.kind === 'round' ? `${out.length} of ${all} candidates` : 'the training';
  return `${what} failed for good (${named.join('; ')})`;
}
