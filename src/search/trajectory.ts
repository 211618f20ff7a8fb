/** A search's trajectory as people and programs read it: what each round tried, what won and why, what came of it. */
import Type, { type Static } from 'typebox';
import { AXES } from '../network/index.js';
import { FactorsSchema } from '../network/schema.js';
import { TrainingFailureSchema } from '../training/schema.js';
import { COMPLEXITIES, CRITERIA } from './configuration.js';
import { CandidateCost, DatasetSummary, DecidedBySchema, Outcome } from './events.js';
import { type CandidateState, endOf, type SearchState } from './state.js';

const AxisName = Type.Enum([...AXES]);

export const STATUSES = [
  'running',
  'paused',
  'ended',
  'failed',
  'cancelled',
] as const satisfies SearchState['status']['kind'][];
export const Status = Type.Enum([...STATUSES]);

export const CandidateView = Type.Object({
  id: Type.String(),
  axes: Type.Array(AxisName, {
    description: 'Every axis that leads to this network; none for the final training.',
  }),
  factors: FactorsSchema,
  cost: CandidateCost,
  state: Type.Enum(['proposed', 'started', 'finished', 'failed']),
  outcome: Type.Optional(Outcome),
  failure: Type.Optional(TrainingFailureSchema),
});
export type CandidateView = Static<typeof CandidateView>;

export const Trajectory = Type.Object(
  {
    search: Type.String(),
    name: Type.Optional(Type.String()),
    status: Status,
    reason: Type.Optional(Type.String({ description: 'Why the search failed.' })),
    createdAt: Type.String(),
    endedAt: Type.Optional(Type.String()),
    base: Type.String(),
    target: Type.Number(),
    complexity: Type.Enum([...COMPLEXITIES]),
    criterion: Type.Enum([...CRITERIA]),
    seed: Type.Integer(),
    dataset: DatasetSummary,
    rounds: Type.Array(
      Type.Object({
        round: Type.Integer(),
        factors: FactorsSchema,
        cost: CandidateCost,
        candidates: Type.Array(CandidateView),
        skipped: Type.Array(Type.Object({ axis: AxisName, reason: Type.String() })),
        winner: Type.Optional(
          Type.Object({
            candidate: Type.String(),
            axis: AxisName,
            tiedAxes: Type.Array(AxisName),
            decidedBy: DecidedBySchema,
          }),
        ),
      }),
    ),
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
    final: Type.Optional(CandidateView),
    note: Type.Optional(Type.String({ description: 'What to know about the final figure.' })),
  },
  { title: 'Trajectory', description: 'A search, round by round.' },
);
export type Trajectory = Static<typeof Trajectory>;

const NO_TEST =
  'The data have no test part: the final figure is on the validation videos, which chose the network.';

const GIVEN_UP =
  'The last step, taken back to the target, was less accurate on the validation videos than the network before it, which is the one found.';

export function candidateViewOf({ id, axes, factors, cost, progress }: CandidateState): CandidateView {
  return {
    id,
    axes: [...axes],
    factors,
    cost,
    state: progress.kind,
    ...(progress.kind === 'finished' ? { outcome: progress.outcome } : {}),
    ...(progress.kind === 'failed' ? { failure: progress.failure } : {}),
  };
}

const contractionOf = ({ candidate, ...rest }: NonNullable<SearchState['contraction']>) => ({
  ...rest,
  ...(candidate ? { candidate: candidateViewOf(candidate) } : {}),
});

type Costly = { readonly cost: CandidateCost } | undefined;

/** Whether the step taken back is in the network found, or was given up for the network before it. */
export const keptContraction = (contraction: Costly, final: Costly): boolean =>
  contraction !== undefined && final?.cost.multiplyAdds === contraction.cost.multiplyAdds;

function notesOn({ contraction, final, dataset }: SearchState): string[] {
  if (!final) return [];
  const givenUp = contraction && !keptContraction(contraction, final);
  return [...(givenUp ? [GIVEN_UP] : []), ...(dataset.parts.test === 0 ? [NO_TEST] : [])];
}

export function trajectoryOf(state: SearchState): Trajectory {
  const { configuration, status, dataset } = state;
  const { name, base, target, complexity, criterion, seed } = configuration;
  const endedAt = endOf(state);
  const notes = notesOn(state);
  return {
    search: state.id,
    ...(name === undefined ? {} : { name }),
    status: status.kind,
    ...(status.kind === 'failed' ? { reason: status.reason } : {}),
    createdAt: state.createdAt,
    ...(endedAt === undefined ? {} : { endedAt }),
    base,
    target,
    complexity,
    criterion,
    seed,
    dataset,
    rounds: state.rounds.map(({ round, factors, cost, candidates, skipped, winner }) => ({
      round,
      factors,
      cost,
      candidates: candidates.map(candidateViewOf),
      skipped: [...skipped],
      ...(winner ? { winner: { ...winner, tiedAxes: [...winner.tiedAxes] } } : {}),
    })),
    ...(state.contraction ? { contraction: contractionOf(state.contraction) } : {}),
    ...(state.unreachable === undefined ? {} : { unreachable: state.unreachable }),
    ...(state.final ? { final: candidateViewOf(state.final) } : {}),
    ...(notes.length > 0 ? { note: notes.join(' ') } : {}),
  };
}
