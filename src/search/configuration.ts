/** The one schema of a search's configuration: for files, flags and HTTP alike. */
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { DataConfiguration } from '../data/configuration.js';
import { X3dError } from '../errors.js';
import { STEP_RULES } from '../flops/axis.js';
import { BASES, type BaseName } from '../network/index.js';
import { RECIPES, Recipe } from '../training/recipe.js';
import { mismatches, shown } from '../validation.js';

const NAMES = Object.keys(BASES) as BaseName[];

export const CRITERIA = ['accuracy', 'loss'] as const;
export type Criterion = (typeof CRITERIA)[number];
export const COMPLEXITIES = ['multiplyAdds', 'parameters', 'activationBytes'] as const;
export type Complexity = (typeof COMPLEXITIES)[number];

const common = {
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'For people.' })),
  data: DataConfiguration,
};
const choices = {
  base: Type.Enum(NAMES, { description: 'What the search starts from. Default x2d-micro.' }),
  criterion: Type.Enum([...CRITERIA], {
    description: 'What decides a round, on the validation videos. Default accuracy.',
  }),
  complexity: Type.Enum([...COMPLEXITIES], { description: 'What the target counts. Default multiplyAdds.' }),
  stepRule: Type.Enum([...STEP_RULES], {
    description: 'How far a step goes. Default at-most-double.',
  }),
  seed: Type.Integer({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'Of every training in the search. Default 0.',
  }),
};
/** The largest network that was ever published for videos takes a seventh of it. */
const MOST_TARGET = 1e12;
const memory = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: 1e15,
    description:
      'Bytes that one training may take, as estimated: larger batches are taken in parts, networks that do not fit left out. Default: the least that a worker at work has for one.',
  }),
);

/** A configuration as users write it. */
export const SearchInput = Type.Object(
  {
    ...common,
    target: Type.Union([Type.Number({ exclusiveMinimum: 0 }), Type.String({ maxLength: 40 })], {
      description: 'The complexity of the network wanted, as a number or like "600M" or "1.5G".',
    }),
    ...(Object.fromEntries(
      Object.entries(choices).map(([key, schema]) => [key, Type.Optional(schema)]),
    ) as unknown as {
      [Key in keyof typeof choices]: ReturnType<typeof Type.Optional<(typeof choices)[Key]>>;
    }),
    memory,
    recipe: Type.Optional(Type.Partial(Recipe, { additionalProperties: false })),
  },
  { additionalProperties: false },
);
export type SearchInput = Static<typeof SearchInput>;

/** A configuration with every default filled in, as a search keeps it. */
export const SearchConfiguration = Type.Object(
  {
    ...common,
    target: Type.Number({ exclusiveMinimum: 0, maximum: MOST_TARGET }),
    ...choices,
    memory,
    recipe: Recipe,
  },
  { additionalProperties: false },
);
export type SearchConfiguration = Static<typeof SearchConfiguration>;

const searchInput = Compile(SearchInput);

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** 600000000 of 600000000, "600M" or "0.6G". Throws X3dError invalid-input. */
export function parseAmount(amount: number | string, field: string): number {
  const match = /^\s*(\d+(?:\.\d+)?(?:e\+?\d+)?)\s*([KMGT]?)\s*$/i.exec(String(amount));
  const value = Number(match?.[1]) * (UNITS[(match?.[2] ?? '').toUpperCase()] ?? Number.NaN);
  if (Number.isFinite(value) && value > 0) return Math.round(value);
  throw new X3dError('invalid-input', {
    subject: field,
    expected: 'a number above zero, or one with K, M, G or T, like "600M"',
    got: shown(amount),
  });
}

/** Throws X3dError invalid-input that names the field, the value and what is allowed. */
export function resolveConfiguration(input: unknown): SearchConfiguration {
  if (!searchInput.Check(input)) {
    const [first] = mismatches(searchInput, input);
    throw new X3dError('invalid-input', {
      subject: first?.field || 'the configuration',
      expected: first?.expected ?? 'a valid configuration',
      got: first?.got ?? shown(input),
    });
  }
  const target = parseAmount(input.target, 'target');
  if (target > MOST_TARGET)
    throw new X3dError('invalid-input', {
      subject: 'target',
      expected: 'at most 1T',
      got: shown(input.target),
    });
  const { base = 'x2d-micro', criterion = 'accuracy', complexity = 'multiplyAdds' } = input;
  return {
    ...input,
    target,
    base,
    criterion,
    complexity,
    stepRule: input.stepRule ?? 'at-most-double',
    seed: input.seed ?? 0,
    recipe: { ...RECIPES[base], ...input.recipe },
  };
}
