/** The other pictures of a search: curves, factors as they grew, who ran what when, which classes are taken for which. */
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { describe, expect, test } from 'vitest';
import { classRows, confusionSpecification } from '../../src/search/charts/confusion.js';
import { curveRows, curvesSpecification } from '../../src/search/charts/curves.js';
import { growthRows, growthSpecification } from '../../src/search/charts/growth.js';
import { spansOf, timelineSpecification } from '../../src/search/charts/timeline.js';
import { EVENTS_VERSION } from '../../src/search/events.js';
import { DARK, LIGHT } from '../../src/search/picture.js';
import { trajectoryOf } from '../../src/search/trajectory.js';
import type { Trajectory } from '../../src/search/views.js';
import { configured, searched, wonBy } from './searching.js';

const { state, events } = searched(configured({ target: '0.15G' }), wonBy('b', 'tau', 's'));
const trajectory = trajectoryOf(state);

/** Vega-Lite says so where a specification is none. */
const compiles = (specification: TopLevelSpec | undefined) => {
  expect(specification).toBeDefined();
  const warnings: unknown[] = [];
  const logger = {
    warn: (said: unknown) => warnings.push(said),
    info() {},
    debug() {},
    error() {},
    level() {},
  };
  compile(specification as TopLevelSpec, { logger: logger as never });
  expect(warnings).toEqual([]);
};

describe('curves', () => {
  const point = (step: number) => ({ step, loss: 2 - step / 10, accuracy: step / 20, learningRate: 0.1 });
  const curves = [
    { name: 'own', points: [point(1), { ...point(2), validation: { accuracy: 0.5, loss: 1 } }] },
    { name: 'other', points: [point(1)], behind: true },
  ];

  test('have a row a point, and one where videos validated, shares in percent', () => {
    expect(curveRows(curves, 'accuracy')).toEqual([
      { training: 'own', on: 'training clips', step: 1, value: 5, behind: false },
      { training: 'own', on: 'training clips', step: 2, value: 10, behind: false },
      { training: 'own', on: 'validation videos', step: 2, value: 50, behind: false },
      { training: 'other', on: 'training clips', step: 1, value: 5, behind: true },
    ]);
    expect(curveRows(curves, 'loss')[0]).toMatchObject({ value: 1.9 });
    compiles(curvesSpecification(curves, 'loss', DARK));
  });

  test('are none without points', () => {
    expect(curvesSpecification([{ name: 'own', points: [] }], 'loss')).toBeUndefined();
  });
});

test('factors grow from 1, by what each round won, to those of the network found', () => {
  const rows = growthRows(trajectory);
  const of = (factor: string) => rows.filter((row) => row.factor === factor).map(({ times }) => times);
  expect(of('bottleneck').slice(0, 2)).toEqual([1, 2.25]);
  expect(of('frames of a clip').slice(0, 3)).toEqual([1, 1, 2]);
  expect(of('crop').at(-1)).toBe((trajectory.final?.factors.crop ?? 0) / 112);
  expect(rows.at(-1)?.network).toBe('the network found');
  compiles(growthSpecification(trajectory));
  // Of a search that has not chosen yet there would be one point.
  const [first] = trajectory.rounds;
  const { final: _, ...rest } = trajectory;
  const begun = { ...rest, rounds: first ? [{ ...first, winner: undefined }] : [] } as unknown as Trajectory;
  expect(growthRows(begun).length).toBeGreaterThan(0);
  expect(growthSpecification(begun)).toBeUndefined();
});

describe('who ran what when', () => {
  const [proposed] = events.filter((event) => event.kind === 'training-proposed');
  const training = proposed?.kind === 'training-proposed' ? proposed.training : '';
  const at = (second: number) => new Date(1000 * second).toISOString();
  const v = EVENTS_VERSION;
  const begun = (worker: string, second: number) =>
    ({ kind: 'training-started', v, at: at(second), training, worker }) as const;

  test('is a bar from the start of a training to its end, named for people', () => {
    const ended = events.find((event) => event.kind === 'training-finished' && event.training === training);
    expect(ended).toBeDefined();
    const spans = spansOf([begun('one', 0), ...events], trajectory, at(9000));
    expect(spans).toEqual([
      { worker: 'one', training, of: 'round 1: tau = t', from: at(0), to: ended?.at, ended: 'finished' },
    ]);
    compiles(timelineSpecification(spans));
  });

  test('shows a training that another worker took up as two bars, and one under way up to now', () => {
    expect(spansOf([begun('one', 0), begun('two', 5)], trajectory, at(9))).toMatchObject([
      { worker: 'one', from: at(0), to: at(5), ended: 'stopped' },
      { worker: 'two', from: at(5), to: at(9), ended: 'under way' },
    ]);
    const paused = { kind: 'search-paused', v, at: at(3) } as const;
    expect(spansOf([begun('one', 0), paused], trajectory, at(9))).toMatchObject([
      { to: at(3), ended: 'stopped' },
    ]);
  });
});

test('of each class there is how many of its videos were recognised, and how many were taken for it', () => {
  const confusion = [
    [3, 1],
    [0, 0],
  ];
  expect(classRows(['jump', 'wave'], confusion)).toEqual([
    { class: 'jump', videos: 4, right: 3, accuracy: 75, predicted: 3 },
    { class: 'wave', videos: 0, right: 0, accuracy: undefined, predicted: 1 },
  ]);
  compiles(confusionSpecification(['jump', 'wave'], confusion));
});

test.each([LIGHT, DARK])('cells of the matrix without a video are as the ground, $ground', async (look) => {
  const specification = confusionSpecification(
    ['jump', 'wave'],
    [
      [2, 0],
      [0, 2],
    ],
    look,
  );
  const view = await new View(parse(compile(specification).spec), { renderer: 'none' }).runAsync();
  const colour = view.scale('color') as (share: number) => string;
  view.finalize();
  expect(colour(0)).toBe(look.ground === 'white' ? 'rgb(255, 255, 255)' : 'rgb(20, 24, 29)');
});
