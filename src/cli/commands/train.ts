/** `train`: one network, without a search: the same engine, recipes, checkpoints and folder. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { writeWhole } from '../../files.js';
import { networkCost } from '../../flops/cost.js';
import { type Home, homeAt } from '../../home.js';
import { describeNetwork } from '../../network/index.js';
import { curvesSpecification } from '../../search/charts/curves.js';
import { svgOf } from '../../search/drawing.js';
import { readCurve } from '../../training/curve.js';
import { TrainingError } from '../../training/failure.js';
import {
  finishedSingle,
  keepSingle,
  readSingleRun,
  type SingleRun,
  trainingFolder,
} from '../../training/single.js';
import type { TrainingResult } from '../../training/training.js';
import { runTrainer, SILENCE_MS, TRAINER } from '../../workers/child.js';
import { dataFrom, VIDEOS, withData } from '../data.js';
import { givenFactors, withFactors } from '../factors.js';
import { EXIT } from '../failure.js';
import { digits, scoreText, windowsText } from '../figures.js';
import { example, homeOption, jsonOption, numeric, whole } from '../flags.js';
import { adviceOn, deviceNamed, refuseMissing } from '../fleet.js';
import { interruptible } from '../interruption.js';
import { invocation } from '../invocation.js';
import { recipeOption } from '../recipe.js';
import { useText } from '../result.js';
import { invalid, newSingleRun, type TrainOptions } from '../single.js';
import { networkText } from '../tables.js';
import { watch } from '../watching.js';

/** Cores beyond these help one training of a small network little. */
const MOST_THREADS = 4;
const PICTURE = 'loss.svg';

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

function resultText(
  run: SingleRun,
  { evaluations, steps, seconds }: TrainingResult,
  folder: string,
  home: Home,
): string {
  const { base, factors } = run.work;
  const { multiplyAdds, parameters } = networkCost(describeNetwork(base, factors));
  const { validation, test, 'test-left-center-right': windows } = evaluations;
  return [
    `network     ${networkText(factors)}: ${digits(multiplyAdds)} multiply-adds, ${digits(parameters)} parameters`,
    ...(validation ? [`validation  ${scoreText(validation)}`] : []),
    ...(test ? [`test        ${scoreText(test)}${windowsText(windows)}`] : []),
    `trained     ${steps} steps in ${Math.round(seconds)} s`,
    `folder      ${folder}`,
    `            weights.safetensors, network.json, evaluation.json, curve.jsonl; ../${PICTURE}`,
    useText(run.run, home),
  ].join('\n');
}

/** The network's folder and a picture of its training, in the run's folder. Gives back the first. */
async function keep(home: Home, run: SingleRun): Promise<string> {
  const folder = await keepSingle(home, run);
  const picture = curvesSpecification([{ name: run.run, points: await readCurve(folder) }], 'loss');
  if (picture) await writeWhole(join(home.run(run.run), PICTURE), await svgOf(picture));
  return folder;
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
            ? await newSingleRun(path as string, options, home, watching, signal)
            : await readSingleRun(home, resume);
        const { work, videos, training } = run;
        watching.note(`run ${run.run}: ${networkText(work.factors)}, ${work.recipe.steps} steps`, {
          kind: 'run',
          run: run.run,
          training,
          work,
        });
        const places = {
          folder: trainingFolder(home, run),
          cacheFolder: home.cache,
          pretrainedFolder: home.pretrained,
        };
        result =
          (await finishedSingle(home, run)) ??
          (await runTrainer(
            { request: { ...work, ...places, device, threads }, videos },
            {
              program: trainer,
              signal,
              silenceMs: SILENCE_MS,
              onProgress: (progress) => watching.happened(progress),
            },
          ));
      } catch (error) {
        if (error !== signal.reason) throw error;
      }
    });
    watching.close();
    if (run && result) {
      const folder = await keep(home, run);
      const { evaluations, steps, seconds } = result;
      watching.note(resultText(run, result, folder, home), {
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
