/** Tables of searches, as a terminal of 80 columns shows them. */
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { broken } from '../../src/cli/table.js';
import { choiceText, phaseTable, trajectoryTable } from '../../src/cli/tables.js';
import { trajectoryOf } from '../../src/search/trajectory.js';
import type { TrainingProgress } from '../../src/training/training.js';
import { fewClasses } from '../search/arbitraries.js';
import {
  configured,
  configuredOn,
  created,
  nextEvents,
  scored,
  withEvents,
  wonBy,
} from '../search/searching.js';

const linesOf = (text: string) => stripVTControlCharacters(text).split('\n');

/** What is shown on the way of a search, with all that trains under way. */
function* shownOn(method: string, changes: object = {}) {
  const data = { ...fewClasses, folds: 3 };
  const configuration =
    method === 'paper'
      ? configured({ target: '2G', ...changes })
      : configuredOn(data, { base: 'x2d-micro', method, target: '12M', ...changes });
  const results =
    method === 'paper'
      ? wonBy('b', 'tau', 's', 'd', 't', 'tau', 't', 's', 's', 'd', 'w')
      : () => scored(0.5, 1);
  let state = created(configuration, data);
  const phases = ['data', 'training', 'statistics', 'evaluation'] as const;
  for (let next = nextEvents(state, results); next; next = nextEvents(state, results)) {
    state = withEvents(state, next);
    const { kind } = state.phase;
    // Every one of the few of a kind, and some of the many.
    if (kind === 'round' && state.version % 9 > 1) continue;
    const trajectory = trajectoryOf(state);
    const progress: TrainingProgress = {
      phase: phases[state.version % 4] as 'data',
      done: 3,
      of: 10,
      secondsLeft: 754,
    };
    const open = state.candidates.flatMap(({ trainings }) =>
      trainings.map(({ id }) => [id, progress] as const),
    );
    yield { trajectory, text: `${phaseTable(trajectory, new Map(open))}\n${trajectoryTable(trajectory)}` };
  }
}

describe('the tables of a search', () => {
  test.each(['race', 'paper', 'random'])('by %s are at no time wider than 80 columns', (method) => {
    let seen = 0;
    for (const { text } of shownOn(method)) {
      seen += 1;
      for (const line of linesOf(text)) expect(line.length, line).toBeLessThanOrEqual(80);
    }
    expect(seen).toBeGreaterThan(10);
  });

  test('show the phase that the search is in: candidates, the step taken back, the network found', () => {
    const kinds = new Map<string, string>();
    for (const { trajectory, text } of shownOn('paper')) kinds.set(trajectory.phase.kind, text);
    expect([...kinds.keys()].sort()).toEqual(['chosen', 'contraction', 'final', 'round']);
    expect(linesOf(kinds.get('contraction') ?? '')).toContainEqual(
      expect.stringMatching(/^t back +clip 16x5 -> /),
    );
    expect(linesOf(kinds.get('final') ?? '')).toContainEqual(
      expect.stringMatching(/^final +14x5, 160 px, {2}/),
    );
  });
});

test('a choice says in words how likely the winner is the best, and a candidate what its trainings took', () => {
  const choice = { undecided: true, trainings: 7, multiplyAdds: 1e9, probability: 0.344 };
  expect(choiceText({ ...choice, decidedBy: 'loss' })).toBe('undecided: loss, 34 % likely the best');
  expect(choiceText({ ...choice, undecided: false, decidedBy: 'accuracy', probability: 0.97 })).toBe(
    'accuracy, 97 % likely the best',
  );
  const tables = [...shownOn('race')].map(({ text }) => stripVTControlCharacters(text));
  // Several trainings of a candidate took so long together.
  expect(tables.join('\n')).toMatch(/ [2-9] in 0:0\d/);
  const last = tables.at(-1) ?? '';
  expect(last).toMatch(/ loss, \d+ %/);
  expect(last).toContain('how likely it is the best');
  expect(last).not.toMatch(/\bp \d/);
});

test('text is broken after commas, else between words, at no more than a width', () => {
  expect(broken('clip 4x13 -> 2x26, bottleneck 2.25 -> 5.5', 17)).toBe(
    'clip 4x13 ->\n2x26, bottleneck\n2.25 -> 5.5',
  );
  expect(broken('1x32, 112 px, w 1, b 1, d 1', 17)).toBe('1x32, 112 px,\nw 1, b 1, d 1');
  expect(broken('short', 17)).toBe('short');
  expect(broken('', 17)).toBe('');
  expect(broken('a longestword', 4)).toBe('a\nlongestword');
});
