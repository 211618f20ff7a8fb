/** Text of others (names of classes, files, searches) as it can be shown on a terminal: what steers one is spelled out. */

/** Control characters, and those that turn the direction of what follows them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const STEERING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const spelled = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Colours, which this program gives its own words. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for.
const COLOUR = /(\u001b\[[\d;]{0,20}m)/;

/** Whole texts of this program's for a terminal, with names of others in them: lines and colours stay. */
export const forTerminal = (text: string): string =>
  text
    .split(COLOUR)
    .map((part) => (COLOUR.test(part) ? part : harmless(part, '\n')))
    .join('');

/** As it is, but for what steers; `kept` are characters that stay all the same. */
export const harmless = (text: string, kept = ''): string =>
  text.replace(STEERING, (character) => (kept.includes(character) ? character : spelled(character)));
