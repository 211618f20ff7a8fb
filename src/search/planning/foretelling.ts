/**
 * A search as it may go: the same decisions as a real one makes, on figures that are made up as figures are in small sets.
 * Which network wins is chance here; how many rounds and trainings that takes, and how long on some workers, is not.
 */
import type { Factors } from '../../network/index.js';
import { randomOf } from '../../random.js';
import type { Outcome, Score, Work } from '../../training/training.js';
import { drive } from '../driving.js';
import { stamped } from '../events.js';
import { apply } from '../fold.js';
import { spendingOf } from '../methods/budget.js';
import { type SearchState, type TrainingState, trainingsOf } from '../state.js';
import { baseOf, costOf, networkId, type Setting } from '../work.js';

/** Seconds that a training takes on a worker. */
export type Taking = (work: Work) => number;

export interface Foretold {
  readonly state: SearchState;
  /** To the search's end. */
  readonly seconds: number;
}

/** What networks of a round differ by, and what more cost gains, in shares of the loss of guessing. */
const WORTH = 0.1;
const PER_DOUBLING = 0.11;
const AT_THE_BASE = 0.8;
const LEAST_LOSS = 0.08;
/** Deviation of the losses of single videos, in shares of their mean. */
const SPREAD = 1;
/** Deviation over seeds alone, in standard errors over the videos; judge.ts reckons with folds too, which is more. */
const OVER_SEEDS = 0.5;

/** What a training comes to that learned as trainings do. */
function outcomeOf(setting: Setting, work: Work, training: string, draw: number): Outcome {
  const { chance, parts } = setting.dataset;
  const base = baseOf(setting);
  const doublings = Math.log2(
    costOf(base, work.factors).multiplyAdds / costOf(base, base.factors).multiplyAdds,
  );
  const videos = Math.max(2, parts.validation);
  const worth = randomOf('worth', draw, networkId(work.factors)).normal();
  const luck = randomOf('luck', draw, training).normal();
  const own = Math.min(1.2, Math.max(LEAST_LOSS, AT_THE_BASE - PER_DOUBLING * doublings + WORTH * worth));
  const error = (SPREAD * own) / Math.sqrt(videos);
  const share = Math.max(LEAST_LOSS / 2, own + OVER_SEEDS * error * luck);
  const right = Math.round(videos * Math.min(1, Math.max(chance.accuracy, 1 - share))) / videos;
  const score: Score = {
    videos,
    viewsPerVideo: work.recipe.views,
    metrics: { accuracy: right, top5: 1, loss: share * chance.loss },
    errors: {
      accuracy: Math.sqrt((right * (1 - right)) / videos),
      top5: 0,
      loss: error * chance.loss,
    },
  };
  // On its own clips it does better, and never as badly as one that learned nothing.
  const trainingLoss = Math.min(0.8, 0.7 * share) * chance.loss;
  const validates = work.division.kind === 'fold';
  return {
    evaluations: validates ? { validation: score } : {},
    trainingLoss,
    lowestLoss: trainingLoss,
    steps: work.recipe.steps,
    seconds: 0,
    clipsPerSecond: 0,
    peakBytes: 0,
  };
}

/** Events of one search, at most: more is no search that ends. */
const MOST_EVENTS = 10_000;

const AT = '';

/** One search, the `draw`-th of those that may come of it, on workers that each take so long for a training. */
export function foretell(
  { configuration, dataset }: Setting,
  workers: readonly Taking[],
  draw: number,
): Foretold {
  const created = stamped({ kind: 'search-created', search: 'plan', configuration, dataset }, AT);
  return foretellRest(apply(undefined, created), workers, draw);
}

/** What is left of one that has begun; `done` is the time that a training which has been started took by now, seconds. */
export function foretellRest(
  begun: SearchState,
  workers: readonly Taking[],
  draw: number,
  done: (training: TrainingState) => number = () => 0,
): Foretold {
  let seconds = 0;
  const free = [...workers];
  let running: { training: string; outcome: Outcome; ends: number; taking: Taking }[] = [];
  const begin = (training: TrainingState) => {
    const { id, work } = training;
    const taking = free.shift();
    if (!taking) return;
    const takes = taking(work);
    const outcome = { ...outcomeOf(begun, work, id, draw), seconds: takes };
    running.push({ training: id, outcome, ends: seconds + Math.max(0, takes - done(training)), taking });
  };
  let events = 0;
  const record = () => {
    events += 1;
    if (events > MOST_EVENTS) throw new Error('a foretold search does not end');
  };
  const going = drive(begun, { now: () => AT, record });
  let next = going.next();
  while (!next.done) {
    const known = new Set(running.map(({ training }) => training));
    // What goes on has its worker already.
    const open = next.value.trainings.filter(({ id }) => !known.has(id));
    const goesOn = ({ progress }: TrainingState) => progress.kind === 'started';
    for (const training of [...open.filter(goesOn), ...open.filter((one) => !goesOn(one))]) begin(training);
    const first = running.reduce((a, b) => (b.ends < a.ends ? b : a));
    seconds = first.ends;
    running = running.filter((one) => one !== first);
    free.push(first.taking);
    next = going.next([{ kind: 'training-finished', training: first.training, outcome: first.outcome }]);
  }
  return { state: next.value, seconds };
}

/** What a foretold search comes to, in figures. */
export function figuresOf({ state, seconds }: Foretold) {
  const trainings = trainingsOf(state);
  return {
    rounds: state.rounds.filter(({ step }) => step !== 'recipe').length,
    trainings: trainings.length,
    multiplyAdds: spendingOf(state).multiplyAdds,
    minutes: seconds / 60,
  };
}

/** Every network that it trains, once. */
export const networksIn = ({ state }: Foretold): readonly Factors[] => [
  ...new Map(trainingsOf(state).map(({ work }) => [networkId(work.factors), work.factors])).values(),
];
