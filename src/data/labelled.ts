/** Files with their labels, before anything is known of what is in them. */
import { relative, sep } from 'node:path';
import type { Part } from './dataset.js';

export interface LabelledFile {
  readonly path: string;
  /** Relative to the data set's root, with `/`, in Unicode's form C. */
  readonly name: string;
  readonly label: number;
  /** Where the layout says it. */
  readonly part?: Part;
}

/** Sorted by code unit, the same on every machine. */
export const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

export const nameBelow = (root: string, path: string): string =>
  relative(root, path).split(sep).join('/').normalize('NFC');
