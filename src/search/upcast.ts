/**
 * Events as earlier versions wrote them, as today's. One event comes to one or more of today's, which together count
 * as the one that stands in the log. What an earlier version did not say is filled in as it was then.
 *
 * Version 1 (no field `v`): one method, the paper's; a candidate was one training; events named it `candidate`.
 * Version 2: a search went on with whatever candidates had a result; no latency was counted.
 */
import { isDeepStrictEqual } from 'node:util';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { AS_DIVIDED } from '../data/folds.js';
import { BASES, type BaseName, type Factors } from '../network/index.js';
import { PIXEL_DEVIATION, PIXEL_MEAN } from '../training/pixels.js';
import { halfSchedule, type Recipe } from '../training/recipe.js';
import { stepsOf } from '../training/schedule.js';
import type { EvaluationName, Outcome, Score } from '../training/training.js';
import { EVENTS_VERSION, type SearchEvent, searchEvent } from './events.js';
import type { SearchState } from './state.js';
import { workOf } from './work.js';

/** What is used of a first version's event; the rest is checked as today's event is. */
const firstVersion = Compile(Type.Object({ kind: Type.String(), at: Type.String() }));

interface FirstScore {
  readonly videos: number;
  readonly viewsPerVideo: number;
  readonly top1: number;
  readonly top5: number;
  readonly loss: number;
}

interface FirstOutcome {
  readonly validation: FirstScore;
  readonly test?: { readonly center: FirstScore; readonly leftCenterRight: FirstScore };
  readonly steps: number;
  readonly seconds: number;
  readonly clipsPerSecond: number;
  readonly peakBytes: number;
}

/** A share's standard error over the videos; the loss's was not kept. */
const shareError = (share: number, videos: number) =>
  videos === 0 ? 0 : Math.sqrt((share * (1 - share)) / videos);

const scoreOf = ({ videos, viewsPerVideo, top1, top5, loss }: FirstScore): Score => ({
  videos,
  viewsPerVideo,
  metrics: { accuracy: top1, top5, loss },
  errors: { accuracy: shareError(top1, videos), top5: shareError(top5, videos), loss: 0 },
});

const outcomeOf = ({ validation, test, ...rest }: FirstOutcome): Outcome => ({
  evaluations: {
    validation: scoreOf(validation),
    ...(test ? { test: scoreOf(test.center), 'test-left-center-right': scoreOf(test.leftCenterRight) } : {}),
  },
  ...rest,
  // Were not kept either.
  trainingLoss: 0,
  lowestLoss: 0,
});

// biome-ignore lint/suspicious/noExplicitAny: what it comes to is checked against today's schema.
type Raw = any;

/** Before a search asked what to do about trainings that failed for good. */
const WENT_ON = { onFailure: 'go-on' };

function creationOf({ configuration, dataset, ...rest }: Raw): Raw {
  const { recipe, ...given } = configuration;
  const { epochs, ...fields } = recipe;
  const base = configuration.base as BaseName;
  return {
    ...rest,
    configuration: {
      ...given,
      method: 'paper',
      finalOn: 'train',
      ...WENT_ON,
      recipe: {
        ...fields,
        steps: stepsOf(epochs, recipe.batchSize, dataset.parts.train),
        pixelMean: PIXEL_MEAN,
        pixelDeviation: PIXEL_DEVIATION,
      },
      given: [],
      clip: BASES[base].factors.stride,
    },
    dataset: {
      ...dataset,
      // Strides counted frames, whatever their rate.
      rate: 30,
      folds: 1,
      chance: { accuracy: 1 / dataset.classes.length, loss: Math.log(dataset.classes.length) },
    },
  };
}

/** The training that a first version's event stood for. */
function trainingOf(state: SearchState, id: string, factors: Factors, purpose: 'candidate' | 'final') {
  const recipe: Recipe = purpose === 'final' ? state.recipe : halfSchedule(state.recipe);
  const evaluations: EvaluationName[] =
    purpose === 'final' ? ['validation', 'test', 'test-left-center-right'] : ['validation'];
  const { seed } = state.configuration;
  return {
    kind: 'training-proposed',
    ...(purpose === 'final' ? {} : { candidate: id }),
    training: id,
    replicate: 0,
    work: workOf(state, factors, { recipe, seed, division: AS_DIVIDED, evaluations }),
  };
}

function fromFirst(state: SearchState | undefined, event: Raw): Raw[] {
  if (event.kind === 'search-created') return [creationOf(event)];
  if (!state) return [event];
  switch (event.kind) {
    case 'round-started':
      return [{ ...event, step: 'expansion' }];
    case 'candidate-proposed':
      return [event, trainingOf(state, event.candidate, event.factors, 'candidate')];
    case 'candidate-started':
    case 'candidate-finished':
    case 'candidate-failed': {
      const { candidate: training, outcome, ...rest } = event;
      return [
        {
          ...rest,
          kind: event.kind.replace('candidate', 'training'),
          training,
          ...(outcome ? { outcome: outcomeOf(outcome) } : {}),
        },
      ];
    }
    case 'winner-chosen': {
      const { axis: _, tiedAxes: axes, decidedBy, ...rest } = event;
      const names: Record<string, string> = {
        criterion: state.configuration.criterion,
        'validation-loss': 'loss',
      };
      const choice = {
        decidedBy: names[decidedBy] ?? decidedBy,
        undecided: false,
        trainings: state.rounds.at(-1)?.entrants.length ?? 0,
        multiplyAdds: 0,
      };
      return [{ ...rest, axes, choice }];
    }
    case 'contracted': {
      const { candidate, to } = event;
      return candidate === undefined ? [event] : [event, trainingOf(state, candidate, to, 'candidate')];
    }
    case 'final-proposed': {
      const { candidate, ...rest } = event;
      const known = state.candidates.find(({ factors }) => isDeepStrictEqual(factors, event.factors));
      return [
        { ...rest, ...(known ? { candidate: known.id } : {}), reason: 'the last network of the search' },
        trainingOf(state, candidate, event.factors, 'final'),
      ];
    }
    default:
      return [event];
  }
}

function fromSecond(event: Raw): Raw {
  if (event.v !== 2) return undefined;
  const { configuration } = event;
  return {
    ...event,
    v: EVENTS_VERSION,
    ...(event.kind === 'search-created' ? { configuration: { ...WENT_ON, ...configuration } } : {}),
  };
}

/**
 * One entry of a log as events of today, or what of it is not one. `state`: of the events before it, of which older
 * events are read in the light.
 */
export function upcast(
  state: SearchState | undefined,
  raw: unknown,
): SearchEvent[] | { readonly wrong: unknown } {
  if (searchEvent.Check(raw)) return [raw];
  if (!firstVersion.Check(raw)) return { wrong: raw };
  const second = 'v' in raw ? fromSecond(raw) : undefined;
  if ('v' in raw) return second && searchEvent.Check(second) ? [second] : { wrong: raw };
  const { at } = raw;
  let events: Raw[];
  try {
    events = fromFirst(state, raw).map((event) => ({ ...event, v: EVENTS_VERSION, at }));
  } catch {
    // Not even what the first version wrote.
    return { wrong: raw };
  }
  const wrong = events.find((event) => !searchEvent.Check(event));
  return wrong === undefined ? (events as SearchEvent[]) : { wrong };
}
