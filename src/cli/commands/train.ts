/** `train`: one network, without a search: the same engine, recipes, checkpoints and folder. */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { Compile } from 'typebox/compile';
import { type DataConfiguration, type Dataset, openDataset } from '../../data/index.js';
import { type Start, startNamed } from '../../deployment/starting.js';
import { X3dError } from '../../errors.js';
import { networkCost } from '../../flops/cost.js';
import { type Home, homeAt } from '../../home.js';
import { cards } from '../../machine.js';
import { BASES, type BaseNetwork, clipSpan, describeNetwork, MODELS } from '../../network/index.js';
import { clipOf } from '../../search/configuration.js';
import { layoutOf } from '../../training/engine/parameters.js';
import { TrainingError } from '../../training/failure.js';
import { originsByPart, startFrom } from '../../training/pretrained.js';
import { RecipeInput } from '../../training/recipe.js';
import {
  keepSingle,
  readSingleRun,
  type SingleRun,
  singleRunOf,
  writeSingleRun,
} from '../../training/single.js';
import type { Device, TrainingResult } from '../../training/training.js';
import { mismatches } from '../../validation.js';
import { runTrainer, TRAINER } from '../../workers/child.js';
import { type DataOptions, dataFrom, VIDEOS, withData } from '../data.js';
import {
  type FactorOptions,
  factorsFrom,
  givenFactors,
  refuseBaseBesideModel,
  withFactors,
} from '../factors.js';
import { EXIT } from '../failure.js';
import { digits, percent, scoreText } from '../figures.js';
import { example, homeOption, jsonOption, numeric, whole } from '../flags.js';
import { adviceOn, deviceNamed, refuseMissing } from '../fleet.js';
import { interruptible } from '../interruption.js';
import { invocation } from '../invocation.js';
import { recipeOption, type Value } from '../recipe.js';
import { memoriesOf } from '../supervisor.js';
import { columns } from '../table.js';
import { networkText } from '../tables.js';
import { type Watching, watch } from '../watching.js';

interface TrainOptions extends DataOptions, FactorOptions {
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

/** Cores beyond these help one training of a small network little. */
const MOST_THREADS = 4;
/** A trainer that reports nothing for so long is stuck. */
const SILENCE_MS = 3_600_000;

const invalid = (subject: string, expected: string, got: unknown, remedy?: string) =>
  new X3dError('invalid-input', {
    subject,
    expected,
    got: String(got),
    ...(remedy === undefined ? {} : { remedy }),
  });

/** The network that the flags name; where they name none, the one that it starts from. */
function networkFrom(options: TrainOptions, dataset: Dataset, { saved }: Partial<Start>) {
  refuseBaseBesideModel(options);
  const { model, base: named } = options;
  if (model !== undefined) return { base: BASES.x2d, factors: factorsFrom(MODELS[model], options) };
  if (named === undefined && saved) return { base: saved.base, factors: factorsFrom(saved.factors, options) };
  if (named === undefined && Object.keys(givenFactors(options)).length === 0)
    throw invalid('the network', '--model, --from, or factors such as --frames 4', 'none of them');
  const base: BaseNetwork = BASES[named ?? 'x2d-micro'];
  const frames = Number(options.frames ?? base.factors.frames);
  // As a search begins: the clip is decided by the videos, whatever the number of its frames.
  const clip = clipOf({ rate: dataset.rate, maxSpan: dataset.limits.maxSpan });
  const stride = Math.max(1, Math.round(clip / Math.max(1, frames)));
  return { base, factors: factorsFrom({ ...base.factors, stride }, options) };
}

function ancestorFrom({ fromRate = 1, freeze = 0 }: TrainOptions, base: BaseNetwork, weights: string) {
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

/** What is to be trained, and on what: as the flags say. */
async function newRun(
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
  const given = givenFactors(options);
  // The clip of a network that is gone on with counts at its own rate.
  const rate =
    (options.base ?? options.model ?? given.stride ?? given.frames)
      ? undefined
      : start?.saved?.preprocessing.rate;
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
  const { base, factors } = networkFrom(options, dataset, start ?? {});
  const known = options.device === 'cpu' ? [] : cards();
  const run = singleRunOf({
    base,
    factors,
    data,
    dataset,
    recipe: { ...pixelsFor(options, start ?? {}), ...recipe },
    seed,
    memory: memoriesOf([options.device], known)[0] as number,
    ...(start
      ? { ancestor: ancestorFrom(options, base, start.pretrained.id), startedFrom: options.from }
      : {}),
  });
  await writeSingleRun(home, run);
  for (const line of notesOn(run, dataset)) watching.note(line, { kind: 'note', note: line });
  if (start) sayStart(watching, start, run);
  return run;
}

function refuseBesideResume(path: string | undefined, options: TrainOptions): void {
  const given = [
    ...(path === undefined ? [] : ['videos']),
    ...Object.keys(givenFactors(options)),
    ...Object.keys(dataFrom(options)),
    ...(['model', 'base', 'from', 'fromRate', 'freeze', 'recipe'] as const).filter(
      (name) => options[name] !== undefined,
    ),
  ];
  if (given.length > 0)
    throw invalid('--resume', 'nothing beside it, as the run keeps what it trains', given.join(', '));
}

function resultText(run: SingleRun, { evaluations, steps, seconds }: TrainingResult, folder: string): string {
  const { base, factors } = run.work;
  const { multiplyAdds, parameters } = networkCost(describeNetwork(base, factors));
  const { validation, test, 'test-left-center-right': windows } = evaluations;
  return [
    `network     ${networkText(factors)}: ${digits(multiplyAdds)} multiply-adds, ${digits(parameters)} parameters`,
    ...(validation ? [`validation  ${scoreText(validation)}`] : []),
    ...(test
      ? [
          `test        ${scoreText(test)}${windows ? `; ${percent(windows.metrics.accuracy)} with ${windows.viewsPerVideo} views` : ''}`,
        ]
      : []),
    `trained     ${steps} steps in ${Math.round(seconds)} s`,
    `folder      ${folder}`,
    `            weights.safetensors, network.json, evaluation.json, curve.jsonl`,
    `            ${invocation('predict', run.run, 'VIDEO…')} uses it.`,
  ].join('\n');
}

async function train(path: string | undefined, options: TrainOptions): Promise<void> {
  const { resume, device, trainer } = options;
  const home = homeAt(options.home);
  if (resume !== undefined) refuseBesideResume(path, options);
  else if (path === undefined) throw invalid('videos', 'a folder of videos, or --resume', 'nothing');
  refuseMissing([device]);
  const watching = watch(options.json ?? false);
  const threads = options.threads ?? Math.min(availableParallelism(), MOST_THREADS);
  let run: SingleRun | undefined;
  let result: TrainingResult | undefined;
  try {
    const interrupted = await interruptible(async (signal) => {
      for (const { line, data } of adviceOn([device])) watching.note(line, data);
      try {
        run =
          resume === undefined
            ? await newRun(path as string, options, home, watching, signal)
            : await readSingleRun(home, resume);
        const { work, videos, training } = run;
        watching.note(`run ${run.run}: ${networkText(work.factors)}, ${work.recipe.steps} steps`, {
          kind: 'run',
          run: run.run,
          training,
          work,
        });
        const places = {
          folder: home.candidate(training),
          cacheFolder: home.cache,
          pretrainedFolder: home.pretrained,
        };
        result = await runTrainer(
          { request: { ...work, ...places, device, threads }, videos },
          {
            program: trainer,
            signal,
            silenceMs: SILENCE_MS,
            onProgress: (progress) => watching.happened(progress),
          },
        );
      } catch (error) {
        if (error !== signal.reason) throw error;
      }
    });
    watching.close();
    if (run && result) {
      const folder = await keepSingle(home, run);
      const { evaluations, steps, seconds } = result;
      watching.note(resultText(run, result, folder), {
        kind: 'result',
        run: run.run,
        network: { ...run.work.factors },
        evaluations,
        steps,
        seconds,
        folder,
      });
    } else if (interrupted) {
      const again = run && invocation('train', '--resume', run.run, '--home', home.folder);
      watching.note(
        again === undefined
          ? 'Stopped before the training began.'
          : `Stopped. This goes on where it was:\n  ${again}`,
        { kind: 'interrupted', ...(run ? { run: run.run, resume: again } : {}) },
      );
      process.exitCode = EXIT.interrupted;
    }
  } catch (error) {
    watching.close();
    if (!(error instanceof TrainingError) || !run) throw error;
    const again = invocation('train', '--resume', run.run, '--home', home.folder);
    watching.note(
      `The training failed: ${error.failure.reason}\nThis goes on from its last checkpoint:\n  ${again}`,
      { kind: 'failed', run: run.run, failure: error.failure, resume: again },
    );
    process.exitCode = EXIT.failedSearch;
  }
}

export function trainCommand(): Command {
  const command = new Command('train')
    .description('Train one network on your videos, and test it, without a search')
    .argument('[videos]', VIDEOS)
    .option('--resume <id>', 'go on with a run that was stopped');
  return withData(withFactors(command, 'that of the network of --from, else x2d-micro'))
    .option(
      '--from <weights>',
      "weights to start from: a run's id or folder, a network's folder, or a file: safetensors or a PyTorch checkpoint, of PyTorchVideo or SlowFast",
    )
    .option(
      '--from-rate <share>',
      'learning rate of what came from there, as a share of the rest (default: 1)',
      numeric,
    )
    .option('--freeze <parts>', 'so many parts stay as they came: 1 the stem, 2 the first stage too', whole)
    .addOption(recipeOption())
    .option('--seed <n>', 'of the training', numeric, 0)
    .option('--no-flip', 'where mirrored videos are of another class')
    .option('--device <name>', 'cpu, or a CUDA card as cuda:0', deviceNamed, 'cpu')
    .option(
      '--threads <n>',
      `of the engine; on a card, that decode (default: the cores, up to ${MOST_THREADS})`,
      whole,
    )
    .addOption(new Option('--trainer <program>').default(TRAINER).hideHelp())
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        "train ~/videos/gestures --frames 4 --crop 64 --group '([^/_]+)_[^/]*$'",
        'train ~/videos/gestures --model XS --from x3d_xs.pyth --from-rate 0.1',
      ),
    )
    .action(train);
}
