/** A trained network on disk: the folder that a search leaves, or weights of a published network. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { X3dError } from '../errors.js';
import { BASES, type BaseNetwork, type Factors, MODELS, type ModelName } from '../network/index.js';
import { BaseNetworkSchema, FactorsSchema } from '../network/schema.js';
import { mismatches } from '../validation.js';

export interface SavedNetwork {
  readonly base: BaseNetwork;
  readonly factors: Factors;
  /** Where they are known; else their number is the base's. */
  readonly classes?: readonly string[];
  /** A safetensors file under PyTorchVideo's names. */
  readonly weights: string;
  /** How pixels enter it; the published networks' where the description does not say. */
  readonly pixels?: { readonly mean: number; readonly deviation: number };
}

/** What is needed of network.json; the rest is for people and other programs. */
const described = Compile(
  Type.Object({
    base: BaseNetworkSchema,
    factors: FactorsSchema,
    classes: Type.Array(Type.String()),
    preprocessing: Type.Object({ mean: Type.Number(), std: Type.Number({ exclusiveMinimum: 0 }) }),
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
    pixels: { mean: preprocessing.mean, deviation: preprocessing.std },
  };
}

/** A network of the paper's table 3, with as many classes as the weights were made for. */
export const publishedNetwork = (model: ModelName, weights: string, classes?: number): SavedNetwork => ({
  base: { ...BASES.x2d, ...(classes === undefined ? {} : { classes }) },
  factors: MODELS[model],
  weights,
});
