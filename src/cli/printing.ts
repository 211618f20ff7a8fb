/** What commands say, to people or to programs. Names of others are among it: what steers a terminal is spelled out. */
import { forTerminal } from '../harmless.js';
import { wrapped } from './table.js';

/** One line, or a text of several. */
export const say = (text: string, output: NodeJS.WritableStream = process.stdout): void =>
  void output.write(`${forTerminal(text)}\n`);

/** One line of JSON; what is spelled out in it are escapes of JSON's own, so that it says the same. */
export const sayData = (data: unknown): void => say(JSON.stringify(data));

/** What a command found, all at once. */
export const print = (json: boolean | undefined, data: unknown, text: () => string): void =>
  say(json ? JSON.stringify(data, undefined, 2) : wrapped(text()));
