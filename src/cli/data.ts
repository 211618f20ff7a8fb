/** The flags that say where videos are and how they are divided: the fields of the data's schema. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { type DataConfiguration, withAbsolutePaths } from '../data/configuration.js';
import type { SearchInput } from '../search/configuration.js';

export type DataOptions = Partial<Omit<DataConfiguration, 'path' | 'flip'>>;

export const VIDEOS =
  'class folders; or train, val and test folders of them; or train.csv, val.csv, test.csv';

const FIELDS = [
  'root',
  'group',
  'shares',
  'splitSeed',
  'rate',
  'skipShare',
] as const satisfies (keyof DataOptions)[];

const isShare = (value: number) => value >= 0 && value <= 1;

function shares(text: string): NonNullable<DataOptions['shares']> {
  const [train = Number.NaN, validation = Number.NaN, test = 0] = text.split(',').map(Number);
  if (![train, validation, test].every(isShare))
    throw new InvalidArgumentError(
      'Expected shares from 0 to 1 such as 0.7,0.15,0.15 (train, validation, test).',
    );
  return { train, validation, test };
}

function share(text: string): number {
  if (text.trim() === '' || !isShare(Number(text)))
    throw new InvalidArgumentError('Expected a share from 0 to 1.');
  return Number(text);
}

function seed(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Expected a whole number from 0.');
  return Number(text);
}

function rate(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 1 && value <= 240))
    throw new InvalidArgumentError('Expected frames per second from 1 to 240.');
  return value;
}

export const withData = (command: Command): Command =>
  command
    .option('--root <folder>', 'what the paths in lists are relative to (default: the videos)')
    .option('--group <regexp>', 'videos with the same first group stay in one part')
    .option('--shares <train,validation,test>', 'shares of the videos, such as 0.7,0.15,0.15', shares)
    .option('--split-seed <n>', 'which split by shares', seed)
    .option('--rate <n>', 'frames per second that strides count at (default: that of most videos)', rate)
    .option('--skip-share <share>', 'share of the files that may be undecodable (default: 0.05)', share);

/** A configuration with the paths of videos and weights as this process sees them, for a service that runs elsewhere. */
export const seenFromHere = <Input extends Pick<SearchInput, 'data' | 'from'>>(input: Input): Input => ({
  ...input,
  data: withAbsolutePaths(input.data),
  ...(input.from !== undefined && existsSync(input.from) ? { from: resolve(input.from) } : {}),
});

/** Those that were given. */
export const dataFrom = (options: DataOptions): DataOptions =>
  Object.fromEntries(
    FIELDS.flatMap((field) => (options[field] === undefined ? [] : [[field, options[field]]])),
  );
