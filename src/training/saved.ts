/** A trained network on disk: the folder that a search leaves, or weights of a published network. */
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { X3dError } from '../errors.js';
import { readRegular } from '../files.js';
import { BASES, type BaseNetwork, type Factors, MODELS, type ModelName, testCrop } from '../network/index.js';
import { BaseNetworkSchema, FactorsSchema } from '../network/schema.js';
import { damagedFile, damagedIn } from '../sums.js';
import { mismatches } from '../validation.js';
import { architectureIn } from './engine/architecture.js';
import type { StoredWeights } from './engine/weights.js';
import { PIXEL_DEVIATION, PIXEL_MEAN } from './pixels.js';
import { readWeights } from './weights.js';

/** How pixels become a network's input. */
export interface Preprocessing {
  /** Of bytes scaled to [0, 1], the same for every channel. */
  readonly mean: number;
  readonly deviation: number;
  /** Of one clip. */
  readonly frames: number;
  /** From one to the next, in frames at `rate`, or in the video's own where there is none. */
  readonly stride: number;
  /** Frames per second. */
  readonly rate?: number;
  /** The short side that a video is scaled to, pixels. */
  readonly shortSide: number;
  /** The side of the square in the middle, pixels. */
  readonly crop: number;
}

export interface SavedNetwork {
  readonly base: BaseNetwork;
  readonly factors: Factors;
  /** Where they are known; else their number is the base's. */
  readonly classes?: readonly string[];
  readonly weights: StoredWeights;
  readonly preprocessing: Preprocessing;
  /** Parts of its search; undefined where its description does not say. */
  readonly trainedOn?: TrainedOn;
}

const TRAINED_ON = ['train', 'train-and-validation'] as const;
export type TrainedOn = (typeof TRAINED_ON)[number];

/** Kinetics, for which the published networks were made, is sampled at 30 frames per second. */
const PUBLISHED_RATE = 30;

const Positive = Type.Number({ exclusiveMinimum: 0 });
const Pixels = Type.Integer({ minimum: 1 });
const Described = Type.Object({
  mean: Type.Number(),
  std: Positive,
  ...Type.Partial(
    Type.Object({
      frames: Type.Integer({ minimum: 1 }),
      stride: Positive,
      rate: Positive,
      shortSide: Pixels,
      crop: Type.Object({ center: Pixels }),
    }),
  ).properties,
});

/** What is needed of network.json; the rest is for people and other programs. */
const description = Compile(
  Type.Object({
    base: BaseNetworkSchema,
    factors: FactorsSchema,
    classes: Type.Array(Type.String()),
    preprocessing: Type.Optional(Described),
    trainedOn: Type.Optional(Type.Enum([...TRAINED_ON])),
  }),
);

/** What a description does not say is as it was for all networks before descriptions said it. */
export function preprocessingOf(
  factors: Factors,
  described: Partial<Static<typeof Described>> = {},
): Preprocessing {
  const { mean, std, frames, stride, rate, shortSide, crop } = described;
  return {
    mean: mean ?? PIXEL_MEAN,
    deviation: std ?? PIXEL_DEVIATION,
    frames: frames ?? factors.frames,
    stride: stride ?? factors.stride,
    ...(rate === undefined ? {} : { rate }),
    shortSide: shortSide ?? testCrop(factors.crop),
    crop: crop?.center ?? factors.crop,
  };
}

/** Of a description. */
const MOST_BYTES = 64 * 2 ** 20;

/**
 * The folder `network` of a run. Throws X3dError: environment where it is not as it was written, data where it is none, or
 * its weights can't be read.
 */
export async function readSaved(folder: string): Promise<SavedNetwork> {
  const file = join(folder, 'network.json');
  const refuse = (subject: string, expected: string, got: string, cause?: unknown) =>
    new X3dError(
      'data',
      { subject, expected, got, remedy: 'Give the folder runs/ID/network that a search has left.' },
      { cause },
    );
  const [damaged] = await damagedIn(folder);
  if (damaged !== undefined)
    throw damagedFile(
      join(folder, damaged),
      'Take it from a backup, or remove the folder and run the search again: what it trained is kept.',
    );
  let value: unknown;
  try {
    value = JSON.parse((await readRegular(file, MOST_BYTES)).toString());
  } catch (cause) {
    if (cause instanceof X3dError) throw cause;
    throw refuse(file, 'the description of a network', (cause as Error).message, cause);
  }
  if (!description.Check(value)) {
    const [first] = mismatches(description, value);
    throw refuse(
      `${file}${first?.field ? `: ${first.field}` : ''}`,
      first?.expected ?? 'a network',
      first?.got ?? '',
    );
  }
  const { base, factors, classes, preprocessing, trainedOn } = value;
  return {
    base,
    factors,
    classes,
    weights: await readWeights(join(folder, 'weights.safetensors')),
    preprocessing: preprocessingOf(factors, preprocessing),
    ...(trainedOn === undefined ? {} : { trainedOn }),
  };
}

/**
 * A network of the paper's table 3, with as many classes as the weights in `file` have. Throws X3dError data where
 * readWeights does.
 */
export async function publishedNetwork(model: ModelName, file: string): Promise<SavedNetwork> {
  const weights = await readWeights(file);
  const classes = architectureIn(weights.tensors)?.classes ?? BASES.x2d.classes;
  const factors = MODELS[model];
  const preprocessing = preprocessingOf(factors, { rate: PUBLISHED_RATE });
  return { base: { ...BASES.x2d, classes }, factors, weights, preprocessing };
}
