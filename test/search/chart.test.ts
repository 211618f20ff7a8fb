/** The pictures of searches, as data: what each layer shows. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { describe, expect, test } from 'vitest';
import { trajectorySpecification } from '../../src/search/chart.js';
import { comparisonSpecification } from '../../src/search/comparison.js';
import { svgOf } from '../../src/search/drawing.js';
import { foundIn, LIGHT } from '../../src/search/picture.js';
import { trajectoryOf } from '../../src/search/trajectory.js';
import type { Trajectory } from '../../src/search/views.js';
import { fewClasses } from './arbitraries.js';
import { configured, configuredOn, type Results, scored, searched, wonBy } from './searching.js';

const GIVEN = { steps: 1000, learningRate: 0.1, mixup: 0 };
const raced = (results: Results, changes: object = {}): Trajectory => {
  const input = { base: 'x2d-micro', method: 'race', target: '3M', recipe: GIVEN, ...changes };
  return trajectoryOf(searched(configuredOn(fewClasses, input), results, fewClasses).state);
};
/** The crop wins the first round beyond chance; the next rounds can't tell; no exchange is as good. */
const byCrop: Results = ({ round, axes }) =>
  axes.length > 0 && (round > 1 || axes[0] === 's') ? scored(0.9, 0.2) : scored(0.3, 1.4);
const trajectory = raced(byCrop);
/** The published search towards 2 GF, which ends on its contraction. */
const contracted = (): Trajectory =>
  trajectoryOf(
    searched(configured({ target: '2G' }), wonBy('b', 'tau', 's', 'd', 't', 'tau', 't', 's', 's', 'd', 'w'))
      .state,
  );

type Value = Readonly<Record<string, unknown>>;
/** The values that a mark is drawn at, by the mark's own properties. */
const drawn = (specification: object | undefined, mark: object): readonly Value[] => {
  const { layer = [] } = (specification ?? {}) as { layer?: { mark: object; data: { values: Value[] } }[] };
  const found = layer.filter((one) =>
    Object.entries(mark).every(([key, value]) => (one.mark as Value)[key] === value),
  );
  expect(found, JSON.stringify(mark)).not.toHaveLength(0);
  return found.flatMap(({ data }) => data.values);
};

interface Words {
  readonly text: string;
  readonly bounds: { readonly x1: number; readonly x2: number; intersects(other: unknown): boolean };
}
interface Item extends Partial<Words> {
  readonly items?: readonly Item[];
  readonly marktype?: string;
  readonly role?: string;
}
/** What is written in the plot of a picture, and where. */
async function wordsOf(specification: TopLevelSpec): Promise<Words[]> {
  const view = await new View(parse(compile(specification).spec), { renderer: 'none' }).runAsync();
  const words: Words[] = [];
  const visit = ({ items = [], marktype, role }: Item) => {
    for (const item of items)
      if (marktype === 'text' && role === 'mark') words.push(item as Words);
      else visit(item);
  };
  visit((view.scenegraph() as unknown as { readonly root: Item }).root);
  view.finalize();
  return words;
}

describe("a search's picture", () => {
  test('has every candidate that was measured, with one standard error on both sides, and not those of the recipe', () => {
    const own = raced(byCrop, { recipe: { steps: 1000 } });
    const [recipe, ...rounds] = own.rounds;
    expect(recipe?.step).toBe('recipe');
    const bars = drawn(trajectorySpecification(own), { type: 'rule', opacity: 0.45 });
    expect(bars).toHaveLength(rounds.flatMap(({ candidates }) => candidates).length);
    const [first] = rounds[0]?.candidates ?? [];
    const { mean = 0, error = 0 } = first?.estimates?.accuracy ?? {};
    expect(error).toBeGreaterThan(0);
    expect(bars[0]).toMatchObject({
      cost: first?.cost.multiplyAdds,
      accuracy: 100 * mean,
      low: 100 * Math.max(0, mean - error),
      high: 100 * Math.min(1, mean + error),
    });
  });

  test('names what each round changed, with a question mark where it is within the noise', () => {
    const words = { type: 'text', fontSize: 11 };
    const labels = drawn(trajectorySpecification(trajectory), words).filter(({ round }) => round);
    expect(labels.map(({ text }) => text)).toContain('1: s');
    const undecided = new Map(
      trajectory.rounds.map(({ round, winner }) => [round, winner?.choice.undecided]),
    );
    expect([...undecided.values()]).toContain(true);
    expect(new Set(labels.map(({ ink }) => ink))).toEqual(new Set([LIGHT.ink]));
    for (const { text, round } of labels)
      expect(String(text).endsWith('?')).toBe(undecided.get(round as number));
    // The exchanges left the network as it was.
    const last = trajectory.rounds.at(-1);
    expect(last?.step).toBe('exchange');
    expect(last?.candidates.find(({ id }) => id === last.winner?.candidate)?.change).toBe('as it is');
    expect(labels.map(({ round }) => round)).not.toContain(last?.round);
  });

  test.each([640, 280])('has no words over each other where it is %i pixels wide', async (width) => {
    const own = contracted();
    const specification = { ...trajectorySpecification(own, LIGHT, width), width } as TopLevelSpec;
    const boxes = await wordsOf(specification);
    const words = boxes.map(({ text }) => text);
    // Each round is named, in full where there is room; a published network too.
    expect(words.filter((text) => /^\d+(: .*|\??)$/.test(text))).toHaveLength(own.rounds.length);
    expect(words).toContain('1: b');
    expect(words.filter((text) => /^(X2D|(X3D-)?(XS|S))$/.test(text))).not.toEqual([]);
    for (const { bounds } of boxes) expect(bounds.x1 >= 0 && bounds.x2 <= width).toBe(true);
    for (const [index, { bounds }] of boxes.entries())
      for (const other of boxes.slice(index + 1)) expect(bounds.intersects(other.bounds)).toBe(false);
  });

  test('ends at the network found, once it was trained in full', () => {
    const { final } = trajectory;
    const of = (one: Trajectory) =>
      drawn(trajectorySpecification(one), { type: 'point', shape: 'diamond' }).map(({ cost }) => cost);
    expect(of(trajectory)).toEqual([final?.cost.multiplyAdds]);
    const { final: _, ...unfinished } = trajectory;
    expect(of(unfinished)).toEqual([]);
  });

  test('is none where nothing was measured yet', () => {
    expect(trajectorySpecification({ ...trajectory, rounds: [] })).toBeUndefined();
  });
});

describe('the picture of several searches', () => {
  test('shows what each found once, and all else beside it', () => {
    const trajectories = [trajectory, raced(byCrop, { seed: 1, name: 'another' })];
    const specification = comparisonSpecification(trajectories);
    const found = drawn(specification, { shape: 'diamond' });
    expect(found.map(({ search }) => search)).toEqual(['s1 (race, seed 0)', 'another (race, seed 1)']);
    const others = drawn(specification, { type: 'point', size: 60 });
    const all = trajectories.flatMap(({ rounds }) => rounds.flatMap(({ candidates }) => candidates));
    expect(others.length + found.length).toBe(all.length);
  });

  test('shows a network that was taken back to the target too', () => {
    const own = contracted();
    expect(foundIn(own)).toEqual(own.contraction?.candidate);
    expect(drawn(comparisonSpecification([own]), { shape: 'diamond' })).toMatchObject([
      { cost: own.final?.cost.multiplyAdds, accuracy: 90 },
    ]);
  });
});

test('pictures are drawn as SVG', async () => {
  for (const specification of [trajectorySpecification(trajectory), comparisonSpecification([trajectory])]) {
    const svg = await svgOf(specification as NonNullable<typeof specification>);
    expect(svg).toMatch(/^<svg .*validation accuracy, %.*<\/svg>$/s);
    expect(svg).not.toContain('NaN');
  }
});

test('what makes the data of pictures can be loaded by a browser: nothing of it is of Node, nor a package', () => {
  const seen = new Set<string>();
  const visit = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [, from = ''] of readFileSync(file, 'utf8').matchAll(
      /^(?:import|export) (?!type\b)[^;]*?from '([^']+)'/gms,
    )) {
      expect(from, file).toMatch(/^\.\.?\//);
      visit(resolve(dirname(file), from.replace(/\.js$/, '.ts')));
    }
  };
  visit(resolve('src/search/chart.ts'));
  visit(resolve('src/search/comparison.ts'));
  expect(seen.size).toBeGreaterThan(3);
});
