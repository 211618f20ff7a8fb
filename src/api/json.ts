/** JSON from outside: what is nested deeper than any configuration is refused before it is parsed. */
import { X3dError } from '../errors.js';

const MOST_DEPTH = 32;

/** How deep a text's brackets and braces go, up to `most` + 1; those in strings do not count. */
function depthOf(text: string, most: number): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let index = 0; index < text.length && deepest <= most; index++) {
    const character = text[index];
    if (inString) {
      if (character === '\\') index += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '[' || character === '{') deepest = Math.max(deepest, ++depth);
    else if (character === ']' || character === '}') depth -= 1;
  }
  return deepest;
}

/** Throws X3dError invalid-input. */
export function refuseDeep(text: string): void {
  if (depthOf(text, MOST_DEPTH) > MOST_DEPTH)
    throw new X3dError('invalid-input', {
      subject: 'body',
      expected: `JSON nested at most ${MOST_DEPTH} deep`,
      got: 'more',
    });
}
