/** A search as it stands, as answers have it. */
import Type, { type Static } from 'typebox';
import { SearchConfiguration } from '../search/configuration.js';
import { counted } from '../search/counted.js';
import { DatasetSummary, Phase } from '../search/events.js';
import { Ending } from '../search/planning/ending.js';
import { countTrainings, endOf, finalOutcome, type SearchState } from '../search/state.js';
import { bestSoFar, trajectoryOf } from '../search/trajectory.js';
import { Best, Status } from '../search/views.js';
import { Outcome } from '../training/training.js';
import { NOBODY_TRAINS } from '../workers/registry.js';

const Count = Type.Integer({ minimum: 0 });

export const SearchView = Type.Object(
  {
    id: Type.String(),
    status: Status,
    reason: Type.Optional(Type.String({ description: 'Why it failed, or waits for a person.' })),
    phase: Phase,
    createdAt: Type.String(),
    endedAt: Type.Optional(Type.String()),
    version: Type.Integer({ description: 'Events so far; the id of the last server-sent event.' }),
    configuration: SearchConfiguration,
    dataset: DatasetSummary,
    round: Count,
    candidates: Count,
    trainings: Type.Object({ proposed: Count, started: Count, finished: Count, failed: Count }),
    complexity: Type.Optional(
      Type.Number({ description: 'Of the network won so far, as the target counts it.' }),
    ),
    ending: Type.Optional(Ending),
    waiting: Type.Optional(Type.String({ description: 'Why nothing goes on in it, though it runs.' })),
    best: Type.Optional(Best),
    result: Type.Optional(Outcome),
  },
  { title: 'Search', description: 'A search as it stands.' },
);
export type SearchView = Static<typeof SearchView>;

/** What its log says, and nothing else. */
function viewOf(state: SearchState): SearchView {
  const { id, status, phase, createdAt, version, configuration, dataset, rounds, final } = state;
  const cost = (phase.kind === 'final' ? final : rounds.at(-1))?.cost;
  const endedAt = endOf(state);
  const result = finalOutcome(state);
  const best = bestSoFar(trajectoryOf(state));
  return {
    id,
    status: status.kind,
    ...('reason' in status ? { reason: status.reason } : {}),
    phase,
    createdAt,
    ...(endedAt === undefined ? {} : { endedAt }),
    version,
    configuration,
    dataset,
    round: rounds.length,
    candidates: state.candidates.length,
    trainings: countTrainings(state),
    ...(cost ? { complexity: counted(cost, configuration.complexity) } : {}),
    ...(best ? { best } : {}),
    ...(result ? { result } : {}),
  };
}

/** What a search's log says, and the state that it is of while it runs. */
export interface Standing {
  readonly view: SearchView;
  readonly running?: SearchState;
}

export const standingOf = (state: SearchState): Standing => ({
  view: viewOf(state),
  ...(state.status.kind === 'running' ? { running: state } : {}),
});

/** As it is now. `workers`: how many were heard of lately. */
export function shown(
  { view, running }: Standing,
  workers: number,
  endings: { of(state: SearchState): Ending | undefined },
): SearchView {
  if (!running) return view;
  if (workers === 0) return { ...view, waiting: NOBODY_TRAINS };
  const ending = endings.of(running);
  return ending ? { ...view, ending } : view;
}
