/**
 * The search without videos, workers or Redis: networks are measured by a function of the caller's. What it decides, and
 * why, is what a search on videos would decide on the same figures.
 */
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { X3dError } from '../errors.js';
import { describeNetwork, type Factors, type Network } from '../network/index.js';
import { measures } from '../training/metrics.js';
import { PIXEL_DEVIATION, PIXEL_MEAN } from '../training/pixels.js';
import type { Recipe } from '../training/recipe.js';
import type { Outcome } from '../training/training.js';
import { mismatches, shown } from '../validation.js';
import { resolveConfiguration, type SearchInput } from './configuration.js';
import { refuseUnfit } from './creation.js';
import { drive } from './driving.js';
import {
  type CandidateCost,
  type DatasetSummary,
  type NewEvent,
  type SearchEvent,
  stamped,
} from './events.js';
import { apply, fold } from './fold.js';
import type { SearchState, TrainingState } from './state.js';
import { trajectoryOf } from './trajectory.js';
import type { Trajectory } from './views.js';
import { costOf } from './work.js';

/** What is searched: a configuration as `run` takes it, but for the videos, of which only this counts. */
export interface SearchSpace extends Omit<SearchInput, 'data' | 'from'> {
  /** How many, or their names. */
  readonly classes: number | readonly string[];
  /** Training videos, which decide the length of the schedule that a candidate is given. Default 50. */
  readonly videos?: number;
  /** Frames per second that strides count at. Default 30. */
  readonly rate?: number;
  /** No clip spans more frames of that rate. Default: no bound. */
  readonly maxSpan?: number;
  /** No crop is larger, pixels. Default: no bound. */
  readonly maxCrop?: number;
}

/** A network to be measured. */
export interface Evaluation {
  /** The same network, recipe and seed have the same id, in any search. */
  readonly id: string;
  readonly network: Network;
  readonly factors: Factors;
  /** For one clip. */
  readonly cost: CandidateCost;
  /** How it is to be trained; candidates have a quarter of the steps of the network found. */
  readonly recipe: Recipe;
  readonly seed: number;
  /** Whether it is the network found, measured once more with the full schedule. */
  readonly final: boolean;
}

const Share = Type.Number({ minimum: 0, maximum: 1 });
const ErrorOf = Type.Number({ minimum: 0 });
const measured = {
  accuracy: Share,
  top5: Type.Optional(Share),
  loss: Type.Optional(Type.Number({ minimum: 0, description: 'Nats a video.' })),
};

/** What a network came to. */
export const Measured = Type.Object(
  {
    ...measured,
    videos: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'That the figures are means over. Absent, and without `errors`: they are exact.',
      }),
    ),
    errors: Type.Optional(
      Type.Object(
        { accuracy: ErrorOf, top5: Type.Optional(ErrorOf), loss: Type.Optional(ErrorOf) },
        {
          additionalProperties: false,
          description: 'Standard errors. Default: those of counting right answers among `videos`.',
        },
      ),
    ),
  },
  { additionalProperties: false },
);
export type Measured = Static<typeof Measured>;
const measuredValidator = Compile(Measured);

/** Measures one network. The signal says that it is wanted no more. */
export type Evaluator = (network: Evaluation, signal: AbortSignal) => Promise<Measured>;

export interface SearchOptions {
  /** Networks measured side by side. Default 1. */
  readonly parallel?: number;
  /** Aborting ends the search with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Each event as it happens. Kept, and given back as `events`, they let a search go on where it was. */
  readonly onEvent?: (event: SearchEvent) => void;
  /** Those of before. Default: none, a new search. */
  readonly events?: readonly SearchEvent[];
}

const REFERENCE_RATE = 30;
const REFERENCE_VIDEOS = 50;
const NO_BOUND = 2 ** 31;

const wrong = (subject: string, expected: string, got: unknown) =>
  new X3dError('invalid-input', { subject, expected, got: shown(got) });

function classesOf({ classes }: SearchSpace): string[] {
  const names =
    typeof classes === 'number' && Number.isInteger(classes) && classes > 1 && classes <= 100_000
      ? Array.from({ length: classes }, (_, label) => String(label))
      : Array.isArray(classes)
        ? [...classes]
        : [];
  if (names.length > 1) return names;
  throw wrong('classes', 'two or more, or their number', classes);
}

/** A whole number from 1, where it is given. */
function counted(space: SearchSpace, field: 'videos' | 'maxSpan' | 'maxCrop', otherwise: number): number {
  const value = space[field] ?? otherwise;
  if (Number.isInteger(value) && value > 0 && value <= NO_BOUND) return value;
  throw wrong(field, 'a whole number from 1', value);
}

function created(space: SearchSpace): SearchEvent {
  const { classes: _, videos: __, rate = REFERENCE_RATE, maxSpan: ___, maxCrop: ____, ...input } = space;
  const classes = classesOf(space);
  const videos = counted(space, 'videos', REFERENCE_VIDEOS);
  const limits = {
    maxSpan: counted(space, 'maxSpan', NO_BOUND),
    maxCrop: counted(space, 'maxCrop', NO_BOUND),
  };
  if (!(rate > 0 && rate <= 1000)) throw wrong('rate', 'frames per second, above 0', rate);
  const pixels = { mean: PIXEL_MEAN, deviation: PIXEL_DEVIATION };
  const ground = { videos, pixels, rate, maxSpan: limits.maxSpan, tested: false };
  const configuration = resolveConfiguration({ ...input, data: { path: '.' } }, ground);
  const dataset: DatasetSummary = {
    classes,
    parts: { train: videos, validation: 0, test: 0 },
    skipped: 0,
    fingerprint: 'measured by the caller',
    limits,
    rate,
    folds: 1,
    chance: { accuracy: 1 / classes.length, loss: Math.log(classes.length) },
  };
  refuseUnfit({ configuration, dataset });
  const event: NewEvent = { kind: 'search-created', search: 'search', configuration, dataset };
  return stamped(event, new Date().toISOString());
}

/** The state after the events of before, which have to be of the same space. */
function resumed(space: SearchSpace, events: readonly SearchEvent[]): SearchState | undefined {
  const state = fold(events);
  const now = created(space);
  if (!state || now.kind !== 'search-created') return undefined;
  const { configuration, dataset } = state;
  if (JSON.stringify([configuration, dataset]) === JSON.stringify([now.configuration, now.dataset]))
    return state;
  throw new X3dError('conflict', {
    subject: 'events',
    expected: 'those of a search with the same configuration',
    got: 'those of another',
    remedy: 'Give the configuration that it began with, or begin anew without events.',
  });
}

/**
 * Figures as a search keeps them. Where there is no loss, one that falls in a straight line from guessing, at the accuracy
 * of guessing, to 0 at 1 stands in for it.
 */
function outcomeOf(
  value: unknown,
  { dataset }: SearchState,
  { recipe }: Evaluation,
  seconds: number,
): Outcome {
  if (!measuredValidator.Check(value)) {
    const [first] = mismatches(measuredValidator, value);
    throw wrong(
      `what the evaluator gave back${first?.field ? `: ${first.field}` : ''}`,
      first?.expected ?? 'figures',
      value,
    );
  }
  const { accuracy, videos, errors } = value;
  const { chance } = dataset;
  const slope = chance.loss / (1 - chance.accuracy);
  const loss = value.loss ?? slope * (1 - accuracy);
  const top5 = value.top5 ?? accuracy;
  const counting = (share: number) => (videos ? Math.sqrt((share * (1 - share)) / videos) : 0);
  const error = errors?.accuracy ?? counting(accuracy);
  const metrics = { accuracy, top5, loss };
  const score = {
    videos: videos ?? NO_BOUND,
    viewsPerVideo: 1,
    metrics: measures((name) => metrics[name]),
    errors: { accuracy: error, top5: errors?.top5 ?? counting(top5), loss: errors?.loss ?? slope * error },
  };
  return {
    evaluations: { validation: score },
    trainingLoss: loss,
    lowestLoss: loss,
    steps: recipe.steps,
    seconds,
    clipsPerSecond: 0,
    peakBytes: 0,
  };
}

function evaluationOf(state: SearchState, { id, work }: TrainingState): Evaluation {
  const { base, factors, recipe, seed } = work;
  const final = state.final?.trainings.some((training) => training.id === id) ?? false;
  return {
    id,
    network: describeNetwork(base, factors),
    factors,
    cost: costOf(base, factors),
    recipe,
    seed,
    final,
  };
}

interface Measuring {
  readonly controller: AbortController;
  readonly ended: Promise<NewEvent>;
}

/** A race of promises that ends with the signal's reason when it is aborted. */
function orAborted<Value>(promises: readonly Promise<Value>[], signal: AbortSignal): Promise<Value> {
  const over = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { signal: over.signal });
  });
  return Promise.race([...promises, aborted]).finally(() => over.abort());
}

/**
 * Searches a space by what `evaluate` says of its networks. Gives back what was tried, what won each round and why, and
 * in `final` the network found.
 *
 * Throws X3dError invalid-input for a space or a figure that can't be, conflict for events of another space, and what
 * `evaluate` throws.
 */
export async function search(
  space: SearchSpace,
  evaluate: Evaluator,
  {
    parallel = 1,
    signal = new AbortController().signal,
    onEvent = () => {},
    events = [],
  }: SearchOptions = {},
): Promise<Trajectory> {
  if (!Number.isInteger(parallel) || parallel < 1) throw wrong('parallel', 'a whole number from 1', parallel);
  let begun = resumed(space, events);
  if (!begun) {
    const first = created(space);
    onEvent(first);
    begun = apply(undefined, first);
  }
  const measuring = new Map<string, Measuring>();
  const begin = (state: SearchState, training: TrainingState): Measuring => {
    const controller = new AbortController();
    const evaluation = evaluationOf(state, training);
    const started = performance.now();
    const ended = (async (): Promise<NewEvent> => {
      const value = await evaluate(evaluation, controller.signal);
      const outcome = outcomeOf(value, state, evaluation, (performance.now() - started) / 1000);
      return { kind: 'training-finished', training: training.id, outcome };
    })();
    // It may be wanted no more when it fails.
    ended.catch(() => {});
    return { controller, ended };
  };
  const leave = (wanted: ReadonlySet<string>) => {
    for (const [id, { controller }] of measuring)
      if (!wanted.has(id)) {
        controller.abort();
        measuring.delete(id);
      }
  };
  try {
    const going = drive(begun, { now: () => new Date().toISOString(), record: onEvent });
    let next = going.next();
    while (!next.done) {
      const { state, trainings } = next.value;
      leave(new Set(trainings.map(({ id }) => id)));
      for (const training of trainings)
        if (measuring.size < parallel && !measuring.has(training.id))
          measuring.set(training.id, begin(state, training));
      const event = await orAborted(
        [...measuring.values()].map(({ ended }) => ended),
        signal,
      );
      if ('training' in event && event.training !== undefined) measuring.delete(event.training);
      next = going.next([event]);
    }
    return trajectoryOf(next.value);
  } finally {
    leave(new Set());
  }
}
