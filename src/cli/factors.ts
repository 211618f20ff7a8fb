/** The flags that name a network by its factors, and the factors that they come to. */
import { type Command, Option } from 'commander';
import { Compile } from 'typebox/compile';
import { X3dError } from '../errors.js';
import { BASES, type BaseName, type Factors, MODELS, type ModelName } from '../network/index.js';
import { FactorsSchema } from '../network/schema.js';
import { mismatches } from '../validation.js';
import { numeric } from './flags.js';

export type FactorOptions = Partial<Record<keyof Factors, number | string>> & {
  readonly model?: ModelName;
  readonly base?: BaseName;
};

const FACTORS = [
  'frames',
  'stride',
  'crop',
  'width',
  'bottleneck',
  'depth',
] as const satisfies readonly (keyof Factors)[];
const factorsSchema = Compile(FactorsSchema);
/** A network beyond this is a mistyped number, and would only exhaust the memory. */
const MOST_DEPTH = 100;

/** Those that were given. */
export const givenFactors = (options: FactorOptions): Partial<Record<keyof Factors, number | string>> =>
  Object.fromEntries(FACTORS.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])));

/** `factors` with those that were given in their place. Throws X3dError invalid-input that names the flag. */
export function factorsFrom(factors: Factors, options: FactorOptions): Factors {
  const made: unknown = { ...factors, ...givenFactors(options) };
  const [wrong] = mismatches(factorsSchema, made);
  if (wrong)
    throw new X3dError('invalid-input', {
      subject: `--${wrong.field}`,
      expected: wrong.expected,
      got: wrong.got,
    });
  const valid = made as Factors;
  if (valid.depth > MOST_DEPTH)
    throw new X3dError('invalid-input', {
      subject: '--depth',
      expected: `at most ${MOST_DEPTH}`,
      got: String(valid.depth),
    });
  return valid;
}

/** Throws X3dError invalid-input: a published network says what it expands. */
export function refuseBaseBesideModel({ model, base }: FactorOptions): void {
  if (model === undefined || base === undefined || base === 'x2d') return;
  throw new X3dError('invalid-input', {
    subject: '--base',
    expected: 'x2d or nothing beside --model, as the published models are expansions of x2d',
    got: base,
  });
}

/** `base`: what the factors expand where nothing is said, in words. */
export const withFactors = (command: Command, base: string): Command =>
  command
    .addOption(new Option('--model <name>', 'a published network').choices(Object.keys(MODELS)))
    .addOption(
      new Option('--base <name>', `what the factors expand (default: ${base})`).choices(Object.keys(BASES)),
    )
    .option('--frames <n>', 'frames of a clip', numeric)
    .option('--stride <n>', 'source frames from one frame of the clip to the next', numeric)
    .option('--crop <px>', 'side of the training crop', numeric)
    .option('--width <factor>', 'times the channels of every layer', numeric)
    .option('--bottleneck <factor>', 'inner channels of a block, times its outer ones', numeric)
    .option('--depth <factor>', 'times the blocks of every stage', numeric);
