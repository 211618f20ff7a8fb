/** A search's trajectory: what each round tried, what won, how surely, what came of it. */
import { METRIC_NAMES, measures } from '../training/metrics.js';
import { judge } from './judge.js';
import { spendingOf } from './methods/budget.js';
import { METHODS } from './methods/index.js';
import {
  type CandidateState,
  candidateNamed,
  candidatesIn,
  type Entrant,
  endOf,
  type Final,
  finalOutcome,
  isOpen,
  type Round,
  type SearchState,
  type TrainingState,
  trainingsOf,
} from './state.js';
import type { Best, CandidateView, FinalView, RoundView, TrainingView, Trajectory } from './views.js';

/** Undefined where no candidate has a result yet. */
export function bestSoFar({ rounds, contraction, final }: Trajectory): Best | undefined {
  const choosing = rounds.filter(({ step }) => step !== 'recipe');
  const measured = [
    ...choosing.flatMap(({ candidates }) => candidates),
    ...(contraction?.candidate ? [contraction.candidate] : []),
  ].filter(({ estimates }) => estimates !== undefined);
  const chosen = final?.candidate ?? choosing.findLast(({ winner }) => winner)?.winner?.candidate;
  const accuracyOf = ({ estimates }: CandidateView) => estimates?.accuracy.mean ?? 0;
  const best =
    measured.findLast(({ id }) => id === chosen) ??
    measured.toSorted((a, b) => accuracyOf(b) - accuracyOf(a)).at(0);
  if (!best?.estimates) return undefined;
  const { id: candidate, factors, cost, estimates } = best;
  return { candidate, factors, cost, accuracy: estimates.accuracy };
}

const NO_TEST =
  'The data have no test part: the final figure is on the validation videos, which chose the network.';
const JOINED =
  'The network found was trained on the training and validation videos together, so only the test videos judge it.';

function trainingViewOf({ id, replicate, work, progress }: TrainingState): TrainingView {
  const { recipe, division } = work;
  return {
    id,
    replicate,
    ...(division.kind === 'fold' ? { fold: division.fold } : {}),
    steps: recipe.steps,
    learningRate: recipe.learningRate,
    mixup: recipe.mixup,
    state: progress.kind,
    ...(progress.kind === 'started' ? { worker: progress.worker } : {}),
    ...(progress.kind === 'finished' ? { outcome: progress.outcome } : {}),
    ...(progress.kind === 'failed' ? { failure: progress.failure } : {}),
  };
}

/** How far some trainings are together: what is under way first, then what has a result. */
function progressOf(trainings: readonly TrainingState[]): TrainingView['state'] {
  const kinds = trainings.map(({ progress }) => progress.kind);
  if (kinds.includes('started')) return 'started';
  if (trainings.some(isOpen) || kinds.length === 0) return 'proposed';
  return kinds.includes('finished') ? 'finished' : 'failed';
}

/** Estimates by candidate, as the round's trainings together say. */
function estimatesOf(state: SearchState, candidates: readonly CandidateState[]) {
  const measured = METHODS[state.configuration.method].measured(state, candidates);
  const judgements = METRIC_NAMES.map((metric) => [metric, judge(metric, measured)] as const);
  const of = new Map(judgements.map(([metric, judgement]) => [metric, judgement?.estimates ?? []]));
  return (id: string): CandidateView['estimates'] =>
    measured.some(({ candidate }) => candidate === id)
      ? measures((metric) => {
          const { mean = 0, error = 0 } = of.get(metric)?.find(({ candidate }) => candidate === id) ?? {};
          return { mean, error };
        })
      : undefined;
}

function candidateView(
  { id, axes, change, dropped, factors, cost, trainings }: CandidateState & Entrant,
  estimates: CandidateView['estimates'],
): CandidateView {
  return {
    id,
    axes: [...axes],
    ...(change === undefined ? {} : { change }),
    factors,
    cost,
    state: progressOf(trainings),
    ...(dropped === undefined ? {} : { dropped }),
    ...(estimates ? { estimates } : {}),
    trainings: trainings.map(trainingViewOf),
  };
}

function viewsOf(state: SearchState, candidates: readonly (CandidateState & Entrant)[]): CandidateView[] {
  const of = estimatesOf(state, candidates);
  return candidates.map((candidate) => candidateView(candidate, of(candidate.id)));
}

function roundView(state: SearchState, round: Round): RoundView {
  const { step, factors, cost, skipped, winner } = round;
  return {
    round: round.round,
    step,
    factors,
    cost,
    candidates: viewsOf(state, candidatesIn(state, round)),
    skipped: [...skipped],
    ...(winner ? { winner: { ...winner, axes: [...winner.axes] } } : {}),
  };
}

/** A candidate as the last of its rounds shows it; undefined where the search has none of that id. */
export function candidateViewOf(state: SearchState, id: string): CandidateView | undefined {
  const round = state.rounds.findLast(({ entrants }) => entrants.some(({ candidate }) => candidate === id));
  if (round) return viewsOf(state, candidatesIn(state, round)).find((view) => view.id === id);
  const contracted = contractionView(state)?.candidate;
  return contracted?.id === id ? contracted : undefined;
}

function contractionView(state: SearchState): Trajectory['contraction'] {
  if (!state.contraction) return undefined;
  const { candidate, ...rest } = state.contraction;
  if (candidate === undefined) return rest;
  const entrant = { ...candidateNamed(state, candidate), candidate, axes: [rest.axis] };
  return { ...rest, candidate: viewsOf(state, [entrant])[0] as CandidateView };
}

function finalView(state: SearchState, { trainings, ...rest }: Final): FinalView {
  const outcome = finalOutcome(state);
  return {
    ...rest,
    state: progressOf(trainings),
    trainings: trainings.map(trainingViewOf),
    ...(outcome ? { outcome } : {}),
  };
}

function notesOn({ final, dataset, configuration, spent }: SearchState): string[] {
  return [
    ...(spent === undefined ? [] : [`The budget ended the search early: ${spent}.`]),
    ...(final && dataset.parts.test === 0 ? [NO_TEST] : []),
    ...(configuration.from
      ? [`Every training started from the weights of ${configuration.from.named}.`]
      : []),
    ...(final && configuration.finalOn === 'train-and-validation' ? [JOINED] : []),
  ];
}

export function trajectoryOf(state: SearchState): Trajectory {
  const { configuration, status, dataset, recipe, recipeChoice, lengthened } = state;
  const { name, method, base, target, complexity, deviceTable, criterion, seed } = configuration;
  const endedAt = endOf(state);
  const contraction = contractionView(state);
  return {
    search: state.id,
    ...(name === undefined ? {} : { name }),
    status: status.kind,
    ...('reason' in status ? { reason: status.reason } : {}),
    phase: state.phase,
    createdAt: state.createdAt,
    ...(endedAt === undefined ? {} : { endedAt }),
    method,
    base,
    target,
    complexity,
    ...(deviceTable ? { device: deviceTable.device } : {}),
    criterion,
    seed,
    dataset,
    recipe,
    ...(recipeChoice ? { recipeChoice: { ...recipeChoice, changed: [...recipeChoice.changed] } } : {}),
    ...(lengthened ? { lengthened } : {}),
    spending: { ...spendingOf(state), trainings: trainingsOf(state).length },
    rounds: state.rounds.map((round) => roundView(state, round)),
    ...(contraction ? { contraction } : {}),
    ...(state.unreachable === undefined ? {} : { unreachable: state.unreachable }),
    ...(state.final ? { final: finalView(state, state.final) } : {}),
    notes: notesOn(state),
  };
}
