/**
 * Groups of videos by a regular expression on their names. Expressions come from outside, so they run by automata, in
 * time that grows with the name alone (RE2): without look-around and back references, which need more.
 */
import { RE2JS } from 're2js';
import { X3dError } from '../errors.js';

/** The group of each file by name; undefined where none is asked for. Throws X3dError (invalid-input). */
export function grouping(group: string | undefined): (name: string) => string | undefined {
  if (group === undefined) return () => undefined;
  const refuse = (expected: string, got: string, cause?: unknown) =>
    new X3dError(
      'invalid-input',
      {
        subject: 'data.group',
        expected,
        got,
        remedy: 'For names like person_action.avi: ([^/_]+)_[^/]*$',
      },
      { cause },
    );
  let pattern: RE2JS;
  try {
    pattern = RE2JS.compile(RE2JS.translateRegExp(group));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw refuse(
      'a regular expression without look-around and back references',
      `"${group}" (${reason})`,
      error,
    );
  }
  if (pattern.groupCount() < 1) throw refuse('an expression with a group in parentheses', `"${group}"`);
  return (name) => {
    const matcher = pattern.matcher(name);
    const found = matcher.find() ? matcher.group(1) : null;
    if (found === null)
      throw refuse('an expression that matches every video', `"${group}", which does not match ${name}`);
    return found;
  };
}
