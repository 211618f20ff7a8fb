/** A search's trajectory as people and programs read it: what each round tried, what won, how surely, what came of it. */
import Type, { type Static } from 'typebox';
import { AXES } from '../network/index.js';
import { FactorsSchema } from '../network/schema.js';
import { METRIC_NAMES, metricsSchema } from '../training/metrics.js';
import { Recipe } from '../training/recipe.js';
import { Outcome, TrainingFailure } from '../training/training.js';
import { COMPLEXITIES, METHOD_NAMES } from './configuration.js';
import { CandidateCost, Choice, DatasetSummary, ROUND_KINDS } from './events.js';
import { judge, type Measurement } from './judge.js';
import { spendingOf } from './methods/budget.js';
import { longest, measurementsOf } from './methods/racing.js';
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

const AxisName = Type.Enum([...AXES]);

export const STATUSES = [
  'running',
  'paused',
  'ended',
  'failed',
  'cancelled',
] as const satisfies SearchState['status']['kind'][];
export const Status = Type.Enum([...STATUSES]);

const Progress = Type.Enum(['proposed', 'started', 'finished', 'failed']);

export const TrainingView = Type.Object(
  {
    id: Type.String(),
    replicate: Type.Integer({ description: 'From 0: the seed, and the fold that validates.' }),
    fold: Type.Optional(Type.Integer({ description: 'Absent: trained on training and validation part.' })),
    steps: Type.Integer(),
    learningRate: Type.Number(),
    mixup: Type.Number(),
    state: Progress,
    worker: Type.Optional(Type.String()),
    outcome: Type.Optional(Outcome),
    failure: Type.Optional(TrainingFailure),
  },
  { title: 'Training' },
);
export type TrainingView = Static<typeof TrainingView>;

const Estimate = Type.Object({
  mean: Type.Number(),
  error: Type.Number({ description: 'Standard error, of the noise of trainings and videos.' }),
});

export const CandidateView = Type.Object(
  {
    id: Type.String(),
    axes: Type.Array(AxisName, { description: 'Every axis that leads to this network.' }),
    change: Type.Optional(Type.String({ description: 'What makes it where that is no single axis.' })),
    factors: FactorsSchema,
    cost: CandidateCost,
    state: Progress,
    dropped: Type.Optional(Type.String({ description: 'Why it was trained no more.' })),
    estimates: Type.Optional(metricsSchema(Estimate)),
    trainings: Type.Array(TrainingView),
  },
  { title: 'Candidate' },
);
export type CandidateView = Static<typeof CandidateView>;

export const FinalView = Type.Object(
  {
    factors: FactorsSchema,
    cost: CandidateCost,
    candidate: Type.Optional(Type.String({ description: 'The candidate that it is.' })),
    reason: Type.String({ description: 'Why this network.' }),
    state: Progress,
    trainings: Type.Array(TrainingView),
    outcome: Type.Optional(Outcome),
  },
  { title: 'Final' },
);
export type FinalView = Static<typeof FinalView>;

const RoundView = Type.Object({
  round: Type.Integer(),
  step: Type.Enum([...ROUND_KINDS]),
  factors: FactorsSchema,
  cost: CandidateCost,
  candidates: Type.Array(CandidateView),
  skipped: Type.Array(Type.Object({ axis: AxisName, reason: Type.String() })),
  winner: Type.Optional(
    Type.Object({ candidate: Type.String(), axes: Type.Array(AxisName), choice: Choice }),
  ),
});
export type RoundView = Static<typeof RoundView>;

export const Trajectory = Type.Object(
  {
    search: Type.String(),
    name: Type.Optional(Type.String()),
    status: Status,
    reason: Type.Optional(Type.String({ description: 'Why the search failed.' })),
    createdAt: Type.String(),
    endedAt: Type.Optional(Type.String()),
    method: Type.Enum([...METHOD_NAMES]),
    base: Type.String(),
    target: Type.Number(),
    complexity: Type.Enum([...COMPLEXITIES]),
    criterion: Type.Enum(METRIC_NAMES),
    seed: Type.Integer(),
    dataset: DatasetSummary,
    recipe: Recipe,
    recipeChoice: Type.Optional(
      Type.Object({ round: Type.Integer(), changed: Type.Array(Type.String()), reason: Type.String() }),
    ),
    lengthened: Type.Optional(
      Type.Object({ round: Type.Integer(), steps: Type.Integer(), reason: Type.String() }),
    ),
    spending: Type.Object(
      {
        multiplyAdds: Type.Number(),
        hours: Type.Number({ description: 'Summed over the workers.' }),
        trainings: Type.Integer(),
      },
      { description: 'What all trainings took so far.' },
    ),
    rounds: Type.Array(RoundView),
    contraction: Type.Optional(
      Type.Object({
        axis: AxisName,
        from: FactorsSchema,
        to: FactorsSchema,
        cost: CandidateCost,
        candidate: Type.Optional(CandidateView),
      }),
    ),
    unreachable: Type.Optional(Type.String({ description: 'Why the target was not reached.' })),
    final: Type.Optional(FinalView),
    notes: Type.Array(Type.String(), { description: 'What to know about the figures.' }),
  },
  { title: 'Trajectory', description: 'A search, round by round.' },
);
export type Trajectory = Static<typeof Trajectory>;

export const Best = Type.Object(
  {
    candidate: Type.String(),
    factors: FactorsSchema,
    cost: CandidateCost,
    accuracy: Estimate,
  },
  {
    description:
      'The network found or won so far; before the first round is won, the most accurate candidate. On validation videos.',
  },
);
export type Best = Static<typeof Best>;

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

/** What counts of candidates, as their method judges them: by trainings of the present length, or of that of then. */
function measured(state: SearchState, candidates: readonly CandidateState[]): readonly Measurement[] {
  if (state.configuration.method === 'paper')
    return measurementsOf(state, candidates, (_, { trainings }) => [...trainings]);
  const own = measurementsOf(state, candidates);
  return own.length > 0 ? own : measurementsOf(state, candidates, longest);
}

/** Estimates by candidate, as the round's trainings together say. */
function estimatesOf(state: SearchState, candidates: readonly CandidateState[]) {
  const own = measured(state, candidates);
  const judgements = METRIC_NAMES.map((metric) => [metric, judge(metric, own)] as const);
  return (id: string) => {
    if (!own.some(({ candidate }) => candidate === id)) return undefined;
    const of = new Map(
      judgements.map(([metric, judgement]) => [
        metric,
        judgement?.estimates.find(({ candidate }) => candidate === id),
      ]),
    );
    return Object.fromEntries(
      METRIC_NAMES.map((metric) => {
        const { mean = 0, error = 0 } = of.get(metric) ?? {};
        return [metric, { mean, error }];
      }),
    ) as NonNullable<CandidateView['estimates']>;
  };
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
  return contractionView(state)?.candidate;
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
  const { name, method, base, target, complexity, criterion, seed } = configuration;
  const endedAt = endOf(state);
  const contraction = contractionView(state);
  return {
    search: state.id,
    ...(name === undefined ? {} : { name }),
    status: status.kind,
    ...(status.kind === 'failed' ? { reason: status.reason } : {}),
    createdAt: state.createdAt,
    ...(endedAt === undefined ? {} : { endedAt }),
    method,
    base,
    target,
    complexity,
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
