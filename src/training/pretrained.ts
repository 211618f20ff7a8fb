/**
 * Weights that trainings start from, kept in the home: one safetensors file each, under PyTorchVideo's names, named by
 * the hash of its bytes. So a training's work says which weights it starts from, wherever they came from, and a worker
 * finds them where it finds the home.
 */
import { createHash } from 'node:crypto';
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { X3dError } from '../errors.js';
import { writeWhole } from '../files.js';
import type { Network } from '../network/index.js';
import type { Tuning } from './engine/engine.js';
import { inheritWeights } from './engine/inheritance.js';
import { initialParameters, initialStatistics, type Layout, layoutOf } from './engine/parameters.js';
import { writeSafetensors } from './engine/safetensors.js';
import type { StoredWeights } from './engine/weights.js';
import { TrainingError } from './failure.js';
import type { Ancestor, TrainingRequest } from './training.js';
import { ancestorFrom, readWeights } from './weights.js';

/** What is known of a network beside its weights. */
interface Known {
  readonly classes?: readonly string[];
  /** How pixels enter it. */
  readonly pixels?: { readonly mean: number; readonly deviation: number };
}

/** Weights as they are kept. */
export interface Pretrained extends Known {
  /** Of Ancestor.weights. */
  readonly id: string;
  readonly file: string;
  readonly tensors: StoredWeights['tensors'];
}

const ENDING = '.safetensors';
const fileOf = (folder: string, id: string) => join(folder, id + ENDING);

/** Of a file that keepPretrained has written, by its name; undefined for another. */
export const pretrainedId = (name: string): string | undefined =>
  /^w[0-9a-f]{24}$/.test(name.slice(0, -ENDING.length)) && name.endsWith(ENDING)
    ? name.slice(0, -ENDING.length)
    : undefined;

const kept = Compile(
  Type.Object({
    classes: Type.Optional(Type.Array(Type.String())),
    pixels: Type.Optional(Type.Object({ mean: Type.Number(), deviation: Type.Number() })),
  }),
);
/** Of the file's header. */
const KNOWN = 'x3d-search';

/**
 * Keeps a network's weights in a home's folder, once; the file's time says when they were last asked for. Throws
 * X3dError data where they are not those of a whole X3D.
 */
export async function keepPretrained(
  folder: string,
  weights: StoredWeights,
  known: Known = {},
): Promise<Pretrained> {
  // Refused here, not by the training.
  ancestorFrom(weights, ANY_CLIP);
  const tensors = new Map([...weights.tensors].sort(([a], [b]) => (a < b ? -1 : 1)));
  const bytes = writeSafetensors(tensors, { format: 'pt', [KNOWN]: JSON.stringify(known) });
  const id = `w${createHash('sha256').update(bytes).digest('hex').slice(0, 24)}`;
  const file = fileOf(folder, id);
  const now = new Date();
  // Where they are not there yet they are written.
  await utimes(file, now, now).catch(() => writeWhole(file, bytes));
  return { id, file, tensors, ...known };
}

/** Weights kept before. Throws X3dError data where they are not there, or damaged. */
export async function readPretrained(folder: string, id: string): Promise<Pretrained> {
  const file = fileOf(folder, id);
  const { tensors, metadata } = await readWeights(file);
  const known: unknown = JSON.parse(metadata[KNOWN] ?? '{}');
  if (!kept.Check(known))
    throw new X3dError('data', { subject: file, expected: 'weights as they were kept', got: 'others' });
  return { id, file, tensors, ...known };
}

/** Nothing that is inherited depends on it. */
const ANY_CLIP = { frames: 1, stride: 1, crop: 32 };

/** A network's start from kept weights; `known`: of its parameters, how each one came to its values. */
export function startFrom(
  pretrained: Pretrained,
  {
    network,
    layout,
    classes,
    seed,
  }: { network: Network; layout: Layout; classes: readonly string[]; seed: number },
) {
  const from = { ...ancestorFrom(pretrained, ANY_CLIP), classes: pretrained.classes };
  const initial = { parameters: initialParameters(layout, seed), statistics: initialStatistics(layout) };
  const { weights, inherited } = inheritWeights(from, { network, layout, initial, classes, seed });
  const shapes = new Map(from.layout.parameters.map(({ name, torchShape }) => [name, torchShape.join()]));
  const origins = layout.parameters.map(({ name, size, torchShape }): Origin => {
    if (!inherited.has(name)) return { name, size, kind: 'new' };
    return { name, size, kind: shapes.get(name) === torchShape.join() ? 'loaded' : 'mapped' };
  });
  return { weights, origins };
}

/** Where a parameter's first values come from: as they were, mapped to another shape, or drawn. */
export interface Origin {
  readonly name: string;
  readonly size: number;
  readonly kind: 'loaded' | 'mapped' | 'new';
}

/** Parameters of each part of a network, by where they come from: the stem, the stages, the head, the classifier. */
export function originsByPart(origins: readonly Origin[], stages: number) {
  const names = ['stem', ...Array.from({ length: stages }, (_, s) => `stage ${s + 1}`), 'head', 'classifier'];
  const parts = names.map((part) => ({ part, loaded: 0, mapped: 0, drawn: 0 }));
  for (const { name, size, kind } of origins) {
    const [, block = '', rest = ''] = /^blocks\.(\d+)\.(\w+)/.exec(name) ?? [];
    const part = parts[rest === 'proj' ? names.length - 1 : Number(block)];
    if (part) part[kind === 'new' ? 'drawn' : kind] += size;
  }
  return parts;
}

/** How the training treats what it started from; undefined where all is trained alike. */
const tuningOf = ({ rate, frozen }: Ancestor, origins: readonly Origin[]): Tuning | undefined =>
  rate === 1 && frozen === 0
    ? undefined
    : { frozen, rates: origins.map(({ kind }) => (kind === 'new' ? 1 : rate)) };

/** The weights that a request's training starts from. Throws TrainingError where they are not to be had. */
export async function inheritedBy(
  { recipe, seed, pretrainedFolder }: Pick<TrainingRequest, 'recipe' | 'seed' | 'pretrainedFolder'>,
  ancestor: Ancestor,
  { network, classes }: { readonly network: Network; readonly classes: readonly string[] },
) {
  const pretrained = await readPretrained(pretrainedFolder, ancestor.weights).catch((cause: Error) => {
    throw new TrainingError(
      {
        // They lie in the home, which had them when the search began.
        kind: 'disk',
        retry: 'later',
        reason: `the weights to start from are not to be had: ${cause.message}`,
      },
      { cause },
    );
  });
  const layout = layoutOf(network, recipe.classifierDeviation);
  const { weights, origins } = startFrom(pretrained, { network, layout, classes, seed });
  return { weights, tuning: tuningOf(ancestor, origins) };
}
