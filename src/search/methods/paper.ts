/**
 * The published search (arXiv 2004.04730, section 3.2): each round trains one candidate per axis once, on half the
 * schedule at twice the batch, goes on from the most accurate, and takes the last step back to the target. Where the
 * step taken back is worse than the network before it, that one is the network found.
 */

import { contractAxis, expandAxis } from '../../flops/axis.js';
import { AXES } from '../../network/index.js';
import { worse } from '../../training/metrics.js';
import { halfSchedule } from '../../training/recipe.js';
import type { Score } from '../../training/training.js';
import { counted } from '../counted.js';
import type { Choice, NewEvent } from '../events.js';
import type { Measurement } from '../judge.js';
import {
  type CandidateState,
  candidateNamed,
  candidatesIn,
  type Entrant,
  present,
  type Round,
  roundOf,
  type SearchState,
  trainedTo,
  winnerOf,
} from '../state.js';
import { baseOf, costIn, networkId, replicateOf, trainingMultiplyAdds } from '../work.js';
import { overBudget, takenBy } from './budget.js';
import { decideFinal, proposeFinal } from './ending.js';
import { append, type Decision, fail, type Method, proposeTraining, trainOpen } from './method.js';
import { complexityOf, proposed, roundStarted, type Suggestion } from './proposals.js';

type Candidate = CandidateState & Entrant;

const recipeOf = ({ recipe }: SearchState) => halfSchedule(recipe);

const trainingOf = (state: SearchState, candidate: Pick<CandidateState, 'id' | 'factors'>) =>
  proposeTraining(state, candidate, 0, replicateOf(state, 0, recipeOf(state)));

/** Every axis is in one candidate or left out with a reason; each candidate gets its training. */
function propose(state: SearchState, round: Round): NewEvent[] {
  const base = baseOf(state);
  const suggestions = AXES.map((axis): Suggestion => {
    const { stepRule } = state.configuration;
    const move = expandAxis(base, round.factors, axis, stepRule, complexityOf(state));
    return move.kind === 'stays'
      ? { kind: 'left-out', axis, reason: move.reason }
      : { kind: 'network', axes: [axis], factors: move.factors };
  });
  const events = proposed(state, round, suggestions, recipeOf(state).batchSize);
  return events.flatMap((event): NewEvent[] =>
    event.kind === 'candidate-proposed'
      ? [event, trainingOf(state, { id: event.candidate, factors: event.factors })]
      : [event],
  );
}

const scoreOf = ({ trainings: [training] }: CandidateState): Score | undefined =>
  training && trainedTo(training)?.evaluations.validation;

/** What is compared of two scores, in this order; the first that differs decides. */
const measuredBy = ({ configuration: { criterion } }: SearchState) => [criterion, 'loss'] as const;

/** Whether one candidate did better than another, by what was measured; one without a result did worst. */
function isBetter(state: SearchState, candidate: CandidateState, than: CandidateState): boolean {
  const [own, other] = [scoreOf(candidate), scoreOf(than)];
  if (!own || !other) return own !== undefined;
  const difference = measuredBy(state)
    .map((metric) => worse(metric, own.metrics[metric], other.metrics[metric]))
    .find((value) => value !== 0);
  return difference !== undefined && difference < 0;
}

interface Ranked {
  readonly candidate: Candidate;
  readonly score: Score;
}

/** How much worse one is than another, by what decides between them. */
type Key = readonly [Choice['decidedBy'], (a: Ranked, b: Ranked) => number];

/** The winner of a round whose trainings have all ended, or undefined where none has a result. */
function choose(state: SearchState, round: Round): NewEvent | undefined {
  const { complexity } = state.configuration;
  const keys: readonly Key[] = [
    ...measuredBy(state).map(
      (metric): Key => [metric, (a, b) => worse(metric, a.score.metrics[metric], b.score.metrics[metric])],
    ),
    ['cost', (a, b) => counted(a.candidate.cost, complexity) - counted(b.candidate.cost, complexity)],
    [
      'axis-order',
      (a, b) => AXES.indexOf(a.candidate.axes[0] ?? 'b') - AXES.indexOf(b.candidate.axes[0] ?? 'b'),
    ],
  ];
  const deciding = (a: Ranked, b: Ranked) => keys.find(([, key]) => key(a, b) !== 0);
  const candidates = candidatesIn(state, round);
  const ranked = candidates
    .flatMap((candidate): Ranked[] => {
      const score = scoreOf(candidate);
      return score ? [{ candidate, score }] : [];
    })
    .sort((a, b) => deciding(a, b)?.[1](a, b) ?? 0);
  const [first, second] = ranked;
  if (!first) return undefined;
  const trainings = candidates.flatMap(({ trainings, cost }) =>
    trainings.map(({ work }) => ({ work, cost })),
  );
  const choice: Choice = {
    decidedBy: second ? (deciding(first, second)?.[0] ?? 'axis-order') : 'only-candidate',
    ...(second ? { runnerUp: second.candidate.id } : {}),
    // One training says nothing of its noise.
    undecided: false,
    trainings: trainings.length,
    multiplyAdds: trainings.reduce((sum, { work, cost }) => sum + trainingMultiplyAdds(work, cost), 0),
  };
  return {
    kind: 'winner-chosen',
    round: round.round,
    candidate: first.candidate.id,
    axes: [...first.candidate.axes],
    choice,
  };
}

const reasons = (candidates: readonly Candidate[]) =>
  candidates
    .flatMap(({ id, axes, trainings }) =>
      trainings.flatMap(({ progress }) =>
        progress.kind === 'failed' ? [`${axes.join(', ') || id}: ${progress.failure.reason}`] : [],
      ),
    )
    .join('; ');

/** A round's candidates, where the budget has room for them. The first round is had in any case. */
function begun(state: SearchState, round: Round): Decision {
  const before = startOf(state, round);
  if (before && state.spent !== undefined)
    return proposeFinal(before, 'the last winner: the budget has no room for another round');
  const events = propose(state, round);
  const over = before && overBudget(state, takenBy(events));
  return over === undefined ? append(...events) : append({ kind: 'budget-reached', reason: over });
}

function decideRound(state: SearchState, round: Round): Decision {
  const { target, complexity } = state.configuration;
  // Only a base can meet the target before its round: any other network that does has ended the rounds.
  if (counted(round.cost, complexity) >= target) return proposeFinal(round, 'the base meets the target');
  // Proposals are appended all at once, so a round has either all of them or none.
  if (round.entrants.length + round.skipped.length === 0) return begun(state, round);
  if (round.entrants.length === 0) {
    if (state.unreachable !== undefined) return proposeFinal(round, 'no axis can move any more');
    return append({
      kind: 'target-unreachable',
      reason: `no axis can move from ${counted(round.cost, complexity)} ${complexity} towards ${target}: ${round.skipped
        .map(({ axis, reason }) => `${axis}: ${reason}`)
        .join('; ')}`,
    });
  }
  const candidates = candidatesIn(state, round);
  const open = trainOpen(candidates.flatMap(({ trainings }) => trainings));
  if (open) return open;
  const chosen = choose(state, round);
  return chosen
    ? append(chosen)
    : fail(`no candidate of round ${round.round} has a result (${reasons(candidates)})`);
}

/** A round has been won: go on, or take the last step back to the target and train in full. */
function decideAfter(state: SearchState, round: Round): Decision {
  const { target, complexity } = state.configuration;
  const won = winnerOf(state, round);
  const cost = counted(won.cost, complexity);
  if (cost < target) return append(roundStarted(state, 'expansion', won.factors));
  if (cost === target) return proposeFinal(won, 'the last winner meets the target');
  const [axis] = round.winner?.axes ?? [];
  if (!axis) return fail(`round ${round.round} was won along no axis`);
  const base = baseOf(state);
  const of = complexityOf(state);
  const to = contractAxis(base, round.factors, won.factors, axis, target, of);
  const id = networkId(to);
  const training = trainingOf(state, { id, factors: to });
  const compared =
    startOf(state, round) !== undefined &&
    of(to) > counted(round.cost, complexity) &&
    overBudget(state, takenBy([training])) === undefined;
  return append(
    {
      kind: 'contracted',
      axis,
      from: won.factors,
      to,
      cost: costIn(state, to),
      ...(compared ? { candidate: id } : {}),
    },
    ...(compared ? [training] : []),
  );
}

/** What a round started from, as the round before trained it; none for the first. */
function startOf(state: SearchState, { round }: Round): CandidateState | undefined {
  return round === 1 ? undefined : winnerOf(state, roundOf(state, { round: round - 1 }));
}

/** A step taken back can be worse than none: a clip's frames, say, are fewer at the stride of many. */
function decideContracted(state: SearchState): Decision {
  const { to, cost, candidate } = present(state.contraction, 'contraction');
  const start = startOf(state, present(state.rounds.at(-1), 'round'));
  if (candidate === undefined || !start)
    return proposeFinal({ factors: to, cost }, 'the last step, taken back to the target');
  const contracted = candidateNamed(state, candidate);
  const open = trainOpen(contracted.trainings);
  if (open) return open;
  return isBetter(state, start, contracted)
    ? proposeFinal(
        start,
        'the network before the last step: taken back to the target, the step was less accurate',
      )
    : proposeFinal(contracted, 'the last step, taken back to the target');
}

function decide(state: SearchState): Decision {
  const { phase } = state;
  switch (phase.kind) {
    case 'beginning':
      return append(roundStarted(state, 'expansion', baseOf(state).factors));
    case 'round':
      return decideRound(state, roundOf(state, phase));
    case 'chosen':
      return decideAfter(state, roundOf(state, phase));
    case 'contraction':
      return decideContracted(state);
    case 'final':
      // The published search trains what it found once.
      return decideFinal(state, 1);
  }
}

export const paperMethod: Method = {
  description: 'the published search: one training per axis and round, the most accurate wins',
  decide,
  measured: (_, candidates) =>
    candidates.flatMap((candidate): Measurement[] => {
      const score = scoreOf(candidate);
      return score ? [{ candidate: candidate.id, replicate: 0, score }] : [];
    }),
};
