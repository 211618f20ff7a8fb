/** What to do next in a search: a pure function of its state. Doing it twice, or by two coordinators, is harmless. */
import { contractAxis } from '../flops/axis.js';
import type { Factors } from '../network/index.js';
import { baseOf, candidateId, costOf, type Work, workOf } from './candidate.js';
import type { NewEvent } from './events.js';
import { complexityOf, isBetter, proposals, winnerOf } from './rounds.js';
import { type CandidateState, isOpen, type Round, type SearchState } from './state.js';

export type Decision =
  /** Record what follows from the state alone. */
  | { readonly kind: 'append'; readonly events: readonly NewEvent[] }
  /** See to these trainings, and record how they end. */
  | { readonly kind: 'train'; readonly trainings: readonly Training[] }
  /** Keep what was found, then record that the search has ended. */
  | { readonly kind: 'end' }
  | { readonly kind: 'nothing' };

export interface Training {
  readonly candidate: CandidateState;
  readonly work: Work;
}

const append = (...events: NewEvent[]): Decision => ({ kind: 'append', events });

function train(state: SearchState, open: readonly CandidateState[], purpose: Work['purpose']): Decision {
  const { configuration, dataset } = state;
  return {
    kind: 'train',
    trainings: open.map((candidate) => ({
      candidate,
      work: workOf(configuration, dataset, candidate.factors, purpose),
    })),
  };
}

function startRound(state: SearchState, factors: Factors): Decision {
  const cost = costOf(baseOf(state.configuration, state.dataset), factors);
  return append({ kind: 'round-started', round: state.rounds.length + 1, factors, cost });
}

function proposeFinal(state: SearchState, factors: Factors): Decision {
  const { configuration, dataset } = state;
  const candidate = candidateId(workOf(configuration, dataset, factors, 'final'), dataset.fingerprint);
  const cost = costOf(baseOf(configuration, dataset), factors);
  return append({ kind: 'final-proposed', candidate, factors, cost });
}

const reasons = (candidates: readonly CandidateState[]) =>
  candidates
    .flatMap(({ id, axes, progress }) =>
      progress.kind === 'failed' ? [`${axes.join(', ') || id}: ${progress.failure.reason}`] : [],
    )
    .join('; ');

function decideRound(state: SearchState, round: Round): Decision {
  const { configuration } = state;
  const { target, complexity } = configuration;
  // Only a base can meet the target before its round: any other network that does has ended the rounds.
  if (round.cost[complexity] >= target) return proposeFinal(state, round.factors);
  // Proposals are appended all at once, so a round has either all of them or none.
  if (round.candidates.length + round.skipped.length === 0) return append(...proposals(state, round));
  if (round.candidates.length === 0) {
    if (state.unreachable !== undefined) return proposeFinal(state, round.factors);
    return append({
      kind: 'target-unreachable',
      reason: `no axis can move from ${round.cost[complexity]} ${complexity} towards ${target}: ${round.skipped
        .map(({ axis, reason }) => `${axis}: ${reason}`)
        .join('; ')}`,
    });
  }
  const open = round.candidates.filter(isOpen);
  if (open.length > 0) return train(state, open, 'candidate');
  const winner = winnerOf(configuration, round);
  if (winner)
    return append({ kind: 'winner-chosen', round: round.round, ...winner, tiedAxes: [...winner.tiedAxes] });
  return append({
    kind: 'search-failed',
    reason: `no candidate of round ${round.round} has a result (${reasons(round.candidates)})`,
  });
}

/** A round has been won: go on, or take the last step back to the target and train in full. */
function decideAfter(state: SearchState, round: Round): Decision {
  const { configuration, dataset } = state;
  const { target, complexity } = configuration;
  const won = round.candidates.find(({ id }) => id === round.winner?.candidate);
  if (!won || !round.winner)
    throw new Error(`round ${round.round} was won by a candidate that it does not have`);
  const cost = won.cost[complexity];
  if (cost < target) return startRound(state, won.factors);
  if (cost === target) return proposeFinal(state, won.factors);
  if (state.contraction) return decideContracted(state, round, state.contraction);
  const { axis } = round.winner;
  const base = baseOf(configuration, dataset);
  const of = complexityOf(configuration, dataset);
  const to = contractAxis(base, round.factors, won.factors, axis, target, of);
  const candidate = candidateId(workOf(configuration, dataset, to, 'candidate'), dataset.fingerprint);
  const compared = startOf(state, round) !== undefined && of(to) > round.cost[complexity];
  return append({
    kind: 'contracted',
    axis,
    from: won.factors,
    to,
    cost: costOf(base, to),
    ...(compared ? { candidate } : {}),
  });
}

/** What a round started from, as the round before trained it; none for the first. */
function startOf({ rounds }: SearchState, { round }: Round): CandidateState | undefined {
  const before = rounds.find((other) => other.round === round - 1);
  return before?.candidates.find(({ id }) => id === before.winner?.candidate);
}

/** A step taken back can be worse than none: a clip's frames, say, are fewer at the stride of many. */
function decideContracted(
  state: SearchState,
  round: Round,
  { to, candidate }: NonNullable<SearchState['contraction']>,
): Decision {
  const start = startOf(state, round);
  if (!candidate || !start) return proposeFinal(state, to);
  if (isOpen(candidate)) return train(state, [candidate], 'candidate');
  return proposeFinal(state, isBetter(state.configuration, start, candidate) ? start.factors : to);
}

function decideFinal(state: SearchState, final: CandidateState): Decision {
  if (isOpen(final)) return train(state, [final], 'final');
  if (final.progress.kind === 'finished') return { kind: 'end' };
  return append({
    kind: 'search-failed',
    reason: `the network found could not be trained (${reasons([final])})`,
  });
}

export function decide(state: SearchState): Decision {
  if (state.status.kind !== 'running') return { kind: 'nothing' };
  if (state.final) return decideFinal(state, state.final);
  const round = state.rounds.at(-1);
  if (!round) return startRound(state, baseOf(state.configuration, state.dataset).factors);
  return round.winner ? decideAfter(state, round) : decideRound(state, round);
}
