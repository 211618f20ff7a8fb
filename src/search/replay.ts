/**
 * The search on a table of recorded results: the same decisions as a real search makes, with no training and no
 * Redis. A row says what training the candidate of one axis in one step came to.
 */
import { X3dError } from '../errors.js';
import { AXES, type Axis, BASES, type BaseName, type Factors } from '../network/index.js';
import { measures } from '../training/metrics.js';
import { resolveConfiguration } from './configuration.js';
import { drive } from './driving.js';
import { type CandidateCost, type Choice, type NewEvent, stamped } from './events.js';
import { apply } from './fold.js';
import {
  candidateNamed,
  candidatesIn,
  type Entrant,
  type Round,
  type SearchState,
  type TrainingState,
} from './state.js';
import { costOf } from './work.js';

export interface RecordedResult {
  /** From 1: the round. */
  readonly step: number;
  readonly axis: Axis;
  /** In any unit; only compared. */
  readonly top1: number;
}

export interface ReplayedStep {
  readonly step: number;
  readonly axis: Axis;
  /** All axes that lead to the winner. */
  readonly tiedAxes: readonly Axis[];
  readonly decidedBy: Choice['decidedBy'];
  readonly top1: number;
  readonly factors: Factors;
  readonly cost: CandidateCost;
}

export interface Replay {
  readonly base: { readonly name: BaseName; readonly factors: Factors; readonly cost: CandidateCost };
  readonly target: number;
  readonly steps: readonly ReplayedStep[];
  readonly contraction?: SearchState['contraction'];
  readonly unreachable?: string;
  readonly final: { readonly factors: Factors; readonly cost: CandidateCost };
}

const COLUMNS = ['step', 'axis', 'top1'] as const;

const wrong = (subject: string, expected: string, got: string, remedy?: string) =>
  new X3dError('invalid-input', { subject, expected, got, ...(remedy === undefined ? {} : { remedy }) });

/**
 * Reads comma-separated text with a head that names the columns step, axis and top1, and any others, which are
 * ignored. Throws X3dError invalid-input that names the line of `name`.
 */
export function parseTable(text: string, name: string): RecordedResult[] {
  const [head = '', ...lines] = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const cells = (line: string) => line.split(',').map((cell) => cell.trim());
  const columns = cells(head);
  for (const column of COLUMNS)
    if (!columns.includes(column))
      throw wrong(name, `a column "${column}"`, `the columns ${columns.join(', ')}`);
  const rows = lines.flatMap((line, index): RecordedResult[] => {
    if (line.trim() === '') return [];
    const at = `${name}, line ${index + 2}`;
    const values = cells(line);
    if (values.length !== columns.length)
      throw wrong(at, `${columns.length} values, as in the head`, `${values.length}`);
    const [stepText = '', axisText = '', top1Text = ''] = COLUMNS.map(
      (column) => values[columns.indexOf(column)],
    );
    const axis = AXES.find((known) => known === axisText);
    if (!/^[1-9]\d*$/.test(stepText)) throw wrong(at, 'a step, a whole number from 1', `"${stepText}"`);
    if (!axis) throw wrong(at, `an axis, one of ${AXES.join(', ')}`, `"${axisText}"`);
    if (top1Text === '' || !Number.isFinite(Number(top1Text)))
      throw wrong(at, 'a number as top1', `"${top1Text}"`);
    return [{ step: Number(stepText), axis, top1: Number(top1Text) }];
  });
  const seen = new Set<string>();
  for (const { step, axis } of rows) {
    const key = `step ${step}, axis ${axis}`;
    if (seen.has(key)) throw wrong(name, 'one row for each step and axis', `two for ${key}`);
    seen.add(key);
  }
  return rows;
}

/** Where several axes lead to one network, the best of their rows counts. */
function recorded(table: readonly RecordedResult[], step: number, { axes }: Entrant): number {
  const rows = table.filter((row) => row.step === step && axes.includes(row.axis));
  if (rows.length > 0) return Math.max(...rows.map(({ top1 }) => top1));
  throw wrong(
    'table',
    `a row for step ${step}, axis ${axes.join(' or ')}`,
    'none',
    'Every axis that can move in a step needs its result.',
  );
}

const NO_ERRORS = measures(() => 0);

const finished = (training: string, accuracy: number): NewEvent => ({
  kind: 'training-finished',
  training,
  outcome: {
    evaluations: {
      validation: {
        videos: 0,
        viewsPerVideo: 0,
        metrics: { accuracy, top5: accuracy, loss: 0 },
        errors: NO_ERRORS,
      },
    },
    trainingLoss: 0,
    lowestLoss: 0,
    steps: 0,
    seconds: 0,
    clipsPerSecond: 0,
    peakBytes: 0,
  },
});

function created(base: BaseName, target: number): SearchState {
  const least = costOf(BASES[base], BASES[base].factors).multiplyAdds;
  if (target < least)
    throw wrong('target', `at least the multiply-adds of ${base}, ${least}`, String(target));
  const configuration = resolveConfiguration({ base, target, method: 'paper', data: { path: 'replay' } });
  const dataset = {
    classes: Array.from({ length: BASES[base].classes }, (_, label) => String(label)),
    parts: { train: 0, validation: 0, test: 0 },
    skipped: 0,
    fingerprint: 'replay',
    limits: { maxSpan: Number.MAX_SAFE_INTEGER, maxCrop: Number.MAX_SAFE_INTEGER },
    rate: 30,
    folds: 1,
    chance: { accuracy: 0, loss: 0 },
  };
  return apply(undefined, stamped({ kind: 'search-created', search: 'replay', configuration, dataset }, ''));
}

/** Runs the search on recorded results. Throws X3dError invalid-input where a result that it needs is missing. */
export function replay(table: readonly RecordedResult[], base: BaseName, target: number): Replay {
  /** What a training comes to. No table has the contraction's: it counts as the search that was recorded had it. */
  const result = (state: SearchState, { id }: TrainingState): number => {
    const round = state.rounds.at(-1) as Round;
    const entrant = candidatesIn(state, round).find(({ trainings }) =>
      trainings.some((one) => one.id === id),
    );
    return entrant ? recorded(table, round.round, entrant) : Number.POSITIVE_INFINITY;
  };
  const search = drive(created(base, target), { now: () => '' });
  let next = search.next();
  while (!next.done) {
    const { state, trainings } = next.value;
    if (state.final) return replayOf(state, state.final);
    next = search.next(trainings.map((training) => finished(training.id, result(state, training))));
  }
  throw new Error(`a replay ended as ${next.value.status.kind} without a network`);
}

/** Without the candidate that no table has. */
const contractionOf = ({ candidate: _, ...rest }: NonNullable<SearchState['contraction']>) => rest;

function replayOf(state: SearchState, final: NonNullable<SearchState['final']>): Replay {
  const { base, target } = state.configuration;
  const first = state.rounds[0];
  if (!first) throw new Error('a replay without a round');
  const steps = state.rounds.flatMap(({ round, winner }): ReplayedStep[] => {
    if (!winner) return [];
    const { factors, cost, trainings } = candidateNamed(state, winner.candidate);
    const progress = trainings[0]?.progress;
    const [axis] = winner.axes;
    if (progress?.kind !== 'finished' || !axis) return [];
    const top1 = progress.outcome.evaluations.validation?.metrics.accuracy ?? 0;
    const { decidedBy } = winner.choice;
    return [{ step: round, axis, tiedAxes: winner.axes, decidedBy, top1, factors, cost }];
  });
  return {
    base: { name: base, factors: first.factors, cost: first.cost },
    target,
    steps,
    ...(state.contraction ? { contraction: contractionOf(state.contraction) } : {}),
    ...(state.unreachable === undefined ? {} : { unreachable: state.unreachable }),
    final: { factors: final.factors, cost: final.cost },
  };
}
