/** The name of a training: a hash of all that decides its result, so that whoever asks for the same one shares it. */
import { createHash } from 'node:crypto';
import type { Work } from './training.js';

/** Raised when a change to the engine, the decoding, the sampling or the evaluation changes what a training comes to. */
export const TRAINING_VERSION = 5;

/** JSON with sorted keys: equal content, equal text. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}

/**
 * Where the videos lie does not matter, only what they are (`fingerprint`); nor does the grid that a search moves on.
 * The ancestor's weights are named by their content.
 */
export function trainingId(work: Work, fingerprint: string): string {
  const { data, base, ...rest } = work;
  const { grid: _, factors: __, ...network } = base;
  const content = {
    ...rest,
    network,
    flip: data.flip ?? true,
    fingerprint,
    version: TRAINING_VERSION,
  };
  return `c${createHash('sha256').update(canonical(content)).digest('hex').slice(0, 24)}`;
}
