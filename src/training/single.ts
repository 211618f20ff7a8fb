/** One network without a search: what its training is, and the folder of its run. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { AS_DIVIDED } from '../data/folds.js';
import type { DataConfiguration, Dataset } from '../data/index.js';
import { X3dError } from '../errors.js';
import { jsonText } from '../files.js';
import type { Home } from '../home.js';
import { BASES, type BaseName, type BaseNetwork, describeNetwork, type Factors } from '../network/index.js';
import { damagedFile, damagedIn, readWritten, writeSummed } from '../sums.js';
import { mismatches } from '../validation.js';
import { trainingId } from './identity.js';
import { copyTrained, describeTrained } from './keeping.js';
import { microBatchWithin, trainingBytes } from './memory.js';
import { type RecipeInput, settleRecipe } from './recipe.js';
import { type Ancestor, SeenVideos, type TrainingResult, trainingResult, Work } from './training.js';

/** A run of one network, as its folder keeps it from the start: training.json. */
export const SingleRun = Type.Object({
  run: Type.String(),
  /** The training's name. */
  training: Type.String(),
  work: Work,
  videos: SeenVideos,
  rate: Type.Number({ exclusiveMinimum: 0, description: 'Frames per second that strides count at.' }),
  classes: Type.Array(Type.String()),
  startedFrom: Type.Optional(Type.String({ description: 'What the user named to start from.' })),
  given: Type.Optional(
    Type.Object(
      { folder: Type.String(), command: Type.String() },
      { description: 'The command that asked for it, and where. Absent in runs of earlier versions.' },
    ),
  ),
});
export type SingleRun = Static<typeof SingleRun>;
const singleRun = Compile(SingleRun);

export interface Single {
  readonly base: BaseNetwork;
  readonly factors: Factors;
  readonly data: DataConfiguration;
  readonly dataset: Dataset;
  readonly recipe: RecipeInput;
  readonly seed: number;
  /** Bytes that the training may take. */
  readonly memory: number;
  readonly ancestor?: Ancestor;
  readonly startedFrom?: string;
  readonly given: NonNullable<SingleRun['given']>;
}

const recipeOf = ({ name }: BaseNetwork): BaseName =>
  Object.hasOwn(BASES, name) ? (name as BaseName) : 'x2d-micro';

/**
 * The whole training, with a recipe that is settled as a search's is. Its name follows from what it is, so that the same
 * words name the same run. Throws X3dError environment where it does not fit into memory.
 */
export function singleRunOf(single: Single): SingleRun {
  const { data, dataset, seed, memory, ancestor, startedFrom, given } = single;
  const { classes, fingerprint, videos, skipped, parts, pixels, rate } = dataset;
  const base = { ...single.base, classes: classes.length };
  const recipe = settleRecipe(recipeOf(base), { videos: parts.train, pixels }, single.recipe);
  const network = describeNetwork(base, single.factors);
  const microBatch = microBatchWithin(network, recipe, memory);
  if (microBatch === undefined)
    throw new X3dError('environment', {
      subject: 'memory',
      expected: `what the training takes one clip at a time, about ${trainingBytes(network, 1, recipe.batchSize)} bytes`,
      got: `${memory} bytes for it`,
      remedy: 'Make the network smaller, or a batch: --recipe batchSize=8.',
    });
  const work: Work = {
    base,
    factors: single.factors,
    data,
    division: AS_DIVIDED,
    recipe,
    microBatch,
    seed,
    evaluations: ['validation', 'test', 'test-left-center-right'],
    ...(ancestor ? { ancestor } : {}),
  };
  const training = trainingId(work, fingerprint);
  return {
    run: `t${training.slice(1, 11)}`,
    training,
    work,
    videos: { fingerprint, usable: videos.length, skipped: skipped.length },
    rate,
    classes: [...classes],
    ...(startedFrom === undefined ? {} : { startedFrom }),
    given,
  };
}

/** Whether an id is of a run of `train`: a search's begins with another letter. */
export const isSingleId = (id: string): boolean => /^t[0-9a-f]{10}$/.test(id);

const FILE = 'training.json';

export const writeSingleRun = (home: Home, run: SingleRun): Promise<void> =>
  writeSummed(home.run(run.run), { [FILE]: jsonText(run) });

/**
 * Throws X3dError: not-found where there is no such run, environment where its file is damaged, data where it is of another
 * form.
 */
export async function readSingleRun(home: Home, id: string): Promise<SingleRun> {
  const file = join(home.run(id), FILE);
  const value = await readWritten(file);
  if (value === undefined)
    throw new X3dError('not-found', {
      subject: 'training',
      expected: 'the id of one that `x3d-search train` began in this home',
      got: id,
      remedy: '`x3d-search status` lists them; a search is resumed by `x3d-search run --resume`.',
    });
  if (singleRun.Check(value)) return value;
  const [first] = mismatches(singleRun, value);
  throw new X3dError('data', {
    subject: `${file}: ${first?.field}`,
    expected: first?.expected ?? 'a run',
    got: first?.got ?? '',
  });
}

/** Where its training goes on; what it comes to is the run's network. */
export const trainingFolder = (home: Home, { run }: SingleRun): string => join(home.run(run), 'training');
const networkFolder = (home: Home, { run }: SingleRun): string => join(home.run(run), 'network');

const damagedNetwork = (folder: string, name: string) =>
  damagedFile(join(folder, name), `Take it from a backup, or remove ${folder} to have it trained again.`);

/**
 * What a run came to; undefined where it has yet to be trained. Throws X3dError environment where its network is damaged:
 * hours of training do not begin for that by themselves.
 */
export async function finishedSingle(home: Home, run: SingleRun): Promise<TrainingResult | undefined> {
  const folder = networkFolder(home, run);
  const [damaged] = await damagedIn(folder);
  if (damaged !== undefined) throw damagedNetwork(folder, damaged);
  const value = await readWritten(join(folder, 'evaluation.json'));
  return trainingResult.Check(value) ? value : undefined;
}

/** Puts the trained network in its place, as a search does. Safe to repeat. Gives back the network's folder. */
export async function keepSingle(home: Home, run: SingleRun): Promise<string> {
  const { work, classes, rate } = run;
  const folder = networkFolder(home, run);
  const trained = trainingFolder(home, run);
  const refuseDamaged = (name: string) => {
    throw damagedNetwork(folder, name);
  };
  const described = describeTrained(work.base, work.factors, { classes, rate, recipe: work.recipe });
  if (await copyTrained(trained, folder, { run: run.run, trainedOn: 'train', ...described }, refuseDamaged))
    await rm(trained, { recursive: true, force: true });
  return folder;
}
