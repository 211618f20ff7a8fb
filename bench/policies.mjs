/** Policies of choosing, simulated on recorded trainings; see bench/choices.mjs. */
import Table from 'cli-table3';
import { randomOf } from '../dist/random.js';
import { resolveConfiguration } from '../dist/search/configuration.js';
import { stamped } from '../dist/search/events.js';
import { apply } from '../dist/search/fold.js';
import { race } from '../dist/search/methods/racing.js';
import { networkId } from '../dist/search/work.js';
import { mean } from './recording.mjs';

const DRAWS = 400;

/** By state: the candidates with their short trainings by replicate, and the mean loss that stands for the truth. */
function statesOf(rows) {
  const states = new Map();
  for (const row of rows) {
    const key = `${row.set} ${row.state}`;
    const state = states.get(key) ?? { key, set: row.set, rows: [] };
    state.rows.push(row);
    states.set(key, state);
  }
  return [...states.values()].flatMap((state) => {
    const steps = Math.min(...state.rows.map((row) => row.steps));
    const most = Math.max(...state.rows.map((row) => row.steps));
    const ids = [...new Set(state.rows.map((row) => networkId(row.factors)))];
    const candidates = ids.map((id) => {
      const own = state.rows.filter((row) => networkId(row.factors) === id);
      const short = own.filter((row) => row.steps === steps).sort((a, b) => a.replicate - b.replicate);
      const full = own.filter((row) => row.steps === most && most > steps);
      const { factors, multiplyAdds, move } = own[0];
      return { id, move, factors, multiplyAdds, short, full };
    });
    const replicates = Math.min(...candidates.map(({ short }) => short.length));
    if (replicates < 2) return [];
    const inFull = candidates.every(({ full }) => full.length > 0);
    const truth = (candidate, length) => mean(candidate[length].map((row) => row.score.metrics.loss));
    return [
      {
        ...state,
        steps,
        replicates,
        chance: state.rows[0].chance,
        candidates: candidates.map((one) => ({
          ...one,
          truth: truth(one, 'short'),
          ...(inFull ? { inFull: truth(one, 'full') } : {}),
        })),
      },
    ];
  });
}

/** The replicates in an order drawn at random: what a search with another seed would have seen. */
function orderOf(count, state, draw) {
  const random = randomOf('choices', state.key, draw);
  return Array.from({ length: count }, (_, index) => ({ index, rank: random.uniform() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ index }) => index);
}

/** `count` trainings of each, and the best mean wins. */
const fixed = (count, metric) => (state, order) => {
  const badness = (candidate) =>
    mean(
      order
        .slice(0, count)
        .map((index) => candidate.short[index].score.metrics[metric] * (metric === 'loss' ? 1 : -1)),
    );
  const chosen = state.candidates.reduce((a, b) => (badness(b) < badness(a) ? b : a));
  return { chosen, cost: count * state.candidates.reduce((sum, { multiplyAdds }) => sum + multiplyAdds, 0) };
};

/** The search's own race, on the recorded trainings. */
function raced(state, order) {
  const recipe = { steps: 4 * state.steps, learningRate: 0.1, mixup: 0.2 };
  const configuration = resolveConfiguration({ data: { path: 'recorded' }, target: 1e12, recipe });
  const classes = Array.from({ length: 10 }, (_, label) => `${label}`);
  const dataset = {
    classes,
    parts: { train: 1, validation: 1, test: 0 },
    skipped: 0,
    fingerprint: state.key,
    limits: { maxSpan: 1e6, maxCrop: 1e6 },
    rate: 25,
    folds: 1,
    chance: { accuracy: 0, loss: state.chance },
  };
  const [first] = state.candidates;
  const cost = { multiplyAdds: first.multiplyAdds, parameters: 0, activationBytes: 0 };
  let now = apply(undefined, stamped({ kind: 'search-created', search: 's', configuration, dataset }, ''));
  const record = (...events) => {
    for (const event of events) now = apply(now, stamped(event, ''));
  };
  record(
    { kind: 'round-started', round: 1, step: 'expansion', factors: first.factors, cost },
    ...state.candidates.map(({ id, factors, multiplyAdds }) => ({
      kind: 'candidate-proposed',
      round: 1,
      candidate: id,
      axes: [],
      factors,
      cost: { ...cost, multiplyAdds },
    })),
  );
  let spent = 0;
  for (;;) {
    const decision = race(now, now.rounds[0]);
    if (decision.kind === 'append') {
      // Fewer replicates may be recorded than the race would take.
      const beyond = decision.events.some(
        ({ kind, replicate }) => kind === 'training-proposed' && replicate >= state.replicates,
      );
      if (beyond) break;
      record(...decision.events);
    } else
      for (const training of decision.trainings) {
        const owner = now.candidates.find(({ trainings }) => trainings.includes(training));
        const candidate = state.candidates.find(({ id }) => id === owner.id);
        const row = candidate.short[order[training.replicate]];
        spent += candidate.multiplyAdds;
        const outcome = {
          evaluations: { validation: row.score },
          trainingLoss: row.trainingLoss,
          lowestLoss: row.trainingLoss,
          steps: row.steps,
          seconds: row.seconds,
          clipsPerSecond: 1,
          peakBytes: 0,
        };
        record({ kind: 'training-finished', training: training.id, outcome });
      }
    if (now.rounds[0].winner) break;
  }
  const best = now.rounds[0].winner?.candidate;
  if (best === undefined) {
    // At the last replicate that is recorded: as the race ends at its own, by the mean loss of those left.
    const left = now.rounds[0].entrants.filter(({ dropped }) => dropped === undefined);
    const candidates = left.map(({ candidate }) => state.candidates.find(({ id }) => id === candidate));
    return { chosen: fixed(state.replicates, 'loss')({ candidates }, order).chosen, cost: spent };
  }
  return { chosen: state.candidates.find(({ id }) => id === best), cost: spent };
}

const POLICIES = {
  'one training each, accuracy (the paper)': fixed(1, 'accuracy'),
  'one training each, loss': fixed(1, 'loss'),
  'two trainings each, loss': fixed(2, 'loss'),
  'five trainings each, accuracy': fixed(5, 'accuracy'),
  'five trainings each, loss': fixed(5, 'loss'),
  'race (the default)': raced,
};

function simulated(policy, states, truth) {
  const perState = states.map((state) => {
    const best = Math.min(...state.candidates.map((one) => one[truth]));
    const whole = state.candidates.reduce((sum, { multiplyAdds }) => sum + multiplyAdds, 0);
    const runs = Array.from({ length: DRAWS }, (_, draw) => {
      const { chosen, cost } = policy(state, orderOf(state.replicates, state, draw));
      return { regret: chosen[truth] - best, right: chosen[truth] === best ? 1 : 0, cost: cost / whole };
    });
    return {
      regret: mean(runs.map(({ regret }) => regret)),
      right: mean(runs.map(({ right }) => right)),
      cost: mean(runs.map(({ cost }) => cost)),
    };
  });
  const of = (name) => {
    const values = perState.map((one) => one[name]);
    const error = Math.sqrt(
      values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) /
        Math.max(1, values.length - 1) /
        values.length,
    );
    return { mean: mean(values), error };
  };
  return { regret: of('regret'), right: of('right'), cost: of('cost') };
}

/**
 * Standard deviation of one training's figure over seeds and folds, in standard errors over its validation videos: of
 * what is left when each network's own level and each replicate's are taken away. src/search/judge.ts assumes it.
 */
function spreadOf({ candidates, replicates }, metric) {
  const table = candidates.map(({ short }) => short.slice(0, replicates).map(({ score }) => score));
  const values = table.map((scores) => scores.map(({ metrics }) => metrics[metric]));
  const level = mean(values.flat());
  const shared = values[0].map((_, replicate) => mean(values.map((own) => own[replicate])) - level);
  const squares = values.flatMap((own) => own.map((value, r) => (value - mean(own) - shared[r]) ** 2));
  const freedom = (values.length - 1) * (replicates - 1);
  const error = mean(table.flat().map(({ errors }) => errors[metric]));
  return Math.sqrt(squares.reduce((a, b) => a + b, 0) / freedom) / error;
}

/** Prints, for each policy, what it chose wrongly, how often it chose right, and what it took; and the noise. */
export function simulate(rows, json) {
  const states = statesOf(rows);
  const spreads = states.map((state) => ({
    set: state.set,
    frames: Math.min(...state.candidates.map(({ factors }) => factors.frames)),
    videos: state.rows[0].score.videos,
    loss: spreadOf(state, 'loss'),
    accuracy: spreadOf(state, 'accuracy'),
  }));
  const inFull = states.filter(({ candidates }) => candidates.every((one) => one.inFull !== undefined));
  const lines = Object.entries(POLICIES).map(([name, policy]) => ({
    policy: name,
    ...simulated(policy, states, 'truth'),
    ...(inFull.length > 0 ? { inFull: simulated(policy, inFull, 'inFull').regret } : {}),
  }));
  if (json) {
    console.log(
      JSON.stringify({ states: states.length, trainings: rows.length, lines, spreads }, undefined, 2),
    );
    return;
  }
  const figure = ({ mean: value, error }, digits = 3) =>
    `${value.toFixed(digits)} ± ${error.toFixed(digits)}`;
  const table = new Table({
    head: ['policy', 'regret, nats', 'regret in full', 'right winner', 'cost, trainings per candidate'],
    style: { head: [], border: [] },
  });
  for (const { policy, regret, inFull: full, right, cost } of lines)
    table.push([policy, figure(regret), full ? figure(full) : '', figure(right, 2), figure(cost, 2)]);
  console.log(`${rows.length} trainings of ${states.length} states\n${table}`);
  const noise = new Table({
    head: ['set', 'from frames', 'videos', 'spread of the loss, errors', 'of the accuracy'],
    style: { head: [], border: [] },
  });
  for (const { set, frames, videos, loss, accuracy } of spreads)
    noise.push([set, frames, videos, loss.toFixed(2), accuracy.toFixed(2)]);
  console.log(`${noise}`);
}
