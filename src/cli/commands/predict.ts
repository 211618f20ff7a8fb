/** `predict`: what a network found says about videos without labels. */
import { relative } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { lookAt, STANDARD_INPUT, videoFiles } from '../../deployment/clips.js';
import { type NamedNetwork, networkNamed } from '../../deployment/named.js';
import type { Prediction, TimedPrediction, Unread } from '../../deployment/predicting.js';
import { X3dError } from '../../errors.js';
import { writeWhole } from '../../files.js';
import { type Home, homeAt } from '../../home.js';
import { type Device, dataThreads } from '../../training/training.js';
import { trainerEnvironment } from '../../workers/child.js';
import { EXIT } from '../failure.js';
import { percent } from '../figures.js';
import { example, homeOption, jsonOption, NETWORK, whole } from '../flags.js';
import { deviceNamed, refuseMissing, slowTraining } from '../fleet.js';
import { say, sayData } from '../printing.js';
import { progressLine } from '../progress.js';
import { columns } from '../table.js';

interface PredictOptions {
  readonly top: number;
  readonly views: number;
  /** Seconds. */
  readonly every?: number;
  readonly timeline?: string;
  readonly device: Device;
  readonly threads: number;
  readonly home: string;
  readonly json?: boolean;
}

/** Between the starts of windows where only the timeline asks for them, seconds. */
const DEFAULT_EVERY = 1;

function seconds(text: string): number {
  const [, value, unit] = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(text) ?? [];
  const found = Number(value) / (unit === 'ms' ? 1000 : 1);
  if (!(found > 0)) throw new InvalidArgumentError('Expected a duration above 0 such as 1s, 0.5s or 500ms.');
  return found;
}

/** As short as the user would write it. */
function shownPath(path: string): string {
  const own = relative(process.cwd(), path);
  return own === '' || own.startsWith('..') ? path : own;
}

type Outcome = Prediction | TimedPrediction | Unread;
type Deployment = typeof import('../../deployment/predicting.js');

/** One line of JSON. */
function asData(
  outcome: Outcome,
  { classes }: NamedNetwork,
  top: number,
  { topClasses, smoothed }: Deployment,
) {
  const video = shownPath(outcome.video.path);
  if ('reason' in outcome) return { video, error: outcome.reason };
  const named = (scores: Float64Array) =>
    topClasses(scores, top).map(({ label, score }) => ({ class: classes[label], score }));
  return {
    video,
    top: named(outcome.scores),
    seconds: outcome.video.seconds,
    ...('windows' in outcome
      ? {
          windows: smoothed(outcome.windows).map(({ from, to, scores }) => ({
            from,
            to,
            top: named(scores),
          })),
        }
      : {}),
  };
}

function tableOf(
  found: readonly Prediction[],
  { classes }: NamedNetwork,
  top: number,
  deployment: Deployment,
) {
  const table = columns({
    video: 'left',
    class: 'left',
    score: 'right',
    ...(top > 1 ? { 'then follow': 'left' as const } : {}),
  });
  for (const { video, scores } of found) {
    const [first, ...others] = deployment.topClasses(scores, top);
    const rest = others.map(({ label, score }) => `${classes[label]} ${percent(score)}`).join(', ');
    table.push([
      shownPath(video.path),
      classes[first?.label ?? 0] ?? '',
      percent(first?.score ?? 0),
      ...(top > 1 ? [rest] : []),
    ]);
  }
  return table.toString();
}

function timedTableOf(
  found: readonly TimedPrediction[],
  { classes }: NamedNetwork,
  clock: (seconds: number) => string,
  { smoothed, stretchesOf }: Deployment,
) {
  const table = columns({ video: 'left', from: 'right', to: 'right', class: 'left', score: 'right' });
  for (const { video, windows } of found)
    stretchesOf(smoothed(windows), video.seconds).forEach(({ from, to, label, score }, i) => {
      const name = i === 0 ? shownPath(video.path) : '';
      table.push([name, clock(from), clock(to), classes[label] ?? '', percent(score)]);
    });
  return table.toString();
}

async function* outcomesOf(
  named: NamedNetwork,
  looked: Awaited<ReturnType<typeof lookAt>>,
  options: PredictOptions,
  home: Home,
  deployment: Deployment,
): AsyncGenerator<Outcome, void, undefined> {
  const { loadEngine } = await import('../../training/loading.js');
  const { views, device } = options;
  const { engine } = await loadEngine(named.saved, { strategies: ['center'], views, device });
  try {
    if (options.every === undefined) {
      const clips = { views, cacheFolder: home.cache, threads: dataThreads(options) };
      yield* deployment.predictions(engine, named, looked.videos, clips);
      return;
    }
    for (const video of looked.videos) {
      const showing = progressLine(`windows of ${shownPath(video.path)}`);
      yield deployment.timedPrediction(engine, named, video, options.every, showing);
    }
  } finally {
    engine.close();
  }
}

async function filesToPredict(videos: readonly string[]): Promise<string[]> {
  const files = await videoFiles(videos, () => readAll(process.stdin));
  if (files.length > 0) return files;
  throw new X3dError('data', { subject: videos.join(' '), expected: 'videos', got: 'none' });
}

async function predict(network: string, videos: readonly string[], given: PredictOptions): Promise<void> {
  const options = given.timeline === undefined ? given : { every: DEFAULT_EVERY, ...given };
  const { top, device, threads, json, timeline, every } = options;
  const home = homeAt(options.home);
  const named = await networkNamed(network, home);
  refuseMissing([device]);
  const slow = slowTraining();
  if (slow !== undefined) process.stderr.write(`${slow}\n`);
  const files = await filesToPredict(videos);
  // Read as TensorFlow loads.
  Object.assign(process.env, trainerEnvironment(threads, device));
  const deployment = await import('../../deployment/predicting.js');
  const { clock, timelineHtml } = await import('../../deployment/timeline.js');

  const began = performance.now();
  const looked = await lookAt(files, {
    cacheFolder: home.cache,
    onProgress: progressLine('looking at videos'),
  });
  const found: Prediction[] = [];
  let done = 0;
  let failures = 0;
  const fail = (path: string, reason: string) => {
    failures += 1;
    if (json) sayData({ video: shownPath(path), error: reason });
    say(pc.yellow(`${shownPath(path)}: can't be predicted: ${reason}`), process.stderr);
  };
  for (const { path, reason } of looked.failed) fail(path, reason);
  const showing = progressLine('predicting');
  for await (const outcome of outcomesOf(named, looked, options, home, deployment)) {
    if ('reason' in outcome) {
      fail(outcome.video.path, outcome.reason);
      continue;
    }
    if (json) sayData(asData(outcome, named, top, deployment));
    if (!json || timeline !== undefined) found.push(outcome);
    showing(++done, looked.videos.length);
  }
  const took = (performance.now() - began) / 1000;

  const timed = found.filter((prediction): prediction is TimedPrediction => 'windows' in prediction);
  if (timeline !== undefined) {
    await writeWhole(
      timeline,
      timelineHtml(
        named.name,
        named.classes,
        timed.map((prediction) => ({
          ...prediction,
          video: { ...prediction.video, name: shownPath(prediction.video.path) },
        })),
      ),
    );
  }
  if (!json && found.length > 0)
    say(
      every === undefined
        ? tableOf(found, named, top, deployment)
        : timedTableOf(timed, named, clock, deployment),
    );
  const missed = failures > 0 ? `; ${failures} of ${files.length} could not be predicted` : '';
  process.stderr.write(
    `${done} ${done === 1 ? 'video' : 'videos'} in ${took.toFixed(1)} s, ${(done / took).toFixed(1)} videos per second${missed}\n`,
  );
  if (failures > 0) process.exitCode = EXIT.badInput;
}

export function predictCommand(): Command {
  return new Command('predict')
    .description('Say what a network found sees in videos: classes with scores')
    .argument('<network>', NETWORK)
    .argument(
      '<videos...>',
      `files; folders with all below them; lists (.txt, .csv) with a path per line; ${STANDARD_INPUT} for paths on standard input`,
    )
    .option('--top <k>', 'classes named for each video', whole, 3)
    .option('--views <n>', 'clips a video, evenly spaced, as `evaluate` takes them', whole, 10)
    .option(
      '--every <duration>',
      'for long videos: a window each such time, as 1s, instead of --views',
      seconds,
    )
    .option(
      '--timeline <file>',
      `write the windows as one HTML page (with --every ${DEFAULT_EVERY}s where none is given)`,
    )
    .option('--device <name>', 'cpu, or a CUDA card as cuda:0', deviceNamed, 'cpu')
    .option('--threads <n>', 'of the engine; on a card, that decode', whole, 1)
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
With --json, each line is an object: {"video", "top": [{"class", "score"}], "seconds"}, the length of the video, and with
--every also "windows": [{"from", "to", "top"}]; or {"video", "error"} for a file that could not be predicted. Scores of
windows are smoothed with those of two neighbours on each side.
${example(
  'predict s0123456789 ~/videos/new',
  'predict s0123456789 day.mp4 --every 1s --timeline day.html',
  'predict s0123456789 - --json < paths.txt',
)}`,
    )
    .action(predict);
}
