/** The one schema of a search's configuration: for files, flags and HTTP alike. */
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { DataConfiguration } from '../data/configuration.js';
import { X3dError } from '../errors.js';
import { STEP_RULES } from '../flops/axis.js';
import { checkedTable, LatencyTable } from '../flops/latency.js';
import { BASES, type BaseName } from '../network/index.js';
import { METRIC_NAMES } from '../training/metrics.js';
import {
  REFERENCE_GROUND,
  Recipe,
  type RecipeGround,
  RecipeInput,
  settleRecipe,
} from '../training/recipe.js';
import { Ancestor, Work } from '../training/training.js';
import { mismatches, shown } from '../validation.js';

const NAMES = Object.keys(BASES) as BaseName[];

export const METHOD_NAMES = ['race', 'paper', 'compound', 'random'] as const;
export type MethodName = (typeof METHOD_NAMES)[number];
export const COMPLEXITIES = ['multiplyAdds', 'parameters', 'activationBytes', 'latency'] as const;
export type Complexity = (typeof COMPLEXITIES)[number];

const exact = { additionalProperties: false };
/** The largest network that was ever published for videos takes a seventh of it. */
const MOST_TARGET = 1e12;
const MOST_MS = 3_600_000;
const Target = Type.Number({ exclusiveMinimum: 0, maximum: MOST_TARGET });

const common = {
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'For people.' })),
  data: DataConfiguration,
};
const choices = {
  method: Type.Enum([...METHOD_NAMES], {
    description:
      'How networks are proposed and chosen: race (expansion; short trainings, repeated where it is close), paper (the published rule: one training each, the most accurate wins), compound (all axes by one coefficient), random. Default race.',
  }),
  base: Type.Enum(NAMES, { description: 'What the search starts from. Default x2d-micro.' }),
  criterion: Type.Enum(METRIC_NAMES, {
    description:
      'What decides between networks on validation videos; where they do not differ beyond chance, the loss does. Default accuracy.',
  }),
  complexity: Type.Enum([...COMPLEXITIES], {
    description:
      'What the target counts. Default multiplyAdds; where the target is in milliseconds, latency, for which deviceTable is needed.',
  }),
  stepRule: Type.Enum([...STEP_RULES], {
    description: 'How far a step goes. Default at-most-double.',
  }),
  seed: Type.Integer({ minimum: 0, maximum: 2 ** 31, description: 'Of every training. Default 0.' }),
  finalOn: Type.Enum(['train', 'train-and-validation'], {
    description:
      'What the network found is trained on. Default train-and-validation where there is a test part, except with method paper.',
  }),
  onFailure: Type.Enum(['pause', 'go-on'], {
    description:
      'What happens where trainings of a round fail for good: pause (default) waits for a person; go-on leaves their candidates out where at least four of six have a result.',
  }),
};
const memory = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: 1e15,
    description:
      'Bytes that one training may take, as estimated: larger batches are taken in parts, networks that do not fit are left out. Default: the least that a worker at work has for one.',
  }),
);

const deviceTable = Type.Optional(LatencyTable);

export const Budget = Type.Object(
  {
    unit: Type.Enum(['multiply-adds', 'hours']),
    amount: Type.Number({ exclusiveMinimum: 0, maximum: 1e21 }),
  },
  {
    ...exact,
    description:
      'What all trainings of a search may take together: multiply-adds of their steps, or hours summed over the workers.',
  },
);
export type Budget = Static<typeof Budget>;

const optional = <Fields extends Record<string, Type.TSchema>>(fields: Fields) =>
  Object.fromEntries(
    Object.entries(fields).map(([key, schema]) => [key, Type.Optional(schema)]),
  ) as unknown as { [Key in keyof Fields]: Type.TOptional<Fields[Key]> };

/** A configuration as users write it. */
export const SearchInput = Type.Object(
  {
    ...common,
    target: Type.Union([Type.Number({ exclusiveMinimum: 0 }), Type.String({ maxLength: 40 })], {
      description:
        'The complexity of the network wanted, as a number or like "600M" or "1.5G"; a latency in milliseconds, or like "20ms".',
    }),
    ...optional(choices),
    deviceTable,
    memory,
    budget: Type.Optional(
      Type.String({
        maxLength: 40,
        description: 'What all trainings may take: multiply-adds like "5T", or hours of workers like "2h".',
      }),
    ),
    recipe: Type.Optional(RecipeInput),
    from: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description:
          "Weights that every training starts from: a run's id or folder, a network's folder, or a file of weights. Default: random ones.",
      }),
    ),
  },
  exact,
);
export type SearchInput = Static<typeof SearchInput>;

/** The same in a file. */
export const ConfigurationFile = Type.Object(
  {
    $schema: Type.Optional(Type.String({ description: 'Where this schema lies, for editors.' })),
    ...SearchInput.properties,
    deviceTable: Type.Optional(
      Type.Union([Type.String({ minLength: 1, maxLength: 4096 }), LatencyTable], {
        description: "A device's latencies, or the file that has them, as from this file's folder.",
      }),
    ),
  },
  {
    ...exact,
    title: "A search's configuration",
    description: 'What `x3d-search run --config` takes, as YAML or JSON; `x3d-search init` writes one.',
  },
);
export type ConfigurationFile = Static<typeof ConfigurationFile>;

/** It as JSON Schema, for editors and other programs. */
export const configurationSchema = () => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  ...ConfigurationFile,
});

/** A configuration with every default filled in, as a search keeps it. */
export const SearchConfiguration = Type.Object(
  {
    ...common,
    target: Target,
    ...choices,
    deviceTable,
    memory,
    budget: Type.Optional(Budget),
    recipe: Recipe,
    from: Type.Optional(
      Type.Object(
        { named: Type.String(), weights: Ancestor.properties.weights },
        { ...exact, description: 'What every training starts from, as it was named and as it is kept.' },
      ),
    ),
    /** Of whoever runs the service, and never of a request: it is a command. */
    trainer: Work.properties.trainer,
    /** Names of the recipe's fields that the user gave: they stay as given. */
    given: Type.Array(Type.String(), { description: 'Fields of the recipe that the user gave.' }),
    /** Of the base's one frame: how long a clip the search begins with, in frames of the reference rate. */
    clip: Type.Integer({
      minimum: 1,
      maximum: 1e6,
      description: 'Reference frames that the first clips stand for.',
    }),
  },
  exact,
);
export type SearchConfiguration = Static<typeof SearchConfiguration>;

const searchInput = Compile(SearchInput);

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 };

/** 600000000 of 600000000, "600M" or "0.6G". Throws X3dError invalid-input. */
export function parseAmount(amount: number | string, field: string): number {
  const match = /^\s*(\d+(?:\.\d+)?(?:e\+?\d+)?)\s*([KMGTPE]?)\s*$/i.exec(String(amount));
  const value = Number(match?.[1]) * (UNITS[(match?.[2] ?? '').toUpperCase()] ?? Number.NaN);
  if (Number.isFinite(value) && value > 0 && value <= 1e21) return Math.round(value);
  throw new X3dError('invalid-input', {
    subject: field,
    expected: 'a number above zero, or one with K, M, G, T or P, like "600M"',
    got: shown(amount),
  });
}

/** Milliseconds of 20, "20ms" or "0.02s"; undefined for what is in no such unit. */
function parseLatency(target: number | string): number | undefined {
  const [, digits, unit = 'ms'] = /^\s*(\d+(?:\.\d+)?)\s*(ms|s)?\s*$/.exec(String(target)) ?? [];
  const value = Number(digits) * (unit === 's' ? 1000 : 1);
  return value > 0 ? value : undefined;
}

/** The target, and what it counts: milliseconds speak for themselves. Throws X3dError invalid-input. */
function targetOf({ target, complexity, deviceTable, base = 'x2d-micro' }: SearchInput) {
  const inTime = typeof target === 'string' && /\d\s*m?s\s*$/.test(target);
  const counts = complexity ?? (inTime ? 'latency' : 'multiplyAdds');
  const refuse = (subject: string, expected: string, got: string, remedy?: string) =>
    new X3dError('invalid-input', { subject, expected, got, ...(remedy === undefined ? {} : { remedy }) });
  if (counts !== 'latency') {
    if (deviceTable)
      throw refuse('deviceTable', 'none, where the target counts no latency', `one beside ${counts}`);
    const amount = parseAmount(target, 'target');
    if (amount > MOST_TARGET) throw refuse('target', 'at most 1T', shown(target));
    return { target: amount, complexity: counts };
  }
  const latency = parseLatency(target);
  if (latency === undefined || latency > MOST_MS)
    throw refuse('target', 'milliseconds, as a number or like "20ms", up to an hour', shown(target));
  if (!deviceTable)
    throw refuse(
      'deviceTable',
      "a table of the device's latencies",
      'nothing',
      'Measure one on the device with `x3d-search benchmark --table FILE`; `run` takes it as --device-table FILE.',
    );
  if (deviceTable.base !== base)
    throw refuse('deviceTable.base', `the base of the search, ${base}`, shown(deviceTable.base));
  return { target: latency, complexity: counts, deviceTable: checkedTable(deviceTable, 'deviceTable') };
}

/** "2h" is hours, "90min" too; anything else multiply-adds. Throws X3dError invalid-input. */
export function parseBudget(text: string): Budget {
  const hours = /^\s*(\d+(?:\.\d+)?)\s*(h|min)\s*$/i.exec(text);
  const amount = Number(hours?.[1]) / (hours?.[2]?.toLowerCase() === 'min' ? 60 : 1);
  if (hours && amount > 0) return { unit: 'hours', amount };
  return { unit: 'multiply-adds', amount: parseAmount(text, 'budget') };
}

/** What of a data set decides a configuration. */
export interface Ground extends RecipeGround {
  /** Frames per second that strides count at. */
  readonly rate: number;
  /** Of DataLimits. */
  readonly maxSpan: number;
  /** Whether there are test videos. */
  readonly tested: boolean;
}

/** Where no set is at hand. */
const REFERENCE: Ground = {
  ...REFERENCE_GROUND,
  rate: 30,
  maxSpan: Number.MAX_SAFE_INTEGER,
  tested: true,
};

/** Of long videos the paper's clips show 2 to 3 s. */
const CLIP_SECONDS = 2.5;

/** What a clip has to show of a set: as much as its shorter videos have, and of long ones what the paper's clips do. */
export const clipOf = ({ rate, maxSpan }: Pick<Ground, 'rate' | 'maxSpan'>): number =>
  Math.max(1, Math.min(maxSpan, Math.round(CLIP_SECONDS * rate)));

/**
 * Fills in every default; those that follow from the videos, by `ground`. Weights to start from are found elsewhere. Throws X3dError invalid-input that names the
 * field, the value and what is allowed.
 */
export function resolveConfiguration(input: unknown, ground: Ground = REFERENCE): SearchConfiguration {
  if (!searchInput.Check(input)) {
    const [first] = mismatches(searchInput, input);
    throw new X3dError('invalid-input', {
      subject: first?.field || 'the configuration',
      expected: first?.expected ?? 'a valid configuration',
      got: first?.got ?? shown(input),
    });
  }
  const { base = 'x2d-micro', method = 'race', recipe = {}, budget, from: _, ...rest } = input;
  return {
    ...rest,
    method,
    ...targetOf(input),
    base,
    criterion: input.criterion ?? 'accuracy',
    stepRule: input.stepRule ?? 'at-most-double',
    seed: input.seed ?? 0,
    finalOn: input.finalOn ?? (ground.tested && method !== 'paper' ? 'train-and-validation' : 'train'),
    onFailure: input.onFailure ?? 'pause',
    ...(budget === undefined ? {} : { budget: parseBudget(budget) }),
    recipe: settleRecipe(base, ground, recipe),
    given: Object.keys(recipe),
    // The published search starts from the published clip.
    clip: method === 'paper' ? BASES[base].factors.stride : clipOf(ground),
  };
}
