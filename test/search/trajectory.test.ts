/** Whole searches on made-up results: which way they go, where they end, and what they say about it. */
import { describe, expect, test } from 'vitest';
import { BASES, describeNetwork, MODELS } from '../../src/network/index.js';
import { counted } from '../../src/search/counted.js';
import type { CandidateCost } from '../../src/search/events.js';
import { candidatesIn, type SearchState } from '../../src/search/state.js';
import { candidateViewOf, trajectoryOf } from '../../src/search/trajectory.js';
import { trainingBytes } from '../../src/training/memory.js';
import { RECIPES } from '../../src/training/recipe.js';
import { tableOfBase } from '../flops/tables.js';
import {
  configured,
  dataset,
  diverged,
  type Ending,
  finalFactors,
  scored,
  searched,
  winners,
  wonBy,
} from './searching.js';

/** Of a round, from 0. */
const candidates = (state: SearchState, index: number) => {
  const round = state.rounds[index];
  return round ? candidatesIn(state, round) : [];
};

const PUBLISHED = ['b', 'tau', 's', 'd', 't', 'tau', 't', 's', 's', 'd', 'w'] as const;

describe('the published search', () => {
  test('goes from X2D to X3D-XL in eleven rounds, with the published multiply-adds', () => {
    const { state } = searched(configured({ target: 35_837_627_616 }), wonBy(...PUBLISHED));
    expect(winners(state)).toEqual(PUBLISHED);
    const costs = state.rounds.map(({ cost }) => Number((cost.multiplyAdds / 1e9).toFixed(4)));
    expect(costs).toEqual([
      0.0207, 0.041, 0.0802, 0.1534, 0.3036, 0.6053, 1.2087, 2.4154, 4.7325, 9.4516, 18.3677,
    ]);
    expect(state.final).toMatchObject({
      factors: MODELS.XL,
      cost: { multiplyAdds: 35_837_627_616, parameters: 11_000_260 },
    });
    expect(state).toMatchObject({ status: { kind: 'ended' } });
    expect(state.contraction).toBeUndefined();
  });

  test('asked for 2 GF, takes the frames of its last step back from 16 to the 13 of X3D-S', () => {
    const { state } = searched(configured({ target: '2G' }), wonBy(...PUBLISHED));
    expect(state.contraction).toMatchObject({
      axis: 't',
      from: { ...MODELS.S, frames: 16, stride: 5 },
      to: { ...MODELS.S, stride: 5 },
      cost: { multiplyAdds: 1_962_892_112 },
    });
    expect(finalFactors(state)).toEqual({ ...MODELS.S, stride: 5 });
  });

  test('asks for six candidates a round, but in the first, where tau and t are one', () => {
    const { state } = searched(configured({ target: '0.7G' }), wonBy(...PUBLISHED));
    expect(state.rounds.map(({ entrants }) => entrants.length)).toEqual([5, 5, 6, 6, 6, 6]);
    expect(candidates(state, 0)[0]).toMatchObject({
      axes: ['tau', 't'],
      factors: { frames: 2, stride: 16 },
    });
  });

  test('credits a network that two axes come to with both of them', () => {
    const { state } = searched(configured(), wonBy('b', 't', 's', 'd', 't'));
    expect(state.rounds[1]?.winner).toMatchObject({ axes: ['tau', 't'] });
  });
});

describe('a round', () => {
  const endings = (byAxis: Record<string, ReturnType<typeof scored> | typeof diverged>) =>
    searched(configured({ target: '30M' }), ({ axes }) => byAxis[axes[0] ?? ''] ?? scored(0.1)).state;

  test('is won by the highest accuracy', () => {
    expect(endings({ s: scored(0.6), b: scored(0.7) }).rounds[0]?.winner).toMatchObject({
      axes: ['b'],
      choice: { decidedBy: 'accuracy', trainings: 5, undecided: false },
    });
  });

  test('of equal accuracies is won by the lower validation loss, and says so', () => {
    const state = endings({ s: scored(0.7, 0.9), b: scored(0.7, 0.8) });
    expect(state.rounds[0]?.winner).toMatchObject({ axes: ['b'], choice: { decidedBy: 'loss' } });
    expect(trajectoryOf(state).rounds[0]?.winner?.choice.decidedBy).toBe('loss');
  });

  test('of equal accuracies and losses is won by the lower cost, and says so', () => {
    const state = endings({ s: scored(0.7, 0.9), w: scored(0.7, 0.9), b: scored(0.7, 0.9) });
    const costs = candidates(state, 0).map(({ axes, cost }) => [axes[0], cost.multiplyAdds] as const);
    const cheapest = costs
      .filter(([axis]) => 'swb'.includes(axis ?? '-'))
      .sort((a, b) => a[1] - b[1])[0]?.[0];
    expect(state.rounds[0]?.winner).toMatchObject({
      axes: [cheapest],
      choice: { decidedBy: 'cost' },
    });
  });

  test('with one candidate that has a result is not won by that one', () => {
    const { state } = searched(configured({ target: '30M' }), ({ round, axes }) =>
      round === 0 || axes[0] === 'd' ? scored(0.2) : diverged,
    );
    expect(state.rounds[0]?.winner).toBeUndefined();
    expect(state.status.kind).toBe('paused');
    expect(trajectoryOf(state).rounds[0]?.candidates[0]).toMatchObject({
      state: 'failed',
      trainings: [{ state: 'failed', failure: diverged }],
    });
  });

  test('is decided by the loss where the criterion is the loss', () => {
    const { state } = searched(configured({ target: '30M', criterion: 'loss' }), ({ axes }) =>
      axes[0] === 'w' ? scored(0.3, 0.1) : scored(0.9, 0.5),
    );
    expect(state.rounds[0]?.winner).toMatchObject({ axes: ['w'], choice: { decidedBy: 'loss' } });
  });
});

describe('the complexity', () => {
  test.each(['multiplyAdds', 'parameters', 'activationBytes', 'latency'] as const)(
    '%s bounds each step and the network found',
    (complexity) => {
      const target = { multiplyAdds: 100e6, parameters: 3e6, activationBytes: 20e6, latency: 60 }[complexity];
      const table = complexity === 'latency' ? { deviceTable: tableOfBase('x2d') } : {};
      const { state } = searched(configured({ complexity, target, ...table }), ({ axes }) =>
        scored(axes[0] === 'b' ? 0.4 : 0.3),
      );
      expect(state.status.kind).toBe('ended');
      const cost = (of: CandidateCost | undefined) => of && counted(of, complexity);
      expect(cost(state.final?.cost)).toBeLessThanOrEqual(target);
      for (const round of state.rounds)
        for (const candidate of candidatesIn(state, round))
          expect(cost(candidate.cost)).toBeLessThanOrEqual(2.5 * counted(round.cost, complexity));
    },
  );

  test('that an axis does not change leaves that axis out, and says why', () => {
    const { state } = searched(configured({ complexity: 'parameters', target: 3e6 }), () => scored(0.5));
    expect(state.rounds[0]?.skipped).toEqual([
      { axis: 'tau', reason: 'frames does not change the cost' },
      { axis: 't', reason: 'frames does not change the cost' },
      { axis: 's', reason: 'crop does not change the cost' },
    ]);
  });
});

describe('what forbids a candidate', () => {
  const limited = (limits: object, changes: object = {}) =>
    searched(configured({ target: '50M', ...changes }), wonBy('b', 'd', 'w'), {
      ...dataset,
      limits: { ...dataset.limits, ...limits },
    }).state;

  test('is a clip longer than the videos', () => {
    const state = limited({ maxSpan: 16 });
    expect(state.rounds[0]?.skipped).toEqual(
      ['tau', 't'].map((axis) => ({
        axis,
        reason: 'a clip would span 17 source frames; the training videos allow 16',
      })),
    );
    expect(candidates(state, 0).map(({ axes }) => axes[0])).toEqual(['s', 'd', 'w', 'b']);
    expect(limited({ maxSpan: 17 }).rounds[0]?.skipped).toEqual([]);
  });

  test('is a crop larger than the videos', () => {
    expect(limited({ maxCrop: 159 }).rounds[0]?.skipped).toEqual([
      { axis: 's', reason: "a crop of 160 px; the videos' size allows 159" },
    ]);
    expect(limited({ maxCrop: 160 }).rounds[0]?.skipped).toEqual([]);
  });

  test('is memory that the configuration does not allow', () => {
    const least = candidates(limited({}), 0).map(
      ({ axes, factors }) =>
        [axes, trainingBytes(describeNetwork(BASES.x2d, factors), 1, 2 * RECIPES.x2d.batchSize)] as const,
    );
    const [memory = 0] = least.map(([, bytes]) => bytes).sort((a, b) => a - b);
    const [round] = limited({}, { memory }).rounds;
    expect(round?.entrants).toHaveLength(1);
    expect(round?.skipped).toEqual(
      least
        .filter(([, bytes]) => bytes > memory)
        .flatMap(([axes, bytes]) =>
          axes.map((axis) => ({
            axis,
            reason: `training one clip at a time would take about ${bytes} bytes; the configuration allows ${memory}`,
          })),
        ),
    );
  });
});

describe('the end of a search', () => {
  test('on a base that meets the target is that base, with no round trained', () => {
    const { state, events } = searched(configured({ target: 20_662_304 }), () => scored(0.5));
    expect(events.map(({ kind }) => kind)).toEqual([
      'search-created',
      'round-started',
      'final-proposed',
      'training-proposed',
      'training-finished',
      'search-ended',
    ]);
    expect(finalFactors(state)).toEqual(MODELS.X2D);
  });

  test('where no axis can move says that the target can not be reached, and trains what there is', () => {
    const { state } = searched(configured({ target: '1G', complexity: 'multiplyAdds', memory: 1 }), () =>
      scored(0.5),
    );
    expect(state.unreachable).toMatch(
      /^no axis can move from 20662304 multiplyAdds towards 1000000000: tau: training one clip/,
    );
    expect(trajectoryOf(state)).toMatchObject({ status: 'ended', unreachable: state.unreachable });
    expect(finalFactors(state)).toEqual(MODELS.X2D);
  });

  test('where every candidate failed waits for a person, and says why each did', () => {
    const { state } = searched(configured(), () => diverged);
    expect(trajectoryOf(state)).toMatchObject({
      status: 'paused',
      reason:
        '5 of 5 candidates failed for good (tau = t: not-a-number, the loss is not a number; ' +
        's: not-a-number, the loss is not a number; d: not-a-number, the loss is not a number; ' +
        'w: not-a-number, the loss is not a number; b: not-a-number, the loss is not a number)',
    });
  });

  test('where the network found can not be trained in full waits for a person with that reason', () => {
    const { state } = searched(configured({ target: '30M' }), ({ round }) =>
      round === 0 ? diverged : scored(0.5),
    );
    expect(state.status).toMatchObject({
      kind: 'paused',
      reason: 'the training failed for good (the network found: not-a-number, the loss is not a number)',
    });
  });

  test('without test videos notes that the final figure is on those that chose the network', () => {
    const of = (test: number) =>
      trajectoryOf(
        searched(configured({ target: '30M' }), () => scored(0.5), {
          ...dataset,
          parts: { ...dataset.parts, test },
        }).state,
      ).notes;
    expect(of(0)).toEqual([expect.stringMatching(/^The data have no test part/)]);
    expect(of(20)).toEqual([]);
  });
});

describe('a candidate', () => {
  const { state } = searched(configured({ target: '2G' }), wonBy(...PUBLISHED));

  test('is shown as the last of its rounds judges it, or as what was taken back to the target', () => {
    const { rounds, contraction } = trajectoryOf(state);
    for (const candidate of rounds.flatMap(({ candidates }) => candidates))
      expect(candidateViewOf(state, candidate.id)).toEqual(candidate);
    expect(contraction?.candidate).toBeDefined();
    expect(candidateViewOf(state, contraction?.candidate?.id ?? '')).toEqual(contraction?.candidate);
  });

  test('that the search does not have is none', () => {
    expect(candidateViewOf(state, 'n000000000000')).toBeUndefined();
  });
});

describe('a step that is taken back to the target', () => {
  /** The published search towards 2 GF, whose last step is taken back from 16 frames to 13. */
  const overshot = (contracted: Ending) =>
    searched(configured({ target: '2G' }), (asked) =>
      asked.round > 0 && asked.factors.frames === 13 ? contracted : wonBy(...PUBLISHED)(asked),
    ).state;

  test('is trained as a candidate, and kept where it is no worse than the network before it', () => {
    const state = overshot(scored(0.9));
    expect(trajectoryOf(state).contraction?.candidate?.state).toBe('finished');
    expect(finalFactors(state)).toEqual(state.contraction?.to);
    expect(state.final).toMatchObject({
      candidate: state.contraction?.candidate,
      reason: 'the last step, taken back to the target',
    });
  });

  test.each([
    ['is worse', scored(0.8)],
    ['is as accurate with a higher loss', scored(0.9, 0.2)],
  ])('is given up for the network before it where it %s', (_, ending) => {
    const state = overshot(ending);
    expect(finalFactors(state)).toEqual(state.rounds.at(-1)?.factors);
    expect(state.final).toMatchObject({
      candidate: state.rounds.at(-2)?.winner?.candidate,
      reason: expect.stringMatching(/^the network before the last step: .* less accurate$/),
    });
  });

  test('waits for a person where it could not be trained', () => {
    expect(overshot(diverged).status).toMatchObject({
      kind: 'paused',
      reason: expect.stringContaining('failed'),
    });
  });

  test('needs no comparison in the first round, whose network was never trained', () => {
    const { state } = searched(configured({ target: '0.03G' }), wonBy('b'));
    expect(state.contraction?.candidate).toBeUndefined();
    expect(finalFactors(state)).toEqual(state.contraction?.to);
  });
});
