/** A search as people and programs read it: the shapes of what trajectory.ts makes of its state. */
import Type, { type Static } from 'typebox';
import { AXES } from '../network/index.js';
import { FactorsSchema } from '../network/schema.js';
import { METRIC_NAMES, metricsSchema } from '../training/metrics.js';
import { Recipe } from '../training/recipe.js';
import { Outcome, TrainingFailure } from '../training/training.js';
import { COMPLEXITIES, METHOD_NAMES } from './configuration.js';
import { CandidateCost, Choice, DatasetSummary, Phase, ROUND_KINDS } from './events.js';
import type { SearchState } from './state.js';

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
    reason: Type.Optional(Type.String({ description: 'Why the search failed, or waits for a person.' })),
    phase: Phase,
    createdAt: Type.String(),
    endedAt: Type.Optional(Type.String()),
    method: Type.Enum([...METHOD_NAMES]),
    base: Type.String(),
    target: Type.Number(),
    complexity: Type.Enum([...COMPLEXITIES]),
    device: Type.Optional(Type.String({ description: 'That latencies are of.' })),
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
