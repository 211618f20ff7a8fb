/**
 * What can happen in a search. A search is the list of these, in order; everything else about it is folded from them.
 * Times come from outside, as `at`. Each event says the version of this list that it was written by; older ones are
 * read as `upcast.ts` says.
 */
import Type, { type Static, type TProperties } from 'typebox';
import { Compile } from 'typebox/compile';
import { AXES } from '../network/index.js';
import { FactorsSchema } from '../network/schema.js';
import { METRIC_NAMES } from '../training/metrics.js';
import { Recipe } from '../training/recipe.js';
import { Outcome, TrainingFailure, Work } from '../training/training.js';
import { SearchConfiguration } from './configuration.js';

/** Of the list of events. Raised when a field is added, removed or comes to mean something else. */
export const EVENTS_VERSION = 3;

const exact = { additionalProperties: false };
const Count = Type.Integer({ minimum: 0 });
const Share = Type.Number({ minimum: 0, maximum: 1 });
const AxisName = Type.Enum([...AXES]);
const Id = Type.String({ minLength: 1 });
const MetricName = Type.Enum(METRIC_NAMES);

export const CandidateCost = Type.Object(
  {
    multiplyAdds: Count,
    parameters: Count,
    activationBytes: Count,
    latency: Type.Optional(
      Type.Number({ minimum: 0, description: 'Milliseconds on the device of the configuration.' }),
    ),
  },
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
    rate: Type.Number({ exclusiveMinimum: 0, description: 'Frames per second that strides count at.' }),
    folds: Type.Integer({
      minimum: 1,
      description: 'Ways to divide the videos that do not test, so that all of them validate once.',
    }),
    chance: Type.Object(
      { accuracy: Share, loss: Type.Number({ minimum: 0 }) },
      { ...exact, description: 'What guessing by the frequency of the classes comes to.' },
    ),
  },
  exact,
);
export type DatasetSummary = Static<typeof DatasetSummary>;

/** What a round is for. */
export const ROUND_KINDS = ['recipe', 'expansion', 'exchange', 'population'] as const;
export type RoundKind = (typeof ROUND_KINDS)[number];

const OfRound = { step: Type.Enum([...ROUND_KINDS]), round: Count };

/** What a search is at. */
export const Phase = Type.Union(
  [
    Type.Object({ kind: Type.Literal('beginning') }, { ...exact, description: 'No round has begun.' }),
    Type.Object(
      { kind: Type.Literal('round'), ...OfRound },
      { ...exact, description: 'Its candidates are proposed and trained.' },
    ),
    Type.Object(
      { kind: Type.Literal('chosen'), ...OfRound },
      { ...exact, description: 'A round has its winner, or its recipe: what is next follows from that.' },
    ),
    Type.Object(
      { kind: Type.Literal('contraction') },
      { ...exact, description: 'The last step is taken back to the target.' },
    ),
    Type.Object(
      { kind: Type.Literal('final') },
      { ...exact, description: 'The network found is trained in full.' },
    ),
  ],
  { title: 'Phase', description: 'What a search is at.' },
);
export type Phase = Static<typeof Phase>;

/** What tells the winner from the next best; the first that differs counts. */
const DECIDED_BY = [...METRIC_NAMES, 'cost', 'axis-order', 'only-candidate'] as const;

export const Choice = Type.Object(
  {
    decidedBy: Type.Enum([...DECIDED_BY], {
      description: 'What told the winner from the next best candidate.',
    }),
    runnerUp: Type.Optional(Id),
    difference: Type.Optional(
      Type.Object(
        { metric: MetricName, value: Type.Number(), error: Type.Number({ minimum: 0 }) },
        { ...exact, description: 'Winner less runner-up, and its standard error.' },
      ),
    ),
    probability: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description: 'That no other candidate is better, by what decided.',
      }),
    ),
    undecided: Type.Boolean({ description: 'Whether the difference is within the noise.' }),
    trainings: Count,
    multiplyAdds: Type.Number({ minimum: 0, description: 'What the trainings of the choice took in all.' }),
  },
  { ...exact, title: 'Choice' },
);
export type Choice = Static<typeof Choice>;

const event = <Kind extends string, Fields extends TProperties>(kind: Kind, fields: Fields) =>
  Type.Object(
    {
      kind: Type.Literal(kind),
      v: Type.Literal(EVENTS_VERSION, { description: 'Of the list of events.' }),
      at: Type.String({ description: 'ISO time.' }),
      ...fields,
    },
    { ...exact, title: kind },
  );

const EVENTS = [
  event('search-created', {
    search: Id,
    configuration: SearchConfiguration,
    dataset: DatasetSummary,
  }),
  /** From the network won so far, at its cost. */
  event('round-started', {
    round: Count,
    step: Type.Enum([...ROUND_KINDS]),
    factors: FactorsSchema,
    cost: CandidateCost,
  }),
  /** One candidate for each network, credited to every axis that leads to it. */
  event('candidate-proposed', {
    round: Count,
    candidate: Id,
    axes: Type.Array(AxisName),
    change: Type.Optional(Type.String({ description: 'What makes it where that is no single axis.' })),
    factors: FactorsSchema,
    cost: CandidateCost,
  }),
  event('axis-skipped', { round: Count, axis: AxisName, reason: Type.String() }),
  /** Of the network found where no candidate is named. */
  event('training-proposed', {
    candidate: Type.Optional(Id),
    training: Id,
    /** From 0: the seed and the fold. */
    replicate: Count,
    /** All that decides its result, as it was asked for. */
    work: Work,
  }),
  event('training-started', { training: Id, worker: Type.String() }),
  event('training-finished', { training: Id, outcome: Outcome }),
  event('training-failed', { training: Id, failure: TrainingFailure }),
  /** Trained no more in this round. */
  event('candidate-dropped', { round: Count, candidate: Id, reason: Type.String() }),
  /** From here on trainings are so long. */
  event('schedule-lengthened', { round: Count, steps: Count, reason: Type.String() }),
  event('recipe-chosen', {
    round: Count,
    recipe: Recipe,
    changed: Type.Array(Type.String(), { description: 'Fields that differ from before.' }),
    reason: Type.String(),
  }),
  event('winner-chosen', {
    round: Count,
    candidate: Id,
    /** All of the candidate's axes, where several lead to it. */
    axes: Type.Array(AxisName),
    choice: Choice,
  }),
  event('contracted', {
    axis: AxisName,
    from: FactorsSchema,
    to: FactorsSchema,
    cost: CandidateCost,
    /** Compared with the network that the last round started from, where there is one. */
    candidate: Type.Optional(Id),
  }),
  event('target-unreachable', { reason: Type.String() }),
  event('budget-reached', { reason: Type.String() }),
  /** The network found, to be trained in full. */
  event('final-proposed', {
    factors: FactorsSchema,
    cost: CandidateCost,
    /** The candidate that it is, where it was one. */
    candidate: Type.Optional(Id),
    reason: Type.String({ description: 'Why this one.' }),
  }),
  /** Nothing is done until it is resumed. */
  event('search-paused', {
    reason: Type.Optional(
      Type.String({ description: 'Trainings that failed for good; absent where a user paused it.' }),
    ),
  }),
  /** These trainings, which failed for good, are tried again, and the search goes on. */
  event('search-retried', { trainings: Type.Array(Id) }),
  event('search-resumed', {}),
  event('search-cancelled', {}),
  event('search-failed', { reason: Type.String() }),
  event('search-ended', {}),
] as const;

export const SearchEvent = Type.Union([...EVENTS]);
export type SearchEvent = Static<(typeof EVENTS)[number]>;
export const searchEvent = Compile(SearchEvent);

type WithoutStamp<Event> = Event extends unknown ? Omit<Event, 'at' | 'v'> : never;
/** An event before the coordinator says when it happened. */
export type NewEvent = WithoutStamp<SearchEvent>;

export const stamped = (event: NewEvent, at: string): SearchEvent =>
  ({ ...event, v: EVENTS_VERSION, at }) as SearchEvent;
