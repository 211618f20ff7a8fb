/** What about a value does not fit its schema, in the words of errors: field, what was expected, what came. */
import type { Validator } from 'typebox/compile';

export interface Mismatch {
  /** With dots, as `data.path`; empty for the value itself. */
  readonly field: string;
  readonly expected: string;
  readonly got: string;
}

const MOST_CHARACTERS = 80;

/** A value as a reader can recognise it, cut where it is long. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}

const at = (value: unknown, keys: readonly string[]): unknown =>
  keys.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined,
    value,
  );

const unescaped = (key: string) => key.replaceAll('~1', '/').replaceAll('~0', '~');
const list = (params: object, name: string): string[] =>
  ((params as Record<string, unknown>)[name] as string[] | undefined) ?? [];

/** What does not fit, each field once; empty where all fits. */
export function mismatches(validator: Validator, value: unknown): Mismatch[] {
  const found = new Map<string, Mismatch>();
  for (const { keyword, instancePath, params, message } of validator.Errors(value)) {
    const keys = instancePath.split('/').slice(1).map(unescaped);
    const name = (...more: string[]) => [...keys, ...more].join('.');
    const add = (mismatch: Mismatch) => {
      if (!found.has(mismatch.field)) found.set(mismatch.field, mismatch);
    };
    if (keyword === 'additionalProperties') {
      const allowed = 'no such field';
      for (const key of list(params, 'additionalProperties'))
        add({ field: name(key), expected: allowed, got: shown(at(value, [...keys, key])) });
    } else if (keyword === 'required') {
      for (const key of list(params, 'requiredProperties'))
        add({ field: name(key), expected: 'a value', got: 'nothing' });
    } else if (keyword === 'enum') {
      const expected = `one of ${list(params, 'allowedValues').map(shown).join(', ')}`;
      add({ field: name(), expected, got: shown(at(value, keys)) });
    } else if (keyword === 'minLength') {
      const expected = `at least ${(params as { limit: number }).limit} characters`;
      add({ field: name(), expected, got: shown(at(value, keys)) });
    } else if (keyword !== 'boolean') {
      add({ field: name(), expected: message.replace(/^must (be )?/, ''), got: shown(at(value, keys)) });
    }
  }
  return [...found.values()];
}
