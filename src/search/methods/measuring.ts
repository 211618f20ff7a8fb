/**
 * What was measured of candidates: which of their trainings count, what each replicate came to, and the verdict on all
 * of them.
 */
import type { MetricName } from '../../training/metrics.js';
import type { Recipe } from '../../training/recipe.js';
import type { Outcome, Score } from '../../training/training.js';
import { grouped, type Judgement, judge, type Measurement } from '../judge.js';
import {
  type CandidateState,
  candidatesIn,
  type Round,
  type SearchState,
  type TrainingState,
  trainedTo,
} from '../state.js';

/** Of the steps of the network found. Each training is a schedule of its own, from warm-up to the cosine's end. */
const SHORT = 0.25;
/** What is taken for beyond chance. */
export const CONFIDENCE = 0.9;
/** Losses that differ by less, in shares of the loss of guessing, matter less than another training costs. */
const INDIFFERENT = 0.03;
/** A training that ends with this much of the loss of guessing has not learned. */
const AT_CHANCE = 0.95;
/** A loss that ended so far above its lowest, in shares of the loss of guessing, has jumped. */
const JUMP = 0.3;

/** Steps of a candidate's training, by now. */
export const candidateSteps = ({ lengthened, recipe }: SearchState): number =>
  lengthened?.steps ?? Math.max(1, Math.round(SHORT * recipe.steps));

const withoutRate = (recipe: Recipe) => JSON.stringify({ ...recipe, learningRate: 0 });

/** A candidate's trainings that count: of the present length and recipe, or the same at a lower rate. */
export function current(
  state: SearchState,
  { trainings }: Pick<CandidateState, 'trainings'>,
  steps = candidateSteps(state),
) {
  const wanted = { ...state.recipe, steps };
  return trainings.filter(
    ({ work: { recipe } }) =>
      withoutRate(recipe) === withoutRate(wanted) && recipe.learningRate <= wanted.learningRate,
  );
}

/** The longest of a candidate's trainings: where schedules were lengthened since its round, of the length of then. */
export function longest(state: SearchState, { trainings }: Pick<CandidateState, 'trainings'>) {
  return current(state, { trainings }, Math.max(0, ...trainings.map(({ work }) => work.recipe.steps)));
}

/** The trainings by replicate, each with its last try. */
export const byReplicate = (trainings: readonly TrainingState[]) =>
  grouped(trainings, ({ replicate }) => replicate);

/** Whether the loss jumped on the way and did not come back. */
const jumped = ({ dataset }: Pick<SearchState, 'dataset'>, { trainingLoss, lowestLoss }: Outcome): boolean =>
  trainingLoss > lowestLoss + JUMP * dataset.chance.loss;

/** Whether a training learned nothing: told from one that learned what does not carry over by its training clips. */
export const atChance = ({ dataset }: Pick<SearchState, 'dataset'>, outcome: Outcome): boolean =>
  outcome.trainingLoss > AT_CHANCE * dataset.chance.loss;

/** Whether a training failed to learn in a way that a lower rate may mend. */
export function wentAstray(state: SearchState, training: TrainingState): boolean {
  const { progress } = training;
  if (progress.kind === 'failed') return progress.failure.kind === 'not-a-number';
  const outcome = trainedTo(training);
  return outcome !== undefined && (atChance(state, outcome) || jumped(state, outcome));
}

/** What a replicate came to: its try at the search's own rate; where that went astray, the best of all tries. */
function scoreOf(state: SearchState, tries: readonly TrainingState[]): Score | undefined {
  const { learningRate } = state.recipe;
  const own = tries.find(({ work }) => work.recipe.learningRate === learningRate);
  const counted = own && !wentAstray(state, own) ? [own] : tries;
  const [first, ...others] = counted.flatMap((one) => trainedTo(one)?.evaluations.validation ?? []);
  return others.reduce((a, b) => (a && a.metrics.loss <= b.metrics.loss ? a : b), first);
}

/** What was measured of candidates, by default by their trainings of the present length. */
export function measurementsOf(
  state: SearchState,
  candidates: readonly CandidateState[],
  counting: typeof longest = current,
): readonly Measurement[] {
  return candidates.flatMap((candidate) =>
    [...byReplicate(counting(state, candidate))].flatMap(([replicate, tries]): Measurement[] => {
      const score = scoreOf(state, tries);
      return score ? [{ candidate: candidate.id, replicate, score }] : [];
    }),
  );
}

/** By the trainings of the present length; of rounds from before it was raised, by those of then. */
export function measuredByRace(
  state: SearchState,
  candidates: readonly CandidateState[],
): readonly Measurement[] {
  const own = measurementsOf(state, candidates);
  return own.length > 0 ? own : measurementsOf(state, candidates, longest);
}

/** What the other rounds say about the size of the noise. */
const earlierTables = (state: SearchState, round: Round | undefined): Measurement[][] =>
  state.rounds
    .filter((other) => other !== round && other.step !== 'recipe')
    .map((other) => [...measurementsOf(state, candidatesIn(state, other))]);

export interface Verdict {
  readonly by: MetricName;
  readonly judgement: Judgement;
  /** Beyond chance. */
  readonly decided: boolean;
  /** What is lost on average by stopping now matters less than another training. */
  readonly indifferent: boolean;
  readonly judgements: readonly Judgement[];
}

/**
 * Where the criterion tells the best beyond chance, it decides; elsewhere the loss does, which is less noisy. Undefined
 * where nothing was measured.
 */
export function verdictOn(
  state: SearchState,
  measured: readonly Measurement[],
  round?: Round,
): Verdict | undefined {
  const earlier = earlierTables(state, round);
  const { criterion } = state.configuration;
  const first = judge(criterion, measured, earlier);
  const second = judge('loss', measured, earlier);
  if (!first || !second) return undefined;
  const sure = (judgement: Judgement) => (judgement.estimates[0]?.probability ?? 0) >= CONFIDENCE;
  const by = sure(first) ? first : second;
  return {
    by: by.metric,
    judgement: by,
    decided: sure(by),
    indifferent: second.regret < INDIFFERENT * state.dataset.chance.loss,
    judgements: [first, second],
  };
}
