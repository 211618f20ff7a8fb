/** `train`: one network, without a search: the same engine, recipes, checkpoints and folder. */
import { availableParallelism } from 'node:os';
import { Command, Option } from 'commander';
import { X3dError } from '../../errors.js';
import { type Home, homeAt } from '../../home.js';
import { openEnergyMeter } from '../../search/reporting/energy.js';
import { reportSingle, type Standing, singleView } from '../../search/reporting/single.js';
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
import { example, homeOption, jsonOption, numeric, whole } from '../flags.js';
import { adviceOn, deviceNamed, refuseMissing } from '../fleet.js';
import { interruptible } from '../interruption.js';
import { recipeOption } from '../recipe.js';
import { goingOn, singleText } from '../result.js';
import { invalid, newSingleRun, type TrainOptions } from '../single.js';
import { networkText } from '../tables.js';
import { type Watching, watch } from '../watching.js';

/** Cores beyond these help one training of a small network little. */
const MOST_THREADS = 4;

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

/** What is trained, as flags or --resume say. */
async function runOf(
  path: string | undefined,
  options: TrainOptions,
  home: Home,
  watching: Watching,
  signal: AbortSignal,
): Promise<SingleRun> {
  const run =
    options.resume === undefined
      ? await newSingleRun(path as string, options, home, watching, signal)
      : await readSingleRun(home, options.resume);
  const { work, training } = run;
  watching.note(`run ${run.run}: ${networkText(work.factors)}, ${work.recipe.steps} steps`, {
    kind: 'run',
    run: run.run,
    training,
    work,
  });
  return run;
}

async function train(path: string | undefined, options: TrainOptions): Promise<void> {
  const { resume, device, trainer } = options;
  const home = homeAt(options.home);
  if (resume !== undefined) refuseBesideResume(path, options);
  else if (path === undefined) throw invalid('videos', 'a folder of videos, or --resume', 'nothing');
  refuseMissing([device]);
  const watching = watch(options.json ?? false);
  const threads = options.threads ?? Math.min(availableParallelism(), MOST_THREADS);
  const meter = openEnergyMeter();
  let run: SingleRun | undefined;
  let result: TrainingResult | undefined;
  /** What was trained is there all the same where its report can't be written. */
  const report = (of: SingleRun, now: Standing) =>
    reportSingle(home, of, now, meter).catch((error: unknown) => {
      if (!(error instanceof X3dError)) throw error;
      watching.note(`The report was not written: ${error.message}`, {
        kind: 'unreported',
        reason: error.message,
      });
    });
  try {
    const interrupted = await interruptible(async (signal) => {
      for (const { line, data } of adviceOn([device])) watching.note(line, data);
      try {
        run = await runOf(path, options, home, watching, signal);
        result = await finishedSingle(home, run);
        if (result) return;
        await report(run, { kind: 'running' });
        const { work, videos } = run;
        const places = {
          folder: trainingFolder(home, run),
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
      await report(run, { kind: 'ended' });
      const { evaluations, steps, seconds } = result;
      watching.note(singleText(await singleView(home, run.run), home), {
        kind: 'result',
        run: run.run,
        network: { ...run.work.factors },
        evaluations,
        steps,
        seconds,
        folder,
      });
    } else if (interrupted) {
      if (run) await report(run, { kind: 'paused' });
      const again = run && goingOn(run.run, home);
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
    const { failure } = error;
    await report(run, { kind: 'failed', reason: failure.reason });
    const again = goingOn(run.run, home);
    watching.note(
      `The training failed: ${failure.reason}\nThis goes on from its last checkpoint:\n  ${again}`,
      { kind: 'failed', run: run.run, failure, resume: again },
    );
    process.exitCode = EXIT.failedSearch;
  } finally {
    meter.close();
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
