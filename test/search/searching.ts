/** Whole searches with no Redis and no training: decisions are carried out on results that a test makes up. */
import type { Axis, Factors } from '../../src/network/index.js';
import { resolveConfiguration, type SearchConfiguration } from '../../src/search/configuration.js';
import { decide } from '../../src/search/decide.js';
import type { DatasetSummary, NewEvent, Outcome, SearchEvent } from '../../src/search/events.js';
import { apply, type CandidateState, type SearchState } from '../../src/search/state.js';
import type { TrainingFailure } from '../../src/training/training.js';

export type Ending = Outcome | TrainingFailure;
/** What the training of a candidate of a round comes to; round 0 is the final training. */
export type Results = (round: number, candidate: CandidateState) => Ending;

export const dataset: DatasetSummary = {
  classes: Array.from({ length: 400 }, (_, label) => `class ${label}`),
  parts: { train: 100, validation: 20, test: 20 },
  skipped: 0,
  fingerprint: 'f00d',
  limits: { maxSpan: 10_000, maxCrop: 10_000 },
};

/** X2D towards 0.6 GF where nothing else is said. */
export const configured = (changes: object = {}): SearchConfiguration =>
  resolveConfiguration({ base: 'x2d', target: '0.6G', data: { path: '/videos' }, ...changes });

export const scored = (top1: number, loss = 1 - top1): Outcome => ({
  validation: { videos: 20, viewsPerVideo: 10, top1, top5: 1, loss },
  steps: 100,
  seconds: 1,
  clipsPerSecond: 100,
  peakBytes: 1000,
});

export const diverged: TrainingFailure = {
  kind: 'not-a-number',
  retry: 'never',
  reason: 'the loss is not a number',
};

/** Time goes by a second an event. */
const stamped = (event: NewEvent, version: number): SearchEvent => ({
  ...event,
  at: new Date(1000 * version).toISOString(),
});

export const created = (configuration: SearchConfiguration, data: DatasetSummary = dataset): SearchState =>
  apply(undefined, stamped({ kind: 'search-created', search: 's1', configuration, dataset: data }, 0));

export const withEvents = (state: SearchState, events: readonly NewEvent[]): SearchState =>
  events.reduce<SearchState>((folded, event) => apply(folded, stamped(event, folded.version)), state);

const endingOf = (candidate: string, ending: Ending): NewEvent =>
  'validation' in ending
    ? { kind: 'candidate-finished', candidate, outcome: ending }
    : { kind: 'candidate-failed', candidate, failure: ending };

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
      const [{ candidate } = { candidate: undefined }] = shuffled(decision.trainings);
      if (!candidate) throw new Error('nothing to train');
      return [endingOf(candidate.id, results(state.final ? 0 : state.rounds.length, candidate))];
    }
    case 'end':
      return [{ kind: 'search-ended' }];
    case 'nothing':
      return undefined;
  }
}

/** The search from its creation to its end, and every event on the way. */
export function searched(
  configuration: SearchConfiguration,
  results: Results,
  data: DatasetSummary = dataset,
): { readonly state: SearchState; readonly events: readonly SearchEvent[] } {
  const events: SearchEvent[] = [
    stamped({ kind: 'search-created', search: 's1', configuration, dataset: data }, 0),
  ];
  let state = created(configuration, data);
  for (let next = nextEvents(state, results); next; next = nextEvents(state, results)) {
    for (const event of next) events.push(stamped(event, state.version + events.length));
    state = withEvents(state, next);
    if (state.version > 1000) throw new Error('a search without end');
  }
  return { state, events };
}

/** Results in which each round is won by the axis named for it, and by nothing after them. */
export const wonBy =
  (...axes: readonly Axis[]): Results =>
  (round, candidate) =>
    scored(candidate.axes.includes(axes[round - 1] as Axis) ? 0.9 : 0.5);

export const winners = (state: SearchState) => state.rounds.map(({ winner }) => winner?.axis);
export const finalFactors = (state: SearchState): Factors | undefined => state.final?.factors;
