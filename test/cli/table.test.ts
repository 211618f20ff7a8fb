/** Tables in terminals of any width. */
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { columns, wrapped } from '../../src/cli/table.js';
import { phaseTable, trajectoryTable } from '../../src/cli/tables.js';
import { trajectoryOf } from '../../src/search/trajectory.js';
import { configured, scored, searched } from '../search/searching.js';

const lines = (text: string) => stripVTControlCharacters(text).split('\n');
const widest = (text: string) => Math.max(...lines(text).map((line) => line.trimEnd().length));

const filled = () => {
  const table = columns(
    { name: 'left', 'multiply-adds': 'right', 'decided by': 'left', change: 'left' },
    { brief: { 'multiply-adds': 'cost' }, drop: ['decided by'], cut: ['change'] },
  );
  table.push(['tau', '6.1M', 'accuracy', 'clip 4x8 -> 8x4, crop 48 -> 64']);
  return table;
};

it('a table that fits is as it is', () => {
  expect(lines(filled().toString(80))).toEqual([
    'name  multiply-adds  decided by  change                        ',
    'tau            6.1M  accuracy    clip 4x8 -> 8x4, crop 48 -> 64',
  ]);
});

it('one that does not has shorter heads, then fewer columns, then cut ones', () => {
  expect(lines(filled().toString(54))).toEqual([
    'name  cost  decided by  change                        ',
    'tau   6.1M  accuracy    clip 4x8 -> 8x4, crop 48 -> 64',
  ]);
  expect(lines(filled().toString(53))[0]).toBe('name  cost  change                        ');
  expect(lines(filled().toString(30))).toEqual([
    'name  cost  change            ',
    'tau   6.1M  clip 4x8 -> 8x4, …',
  ]);
});

it('never cuts figures, and is never wider than it has to be', () => {
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 100 }), (room) => {
      const text = filled().toString(room);
      expect(text).toContain('6.1M');
      expect(widest(text)).toBeLessThanOrEqual(Math.max(room, 4 + 2 + 4 + 2 + 8));
    }),
  );
});

it("a search's tables fit 80 columns", () => {
  for (const method of ['paper', 'race', 'random'] as const) {
    const { state } = searched(configured({ method, target: '80M' }), ({ axes }) =>
      scored(axes[0] === 'b' ? 0.4 : 0.3),
    );
    const trajectory = trajectoryOf(state);
    process.stdout.columns = 80;
    try {
      expect(widest(trajectoryTable(trajectory))).toBeLessThanOrEqual(80);
      expect(widest(phaseTable(trajectory, new Map()))).toBeLessThanOrEqual(80);
    } finally {
      process.stdout.columns = Number.NaN;
    }
  }
});

it('what is said beside a label goes on below its beginning, and commands to be copied stay whole', () => {
  const text =
    'network     1x16, 48 px: 5,454,048 multiply-adds, 601,466 parameters\n  x3d-search run --config search.yaml --home data';
  expect(wrapped(text, 40).split('\n')).toEqual([
    'network     1x16, 48 px: 5,454,048',
    '            multiply-adds, 601,466',
    '            parameters',
    '  x3d-search run --config search.yaml --home data',
  ]);
  expect(wrapped(text, 100)).toBe(text);
});
