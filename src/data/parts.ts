/** What folders and lists of the parts are called, by whoever made them. */
import type { Part } from './dataset.js';

/** The names that data sets give to parts; a Map, since folders can have names of an object's own properties. */
const NAMES: ReadonlyMap<string, Part> = new Map([
  ...['train', 'training', 'trn'].map((name) => [name, 'train'] as const),
  ...['val', 'valid', 'validation', 'validate', 'dev'].map((name) => [name, 'validation'] as const),
  ...['test', 'testing', 'tst', 'eval', 'evaluation'].map((name) => [name, 'test'] as const),
]);

/** Words that say nothing beside the part's name, as in videos_train, TrainSet or kinetics400_train_list. */
const FILLING = new Set(
  'set split splits part data dataset subset list lists file files video videos clip clips annotation annotations'.split(
    ' ',
  ),
);

/** `TrainSet_01` -> train, set; numbers are left out. */
const wordsOf = (name: string): string[] =>
  name
    .normalize('NFC')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/\b(train|val|test)(set|list|split)/g, '$1 $2')
    .split(/[^\p{L}]+/u)
    .filter((word) => word !== '');

/**
 * The part that a name stands for; `unclear` where it has a part's word in it and others that are not understood,
 * such as test_unlabelled; undefined where nothing in it looks like a part.
 */
export function partNamed(name: string): Part | 'unclear' | undefined {
  const words = wordsOf(name);
  const parts = new Set(words.flatMap((word) => NAMES.get(word) ?? []));
  const [part] = parts;
  if (part === undefined) return undefined;
  const others = words.filter((word) => !NAMES.has(word) && !FILLING.has(word));
  return parts.size === 1 && others.length === 0 ? part : 'unclear';
}

/** Names of the words that are understood, for messages. */
export const PART_WORDS = 'train, val and test (or training, valid, validation, dev, testing, eval)';
