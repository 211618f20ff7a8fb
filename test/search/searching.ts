/** Whole searches with no Redis and no training: decisions are carried out on results that a test makes up. */
import type { Axis, Factors } from '../../src/network/index.js';
import { resolveConfiguration, type SearchConfiguration } from '../../src/search/configuration.js';
import { decide } from '../../src/search/decide.js';
import {
  type DatasetSummary,
  type NewEvent,
  type SearchEvent,
  stamped as stampedAt,
} from '../../src/search/events.js';
import { apply } from '../../src/search/fold.js';
import {
  type CandidateState,
  candidatesIn,
  type Entrant,
  type SearchState,
  type TrainingState,
} from '../../src/search/state.js';
import type { Outcome, TrainingFailure } from '../../src/training/training.js';

export type Ending = Outcome | TrainingFailure;
/** One training and what it is of: `round` is 0 for the network found. */
export interface Asked {
  readonly round: number;
  readonly training: TrainingState;
  readonly factors: Factors;
  readonly axes: readonly Axis[];
}
/** What a training comes to. */
export type Results = (asked: Asked) => Ending;

export const dataset: DatasetSummary = {
  classes: Array.from({ length: 400 }, (_, label) => `class ${label}`),
  parts: { train: 100, validation: 20, test: 20 },
  skipped: 0,
  fingerprint: 'f00d',
  limits: { maxSpan: 10_000, maxCrop: 10_000 },
  rate: 30,
  folds: 1,
  chance: { accuracy: 1 / 400, loss: Math.log(400) },
};

/** The published search, X2D towards 0.6 GF, where nothing else is said; on a set where its look decides. */
export const configuredOn = (data: DatasetSummary | undefined, changes: object = {}): SearchConfiguration => {
  const input = {
    base: 'x2d',
    method: 'paper',
    target: '0.6G',
    data: { path: '/videos' },
    onFailure: 'go-on',
    ...changes,
  };
  if (!data) return resolveConfiguration(input);
  const { parts, rate, limits } = data;
  return resolveConfiguration(input, {
    videos: parts.train,
    pixels: { mean: 0.45, deviation: 0.225 },
    rate,
    maxSpan: limits.maxSpan,
    tested: parts.test > 0,
  });
};
export const configured = (changes: object = {}): SearchConfiguration => configuredOn(undefined, changes);

const VIDEOS = 20;

export const scored = (accuracy: number, loss = 1 - accuracy, trainingLoss = loss): Outcome => {
  const score = {
    videos: VIDEOS,
    viewsPerVideo: 10,
    metrics: { accuracy, top5: 1, loss },
    errors: { accuracy: Math.sqrt((accuracy * (1 - accuracy)) / VIDEOS), top5: 0, loss: 0.2 },
  };
  return {
    evaluations: { validation: score },
    trainingLoss,
    lowestLoss: trainingLoss,
    steps: 100,
    seconds: 1,
    clipsPerSecond: 100,
    peakBytes: 1000,
  };
};

export const diverged: TrainingFailure = {
  kind: 'not-a-number',
  retry: 'never',
  reason: 'the loss is not a number',
};

/** Time goes by a second an event. */
const stamped = (event: NewEvent, version: number): SearchEvent =>
  stampedAt(event, new Date(1000 * version).toISOString());

export const created = (configuration: SearchConfiguration, data: DatasetSummary = dataset): SearchState =>
  apply(undefined, stamped({ kind: 'search-created', search: 's1', configuration, dataset: data }, 0));

export const withEvents = (state: SearchState, events: readonly NewEvent[]): SearchState =>
  events.reduce<SearchState>((folded, event) => apply(folded, stamped(event, folded.version)), state);

/** The training as it was asked for; of a candidate in several rounds, in the last. */
export function askedFor(state: SearchState, training: TrainingState): Asked {
  const { factors } = training.work;
  if (state.final?.trainings.some(({ id }) => id === training.id))
    return { round: 0, training, factors, axes: [] };
  const owns = ({ trainings }: CandidateState) => trainings.some(({ id }) => id === training.id);
  const round = state.rounds.findLast((one) => candidatesIn(state, one).some(owns));
  const entrant: Entrant | undefined = round && candidatesIn(state, round).find(owns);
  return {
    round: round?.round ?? state.rounds.length,
    training,
    factors,
    axes: entrant?.axes ?? (state.contraction ? [state.contraction.axis] : []),
  };
}

const endingOf = (training: string, ending: Ending): NewEvent =>
  'evaluations' in ending
    ? { kind: 'training-finished', training, outcome: ending }
    : { kind: 'training-failed', training, failure: ending };

/** What there is to do next, done; undefined where there is nothing. Trainings end in the order of `shuffled`. */
export function nextEvents(
  state: SearchState,
  results: Results,
  shuffled: <T>(items: readonly T[]) => readonly T[] = (items) => items,
): readonly NewEvent[] | undefined {
  const decision = decide(state);
  switch (decision.kind) {
    case 'append':
      return decision.events;
    case 'train': {
      const [training] = shuffled(decision.trainings);
      if (!training) throw new Error('nothing to train');
      return [endingOf(training.id, results(askedFor(state, training)))];
    }
    case 'end':
      return [{ kind: 'search-ended' }];
    case 'nothing':
      return undefined;
  }
}

/** The search from its creation to its end, and every event on the way; `cuts`: where a log may end, in events. */
export function searched(
  configuration: SearchConfiguration,
  results: Results,
  data: DatasetSummary = dataset,
): {
  readonly state: SearchState;
  readonly events: readonly SearchEvent[];
  readonly cuts: readonly number[];
} {
  const events: SearchEvent[] = [
    stamped({ kind: 'search-created', search: 's1', configuration, dataset: data }, 0),
  ];
  const cuts = [1];
  let state = created(configuration, data);
  for (let next = nextEvents(state, results); next; next = nextEvents(state, results)) {
    if (next.length === 0) throw new Error('a decision that records nothing');
    for (const event of next) events.push(stamped(event, state.version + events.length));
    state = withEvents(state, next);
    cuts.push(events.length);
    if (state.version > 2000) throw new Error('a search without end');
  }
  return { state, events, cuts };
}

/** Results in which each round is won by the axis named for it, and by nothing after them. */
export const wonBy =
  (...axes: readonly Axis[]): Results =>
  ({ round, axes: own }) =>
    scored(own.includes(axes[round - 1] as Axis) ? 0.9 : 0.5);

/** The first axis of each round's winner. */
export const winners = (state: SearchState) => state.rounds.map(({ winner }) => winner?.axes[0]);
export const finalFactors = (state: SearchState): Factors | undefined => state.final?.factors;
