/**
 * What can happen in a search. A search is the list of these, in order; everything else about it is folded from them.
 * Times come from outside, as `at`.
 */
import Type, { type Static, type TProperties } from 'typebox';
import { Compile } from 'typebox/compile';
import { AXES } from '../network/index.js';
import { FactorsSchema } from '../network/schema.js';
import { TrainingFailureSchema } from '../training/schema.js';
import { SearchConfiguration } from './configuration.js';

const exact = { additionalProperties: false };
const Count = Type.Integer({ minimum: 0 });
const Share = Type.Number({ minimum: 0, maximum: 1 });
const AxisName = Type.Enum([...AXES]);
const Id = Type.String({ minLength: 1 });

export const CandidateCost = Type.Object(
  { multiplyAdds: Count, parameters: Count, activationBytes: Count },
  exact,
);
/** For one clip of the training crop; parameters without batch norm. */
export type CandidateCost = Static<typeof CandidateCost>;

export const DatasetSummary = Type.Object(
  {
    classes: Type.Array(Type.String()),
    /** Videos in each part. */
    parts: Type.Object({ train: Count, validation: Count, test: Count }, exact),
    skipped: Count,
    fingerprint: Type.String(),
    limits: Type.Object({ maxSpan: Count, maxCrop: Count }, exact),
  },
  exact,
);
export type DatasetSummary = Static<typeof DatasetSummary>;

/** An evaluation without its confusion matrix. */
export const Score = Type.Object(
  { videos: Count, viewsPerVideo: Count, top1: Share, top5: Share, loss: Type.Number() },
  exact,
);
export type Score = Static<typeof Score>;

/** What a training came to, as the search keeps it. */
export const Outcome = Type.Object(
  {
    validation: Score,
    test: Type.Optional(Type.Object({ center: Score, leftCenterRight: Score }, exact)),
    steps: Count,
    seconds: Type.Number(),
    clipsPerSecond: Type.Number(),
    peakBytes: Type.Number(),
  },
  exact,
);
export type Outcome = Static<typeof Outcome>;

/** What tells a round's winner from the next best; the first that differs counts. */
const DECIDED_BY = ['criterion', 'validation-loss', 'cost', 'axis-order', 'only-candidate'] as const;
export type DecidedBy = (typeof DECIDED_BY)[number];
export const DecidedBySchema = Type.Enum([...DECIDED_BY], {
  description: 'What told the winner from the next best candidate.',
});

const event = <Kind extends string, Fields extends TProperties>(kind: Kind, fields: Fields) =>
  Type.Object(
    { kind: Type.Literal(kind), at: Type.String({ description: 'ISO time.' }), ...fields },
    { ...exact, title: kind },
  );

const EVENTS = [
  event('search-created', {
    search: Id,
    configuration: SearchConfiguration,
    dataset: DatasetSummary,
  }),
  /** From the network won so far, at its cost. */
  event('round-started', { round: Count, factors: FactorsSchema, cost: CandidateCost }),
  /** One training for each network, credited to every axis that leads to it. */
  event('candidate-proposed', {
    round: Count,
    candidate: Id,
    axes: Type.Array(AxisName, { minItems: 1 }),
    factors: FactorsSchema,
    cost: CandidateCost,
  }),
  event('axis-skipped', { round: Count, axis: AxisName, reason: Type.String() }),
  event('candidate-started', { candidate: Id, worker: Type.String() }),
  event('candidate-finished', { candidate: Id, outcome: Outcome }),
  event('candidate-failed', { candidate: Id, failure: TrainingFailureSchema }),
  event('winner-chosen', {
    round: Count,
    candidate: Id,
    /** The first of the candidate's axes. */
    axis: AxisName,
    /** All of the candidate's axes, where several lead to it. */
    tiedAxes: Type.Array(AxisName),
    decidedBy: DecidedBySchema,
  }),
  event('contracted', {
    axis: AxisName,
    from: FactorsSchema,
    to: FactorsSchema,
    cost: CandidateCost,
    /** The training that compares it with the network that the last round started from, where there is one. */
    candidate: Type.Optional(Id),
  }),
  event('target-unreachable', { reason: Type.String() }),
  event('final-proposed', { candidate: Id, factors: FactorsSchema, cost: CandidateCost }),
  /** Nothing is done until it is resumed. */
  event('search-paused', {}),
  event('search-resumed', {}),
  event('search-cancelled', {}),
  event('search-failed', { reason: Type.String() }),
  event('search-ended', {}),
] as const;

export const SearchEvent = Type.Union([...EVENTS]);
export type SearchEvent = Static<(typeof EVENTS)[number]>;
export const searchEvent = Compile(SearchEvent);

type WithoutTime<Event> = Event extends unknown ? Omit<Event, 'at'> : never;
/** An event before the coordinator says when it happened. */
export type NewEvent = WithoutTime<SearchEvent>;
