/** A trained network on disk: the folder that a search leaves, or weights of a published network. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { X3dError } from '../errors.js';
import { BASES, type BaseNetwork, type Factors, MODELS, type ModelName } from '../network/index.js';
import { BaseNetworkSchema, FactorsSchema } from '../network/schema.js';
import { mismatches } from '../validation.js';
import { architectureIn } from './engine/architecture.js';
import { readWeights } from './weights.js';

export interface SavedNetwork {
  readonly base: BaseNetwork;
  readonly factors: Factors;
  /** Where they are known; else their number is the base's. */
  readonly classes?: readonly string[];
  /** A file that readWeights reads. */
  readonly weights: string;
  /** How pixels enter it; the published networks' where the description does not say. */
  readonly pixels?: { readonly mean: number; readonly deviation: number };
  /** Frames per second that its stride counts at, where that is known. */
  readonly rate?: number;
}

/** Kinetics, for which the published networks were made, is sampled at 30 frames per second. */
const PUBLISHED_RATE = 30;

/** What is needed of network.json; the rest is for people and other programs. */
const described = Compile(
  Type.Object({
    base: BaseNetworkSchema,
    factors: FactorsSchema,
    classes: Type.Array(Type.String()),
    preprocessing: Type.Optional(
      Type.Object({
        mean: Type.Number(),
        std: Type.Number({ exclusiveMinimum: 0 }),
        rate: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
      }),
    ),
  }),
);

/** The folder `network` of a run. Throws X3dError data where it is none. */
export async function readSaved(folder: string): Promise<SavedNetwork> {
  const file = join(folder, 'network.json');
  const refuse = (subject: string, expected: string, got: string, cause?: unknown) =>
    new X3dError(
      'data',
      { subject, expected, got, remedy: 'Give the folder runs/ID/network that a search has left.' },
      { cause },
    );
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw refuse(file, 'the description of a network', (cause as Error).message, cause);
  }
  if (!described.Check(value)) {
    const [first] = mismatches(described, value);
    throw refuse(
      `${file}${first?.field ? `: ${first.field}` : ''}`,
      first?.expected ?? 'a network',
      first?.got ?? '',
    );
  }
  const { base, factors, classes, preprocessing } = value;
  return {
    base,
    factors,
    classes,
    weights: join(folder, 'weights.safetensors'),
    ...(preprocessing ? { pixels: { mean: preprocessing.mean, deviation: preprocessing.std } } : {}),
    ...(preprocessing?.rate === undefined ? {} : { rate: preprocessing.rate }),
  };
}

/**
 * A network of the paper's table 3, with as many classes as the weights in `file` have. Throws X3dError data where
 * readWeights does.
 */
export async function publishedNetwork(model: ModelName, file: string): Promise<SavedNetwork> {
  const { tensors } = await readWeights(file);
  const classes = architectureIn(tensors)?.classes ?? BASES.x2d.classes;
  return { base: { ...BASES.x2d, classes }, factors: MODELS[model], weights: file, rate: PUBLISHED_RATE };
}
