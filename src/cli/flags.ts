/** Flags that several commands share, and how their text becomes values. The schemas check the values. */
import { InvalidArgumentError, Option } from 'commander';
import { DEFAULT_HOME } from '../home.js';

/** A number where the text is one; else the text itself, for the schema to refuse by name. */
export const numeric = (text: string): number | string => {
  const value = Number(text);
  return text.trim() === '' || Number.isNaN(value) ? text : value;
};

export function whole(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Expected a whole number from 1.');
  return Number(text);
}

export const homeOption = () =>
  new Option('--home <folder>', 'where searches, trainings and caches are kept (or X3D_HOME)').default(
    process.env.X3D_HOME ?? `./${DEFAULT_HOME}`,
  );

export const serviceOption = () =>
  new Option('--service <url>', 'of the service to ask (default: the one that runs on --home)');

/** What names a network that is there. */
export const NETWORK = "a run's id (in --home), a run's folder, or a network's folder";

export const jsonOption = () => new Option('--json', 'print JSON for programs');

export const example = (...lines: string[]) =>
  `\nExample:\n${lines.map((line) => `  $ x3d-search ${line}\n`).join('')}`;

export function port(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError('Expected a port from 0 to 65535.');
}
