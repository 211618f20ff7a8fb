/**
 * Choosing among a round's candidates by a race: every candidate gets one short but complete training; those that the
 * noise can't excuse are dropped; the others get another, with another seed and other groups validating; until one is
 * ahead beyond chance, or those that are left differ by so little that it does not matter which is taken.
 */
import type { Recipe } from '../../training/recipe.js';
import type { Choice, NewEvent } from '../events.js';
import { compare } from '../judge.js';
import {
  type CandidateState,
  candidatesIn,
  type Entrant,
  type Round,
  type SearchState,
  trainedTo,
} from '../state.js';
import { replicateOf, trainingMultiplyAdds } from '../work.js';
import { overBudget, takenBy } from './budget.js';
import {
  atChance,
  byReplicate,
  candidateSteps,
  current,
  measurementsOf,
  type Verdict,
  verdictOn,
  wentAstray,
} from './measuring.js';
import { append, type Decision, fail, proposeTraining, trainOpen } from './method.js';

const MOST_REPLICATES = 5;
/** A candidate that is the best with no more than this probability, by both metrics, is dropped. */
const HOPELESS = 0.1;
/**
 * The same of more than six: each of many that are alike is the best with a small probability only. The bound falls with
 * their number, so that dropping gives away no more of the loss than among six, where it was measured.
 */
export const leastChance = (candidates: number): number => Math.min(HOPELESS, 1 / (1.5 * candidates));
/** A training that did not learn, or whose loss jumped or was no number, is tried again at this share of the rate. */
const LOWER_RATE = 1 / 3;

type Candidate = CandidateState & Entrant;

/** The last failure of a candidate that has no result, for people. */
const failureOf = ({ trainings }: CandidateState): string =>
  trainings.flatMap(({ progress }) => (progress.kind === 'failed' ? [progress.failure.reason] : [])).at(-1) ??
  'no result';

/** Tries of the last replicate that ended without having learned, and were not tried at a lower rate yet. */
function retries(state: SearchState, candidates: readonly Candidate[]): NewEvent[] {
  return candidates.flatMap((candidate) =>
    [...byReplicate(current(state, candidate))].flatMap(([replicate, tries]): NewEvent[] => {
      const [only, ...others] = tries;
      if (!only || others.length > 0 || !wentAstray(state, only)) return [];
      const recipe = { ...only.work.recipe, learningRate: LOWER_RATE * only.work.recipe.learningRate };
      return [proposeTraining(state, candidate, replicate, replicateOf(state, replicate, recipe))];
    }),
  );
}

/** The next replicate for those that have the fewest. */
function nextReplicate(state: SearchState, alive: readonly Candidate[]): NewEvent[] {
  const steps = candidateSteps(state);
  const counts = alive.map((candidate) => byReplicate(current(state, candidate)).size);
  const level = Math.min(...counts);
  return alive.flatMap((candidate, i) =>
    counts[i] === level
      ? [proposeTraining(state, candidate, level, replicateOf(state, level, { ...state.recipe, steps }))]
      : [],
  );
}

function choiceOf(round: Round, verdict: Verdict, candidates: readonly Candidate[]): Choice {
  const { judgement, by, decided } = verdict;
  const [winner, runnerUp] = judgement.estimates;
  const difference = winner && runnerUp && compare(judgement, winner.candidate, runnerUp.candidate);
  // Also further ones of networks that were in rounds before.
  const own = candidates.flatMap(({ trainings, cost }) =>
    trainings.filter((training) => training.round === round.round).map(({ work }) => ({ work, cost })),
  );
  return {
    decidedBy: runnerUp ? by : 'only-candidate',
    ...(runnerUp ? { runnerUp: runnerUp.candidate } : {}),
    ...(difference ? { difference: { metric: by, value: difference.value, error: difference.error } } : {}),
    ...(winner ? { probability: winner.probability } : {}),
    undecided: runnerUp !== undefined && !decided,
    trainings: own.length,
    multiplyAdds: own.reduce((sum, { work, cost }) => sum + trainingMultiplyAdds(work, cost), 0),
  };
}

const percent = (share: number) => `${(100 * share).toFixed(share < 0.01 ? 1 : 0)} %`;

/** Those that no metric gives a chance worth another training. */
function hopeless(verdict: Verdict, alive: readonly Candidate[]) {
  const chance = (id: string) =>
    Math.max(
      ...verdict.judgements.map(
        ({ estimates }) => estimates.find(({ candidate }) => candidate === id)?.probability ?? 0,
      ),
    );
  const least = leastChance(alive.length);
  const leading = Math.max(...alive.map(({ id }) => chance(id)));
  return alive
    .map(({ id }) => ({ id, chance: chance(id) }))
    .filter((one) => one.chance < least && one.chance < leading);
}

/** One look at a round that races: what to do next, up to `winner-chosen`. */
export function race(state: SearchState, round: Round): Decision {
  const all = candidatesIn(state, round);
  const alive = all.filter(({ dropped }) => dropped === undefined);
  const open = trainOpen(alive.flatMap(({ trainings }) => trainings));
  if (open) return open;
  const again = retries(state, alive);
  if (again.length > 0 && overBudget(state, takenBy(again)) === undefined) return append(...again);
  if (alive.some((candidate) => current(state, candidate).length === 0))
    return append(...nextReplicate(state, alive));
  const measured = measurementsOf(state, alive);
  const known = new Set(measured.map(({ candidate }) => candidate));
  if (known.size === 0)
    return fail(
      `no candidate of round ${round.round} has a result (${alive
        .map((candidate) => `${candidate.axes.join(', ') || candidate.id}: ${failureOf(candidate)}`)
        .join('; ')})`,
    );
  const longer = lengthened(state, round, alive);
  const tooLong = longer && overBudget(state, longer.takes);
  if (longer && tooLong === undefined) return append(longer.event);
  const verdict = verdictOn(state, measurementsOf(state, all), round);
  if (!verdict) return fail(`round ${round.round} has nothing to judge by`);
  return concluded(state, round, verdict, { all, alive, known, spent: tooLong });
}

/** A round whose candidates have all learned nothing says nothing about them: all are trained for longer. */
function lengthened(
  state: SearchState,
  round: Round,
  alive: readonly Candidate[],
): { readonly event: NewEvent; readonly takes: number } | undefined {
  const outcomes = alive.flatMap((candidate) =>
    current(state, candidate).flatMap((training) => trainedTo(training) ?? []),
  );
  const steps = candidateSteps(state);
  if (steps >= state.recipe.steps || !outcomes.every((outcome) => atChance(state, outcome))) return undefined;
  const longer = Math.min(2 * steps, state.recipe.steps);
  const reason = `after ${steps} steps no candidate had learned more than guessing`;
  return {
    event: { kind: 'schedule-lengthened', round: round.round, steps: longer, reason },
    takes: firstTrainings({ ...state.recipe, steps: longer }, alive),
  };
}

/** What a training of each takes, multiply-adds. */
const firstTrainings = (recipe: Recipe, candidates: readonly Pick<CandidateState, 'cost'>[]): number =>
  candidates.reduce((sum, { cost }) => sum + trainingMultiplyAdds({ recipe }, cost), 0);

/** Why the budget has no room for a round of these candidates, or undefined. */
export function tooDear(state: SearchState, events: readonly NewEvent[]): string | undefined {
  const candidates = events.flatMap((event) => (event.kind === 'candidate-proposed' ? [event] : []));
  const recipe = { ...state.recipe, steps: candidateSteps(state) };
  return overBudget(state, firstTrainings(recipe, candidates), candidates);
}

function concluded(
  state: SearchState,
  round: Round,
  verdict: Verdict,
  {
    all,
    alive,
    known,
    spent,
  }: {
    readonly all: readonly Candidate[];
    readonly alive: readonly Candidate[];
    readonly known: ReadonlySet<string>;
    /** Why what the round needs is not to be had. */
    readonly spent: string | undefined;
  },
): Decision {
  const failed = alive
    .filter(({ id }) => !known.has(id))
    .map((candidate) => ({ id: candidate.id, reason: `no result: ${failureOf(candidate)}` }));
  const poor = hopeless(
    verdict,
    alive.filter(({ id }) => known.has(id)),
  ).map(({ id, chance }) => ({
    id,
    reason: `the best with a probability of ${percent(chance)}`,
  }));
  const out = [...failed, ...poor];
  const drops = out.map(
    ({ id, reason }): NewEvent => ({ kind: 'candidate-dropped', round: round.round, candidate: id, reason }),
  );
  const left = alive.filter(({ id }) => !out.some((one) => one.id === id));
  const level = Math.min(...left.map((candidate) => byReplicate(current(state, candidate)).size));
  const next = nextReplicate(state, left);
  const settled = left.length < 2 || verdict.decided || verdict.indifferent || level >= MOST_REPLICATES;
  const over = spent ?? (settled ? undefined : overBudget(state, takenBy(next)));
  if (!settled && over === undefined) return append(...drops, ...next);
  // Of all: one that was dropped may have come to be ahead.
  const best = verdict.judgement.estimates[0]?.candidate;
  const winner = all.find(({ id }) => id === best);
  if (!winner) return fail(`round ${round.round} has no winner`);
  return append(
    ...drops,
    ...(over !== undefined && state.spent === undefined
      ? [{ kind: 'budget-reached' as const, reason: over }]
      : []),
    {
      kind: 'winner-chosen',
      round: round.round,
      candidate: winner.id,
      axes: [...winner.axes],
      choice: choiceOf(round, verdict, all),
    },
  );
}
