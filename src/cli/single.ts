/** What `train` is asked for, from flags to a run in its folder. */
import { resolve } from 'node:path';
import { Compile } from 'typebox/compile';
import { type DataConfiguration, type Dataset, openDataset } from '../data/index.js';
import { type Start, startNamed } from '../deployment/starting.js';
import { X3dError } from '../errors.js';
import type { Home } from '../home.js';
import { cards } from '../machine.js';
import {
  BASES,
  type BaseName,
  type BaseNetwork,
  clipSpan,
  describeNetwork,
  type Factors,
  MODELS,
} from '../network/index.js';
import { clipOf } from '../search/configuration.js';
import { recordData } from '../search/reporting/record.js';
import { layoutOf } from '../training/engine/parameters.js';
import { originsByPart, startFrom } from '../training/pretrained.js';
import { RecipeInput } from '../training/recipe.js';
import type { SavedNetwork } from '../training/saved.js';
import { type SingleRun, singleRunOf, writeSingleRun } from '../training/single.js';
import type { Ancestor, Device } from '../training/training.js';
import { mismatches } from '../validation.js';
import { type DataOptions, dataFrom } from './data.js';
import { type FactorOptions, factorsFrom, givenFactors, refuseBaseBesideModel } from './factors.js';
import { digits } from './figures.js';
import { commandLine } from './invocation.js';
import type { Value } from './recipe.js';
import { memoriesOf } from './supervisor.js';
import { columns } from './table.js';
import type { Watching } from './watching.js';

export interface TrainOptions extends DataOptions, FactorOptions {
  readonly resume?: string;
  readonly from?: string;
  readonly fromRate?: number | string;
  readonly freeze?: number;
  readonly recipe?: Readonly<Record<string, Value>>;
  readonly seed: number | string;
  readonly flip: boolean;
  readonly device: Device;
  readonly threads?: number;
  readonly trainer: string;
  readonly home: string;
  readonly json?: boolean;
}

export const invalid = (subject: string, expected: string, got: unknown, remedy?: string) =>
  new X3dError('invalid-input', {
    subject,
    expected,
    got: String(got),
    ...(remedy === undefined ? {} : { remedy }),
  });

/** What is expanded, and from which factors; where the flags name no network, the one that it starts from. */
function startingAt(
  options: TrainOptions,
  { saved }: Partial<Start>,
): Pick<SavedNetwork, 'base' | 'factors'> {
  refuseBaseBesideModel(options);
  const { model, base: named } = options;
  if (model !== undefined) return { base: BASES.x2d, factors: MODELS[model] };
  if (named === undefined && saved) return saved;
  if (named === undefined && Object.keys(givenFactors(options)).length === 0)
    throw invalid('the network', '--model, --from, or factors such as --frames 4', 'none of them');
  const base: BaseNetwork = BASES[named ?? 'x2d-micro'];
  return { base, factors: base.factors };
}

/** Of a base alone the clip is decided by the videos, as where a search begins, whatever the number of its frames. */
function factorsOn(
  options: TrainOptions,
  { base, factors }: Pick<SavedNetwork, 'base' | 'factors'>,
  { rate, limits }: Dataset,
): Factors {
  // A published network or one that a run left has a clip of its own.
  if (options.model !== undefined || base !== BASES[base.name as BaseName])
    return factorsFrom(factors, options);
  const frames = Math.max(1, Number(options.frames ?? factors.frames));
  const stride = Math.max(1, Math.round(clipOf({ rate, maxSpan: limits.maxSpan }) / frames));
  return factorsFrom({ ...factors, stride }, options);
}

function ancestorFrom(
  { fromRate = 1, freeze = 0 }: TrainOptions,
  base: BaseNetwork,
  weights: string,
): Ancestor {
  const rate = Number(fromRate);
  if (!(rate > 0 && rate <= 1)) throw invalid('--from-rate', 'a share above 0, up to 1', fromRate);
  const most = base.stages.length + 1;
  if (freeze > most)
    throw invalid('--freeze', `at most ${most}: the stem and ${base.stages.length} stages`, freeze);
  return { weights, rate, frozen: freeze };
}

const recipeInput = Compile(RecipeInput);

function recipeFrom({ recipe = {} }: TrainOptions): RecipeInput {
  if (recipeInput.Check(recipe)) return recipe;
  const [first] = mismatches(recipeInput, recipe);
  throw invalid(`--recipe ${first?.field}`, first?.expected ?? 'a recipe', first?.got);
}

/** Frozen norms expect pixels as they were when they were trained. */
const pixelsFor = ({ freeze = 0 }: TrainOptions, { pretrained }: Partial<Start>): RecipeInput =>
  freeze > 0 && pretrained?.pixels
    ? { pixelMean: pretrained.pixels.mean, pixelDeviation: pretrained.pixels.deviation }
    : {};

function notesOn({ work, rate }: SingleRun, { limits }: Dataset): string[] {
  const { factors } = work;
  const span = clipSpan(factors);
  return [
    ...(span > limits.maxSpan
      ? [
          `A clip spans ${(span / rate).toFixed(1)} s, and a tenth of the training videos or more are shorter: they are looped.`,
        ]
      : []),
    ...(factors.crop > limits.maxCrop
      ? [`The crop of ${factors.crop} px is larger than the videos are: they are scaled up.`]
      : []),
  ];
}

/** How much of each part comes from where, and what it is in all. */
function sayStart(watching: Watching, start: Start, { work, startedFrom, classes }: SingleRun): void {
  const network = describeNetwork(work.base, work.factors);
  const layout = layoutOf(network, work.recipe.classifierDeviation);
  const { origins } = startFrom(start.pretrained, { network, layout, classes, seed: work.seed });
  const parts = originsByPart(origins, work.base.stages.length);
  const table = columns({ part: 'left', loaded: 'right', mapped: 'right', new: 'right', trained: 'left' });
  const { rate, frozen } = work.ancestor ?? { rate: 1, frozen: 0 };
  parts.forEach(({ part, loaded, mapped, drawn }, index) => {
    const how = index < frozen ? 'not at all' : rate < 1 && loaded + mapped > 0 ? `${rate} of the rate` : '';
    table.push([part, digits(loaded), digits(mapped), digits(drawn), how]);
  });
  watching.note(
    `Starts from ${startedFrom} (parameters as they were, mapped to another shape, and drawn anew):\n${table}`,
    { kind: 'start', from: startedFrom, weights: start.pretrained.id, rate, frozen, parts },
  );
}

function refuseWithoutFrom({ from, fromRate, freeze }: TrainOptions): void {
  if (from !== undefined) return;
  const needless = fromRate !== undefined ? '--from-rate' : freeze !== undefined ? '--freeze' : undefined;
  if (needless !== undefined)
    throw invalid(needless, 'weights to start from beside it', 'none', '--from names them.');
}

/**
 * What is to be trained, and on what, as the flags say; it is written into the run's folder. Throws X3dError for what is
 * wrong with flags, weights and videos, and the signal's reason.
 */
export async function newSingleRun(
  path: string,
  options: TrainOptions,
  home: Home,
  watching: Watching,
  signal: AbortSignal,
): Promise<SingleRun> {
  refuseWithoutFrom(options);
  const recipe = recipeFrom(options);
  const seed = Number(options.seed);
  if (!Number.isInteger(seed) || seed < 0 || seed > 2 ** 31)
    throw invalid('--seed', 'a whole number from 0 to 2^31', options.seed);
  const start = options.from === undefined ? undefined : await startNamed(options.from, home);
  const network = startingAt(options, start ?? {});
  const ancestor = start && ancestorFrom(options, network.base, start.pretrained.id);
  // The clip of a network that is gone on with counts at its own rate.
  const goesOn = network === start?.saved && options.stride === undefined && options.frames === undefined;
  const rate = goesOn ? start?.saved?.preprocessing.rate : undefined;
  const data: DataConfiguration = {
    ...(rate === undefined ? {} : { rate }),
    ...dataFrom(options),
    ...(options.root === undefined ? {} : { root: resolve(options.root) }),
    ...(options.flip ? {} : { flip: false }),
    path: resolve(path),
  };
  const dataset = await openDataset(data, {
    cacheFolder: home.cache,
    onProgress: (done, of) => watching.happened({ phase: 'data', done, of }),
    signal,
  });
  const known = options.device === 'cpu' ? [] : cards();
  const run = singleRunOf({
    base: network.base,
    factors: factorsOn(options, network, dataset),
    data,
    dataset,
    recipe: { ...pixelsFor(options, start ?? {}), ...recipe },
    seed,
    memory: memoriesOf([options.device], known)[0] as number,
    ...(ancestor ? { ancestor, startedFrom: options.from as string } : {}),
    given: { folder: process.cwd(), command: commandLine(...process.argv.slice(2)) },
  });
  await writeSingleRun(home, run);
  await recordData(home.run(run.run), dataset);
  for (const line of notesOn(run, dataset)) watching.note(line, { kind: 'note', note: line });
  if (start) sayStart(watching, start, run);
  return run;
}
