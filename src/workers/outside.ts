/**
 * A training by a program of the user's, as `--trainer 'command'` names it. The command gets the work as one JSON document
 * on its standard input, and says how far it is and what it came to in JSON lines on its standard output; docs/trainer.md
 * has both forms. It runs below a trainer of ours, in the trainer's process group, so that it dies with it.
 *
 * What it says is checked: a line of another form ends the training for good, since the same program would say the same
 * again. Metrics are computed here from the scores of each video, as those of our own trainings are.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { divided } from '../data/folds.js';
import type { Dataset, Part } from '../data/index.js';
import { writeJson } from '../files.js';
import { describeNetwork } from '../network/index.js';
import { OWN_CHECKPOINTS, RESULT, WEIGHTS } from '../training/attempts.js';
import { readCurve, writeCurve } from '../training/curve.js';
import { tally } from '../training/evaluation.js';
import { TrainingError } from '../training/failure.js';
import {
  type CurvePoint,
  EVALUATION_NAMES,
  EVALUATIONS,
  type Evaluation,
  type EvaluationName,
  TrainingFailure,
  TrainingProgress,
  type TrainingRequest,
  type TrainingResult,
} from '../training/training.js';
import { mismatches, shown } from '../validation.js';
import { explainDeath, kernelKills } from './death.js';

const exact = { additionalProperties: false };

/** Of the document and the lines. Raised with any change that a program would have to know of. */
export const PROTOCOL_VERSION = 1;

const Scores = Type.Array(Type.Array(Type.Number({ minimum: 0 })), {
  description: 'A row a video, in the order given; in it a probability a class. A row sums to 1.',
});

export const Said = Type.Union([
  Type.Object(
    { kind: Type.Literal('progress'), progress: TrainingProgress },
    { ...exact, description: 'How far it is; at least once an hour.' },
  ),
  Type.Object(
    {
      kind: Type.Literal('result'),
      scores: Type.Object(
        Object.fromEntries(EVALUATION_NAMES.map((name) => [name, Type.Optional(Scores)])) as Record<
          EvaluationName,
          Type.TOptional<typeof Scores>
        >,
        exact,
      ),
      trainingLoss: Type.Number({
        description: 'Mean over the last tenth of the steps, on the training clips, nats.',
      }),
      lowestLoss: Type.Optional(
        Type.Number({ description: 'The lowest running mean of the training loss. Default: trainingLoss.' }),
      ),
      views: Type.Optional(
        Type.Integer({ minimum: 1, description: 'Clips that a row is the mean over. Default 1.' }),
      ),
    },
    { ...exact, description: 'What it came to, before it ends with 0.' },
  ),
  Type.Object(
    { kind: Type.Literal('failure'), failure: TrainingFailure },
    { ...exact, description: 'Why there is no result.' },
  ),
]);
export type Said = Static<typeof Said>;
type Result = Extract<Said, { kind: 'result' }>;
const kinds = Said.anyOf.map((schema) => Compile(schema));

const broken = (reason: string) => new TrainingError({ kind: 'internal', retry: 'never', reason });

/** A line of its standard output. Throws TrainingError for what is none of the three. */
export function understood(line: string, number: number): Said {
  const where = `line ${number} of the trainer's standard output`;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw broken(
      `${where}: expected JSON, got ${shown(line)}. Print what is meant for people to standard error.`,
    );
  }
  const kind = (value as { kind?: unknown } | null)?.kind;
  const index = Said.anyOf.findIndex(({ properties }) => properties.kind.const === kind);
  const validator = kinds[index];
  if (!validator)
    throw broken(`${where}: expected kind to be "progress", "result" or "failure", got ${shown(kind)}`);
  if (validator.Check(value)) return value as Said;
  const [first] = mismatches(validator, value);
  throw broken(`${where}: ${first?.field}: expected ${first?.expected}, got ${first?.got}`);
}

const videosOf = ({ videos }: Dataset, part: Part) => videos.filter((video) => video.part === part);

/** What the program gets. Test videos are there only where it is to test on them. */
export function documentFor(request: TrainingRequest, dataset: Dataset) {
  const { folder, cacheFolder: _, pretrainedFolder, device, threads, trainer: __, ...work } = request;
  const { classes } = dataset;
  const asked = new Set<Part>(['train', ...work.evaluations.map((name) => EVALUATIONS[name].part)]);
  return {
    version: PROTOCOL_VERSION,
    folder,
    checkpoints: join(folder, OWN_CHECKPOINTS),
    device,
    threads,
    work,
    ...(work.ancestor ? { pretrainedFolder } : {}),
    network: describeNetwork(work.base, work.factors, { classes: classes.length }),
    classes,
    rate: dataset.rate,
    videos: Object.fromEntries(
      [...asked].map((part) => [part, videosOf(dataset, part).map(({ path, label }) => ({ path, label }))]),
    ),
  };
}

const SUM_ERROR = 1e-3;

/** Throws TrainingError where the scores are not those of the videos. */
function evaluationFrom(name: EvaluationName, rows: number[][], dataset: Dataset, views: number): Evaluation {
  const videos = videosOf(dataset, EVALUATIONS[name].part);
  const classes = dataset.classes.length;
  const wrong = (what: string, expected: string, got: unknown) =>
    broken(`the trainer's result: scores.${name}${what}: expected ${expected}, got ${got}`);
  if (rows.length !== videos.length) throw wrong('', `a row a video, ${videos.length}`, rows.length);
  const sum = tally(classes);
  for (const [index, row] of rows.entries()) {
    if (row.length !== classes) throw wrong(`[${index}]`, `a probability a class, ${classes}`, row.length);
    const total = row.reduce((a, b) => a + b, 0);
    if (!(Math.abs(total - 1) <= SUM_ERROR)) throw wrong(`[${index}]`, 'a sum of 1', total);
    sum.add(videos[index]?.label ?? 0, Float32Array.from(row), 1);
  }
  return { ...sum.result(), viewsPerVideo: views };
}

/** What a program said it came to, as our own trainings say it. Throws TrainingError. */
export function resultFrom(
  { scores, trainingLoss, lowestLoss = trainingLoss, views = 1 }: Result,
  { recipe, evaluations: asked }: TrainingRequest,
  dataset: Dataset,
  seconds: number,
): TrainingResult {
  const evaluations: Partial<Record<EvaluationName, Evaluation>> = {};
  for (const name of asked) {
    const { part, strategy } = EVALUATIONS[name];
    if (dataset.parts[part] === 0) continue;
    const rows = scores[name];
    if (rows) evaluations[name] = evaluationFrom(name, rows, dataset, views);
    // A second way to look at the same videos, for comparison alone.
    else if (strategy === 'center')
      throw broken(`the trainer's result: scores.${name}: expected a row a video, got nothing`);
  }
  return {
    classes: [...dataset.classes],
    evaluations,
    trainingLoss,
    lowestLoss: Math.min(lowestLoss, trainingLoss),
    steps: recipe.steps,
    seconds,
    clipsPerSecond: (recipe.steps * recipe.batchSize) / Math.max(seconds, 1e-3),
    peakBytes: 0,
    stepShare: 1,
  };
}

/** Of the scores of Kinetics' validation videos it is a tenth. */
const MOST_LINE = 512 * 1024 * 1024;

async function* linesOf(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
  let pieces: string[] = [];
  let length = 0;
  for await (const text of stream.setEncoding('utf8')) {
    const [first = '', ...more] = String(text).split('\n');
    pieces.push(first);
    length += first.length;
    if (length > MOST_LINE) throw broken("a line of the trainer's standard output is longer than 512 MB");
    for (const piece of more) {
      yield pieces.join('');
      pieces = [piece];
      length = piece.length;
    }
  }
  if (length > 0) yield pieces.join('');
}

const CURVE_MS = 1000;

/** Progress with loss, accuracy and rate makes the training's curve, after what an earlier start wrote of it. */
async function openCurve(folder: string) {
  let points: CurvePoint[] = await readCurve(folder);
  let written = 0;
  const write = () => writeCurve(folder, points);
  return {
    add: async ({ phase, done: step, loss, accuracy, learningRate }: TrainingProgress) => {
      if (phase !== 'training' || loss === undefined || accuracy === undefined || learningRate === undefined)
        return;
      points = [...points.filter((point) => point.step < step), { step, loss, accuracy, learningRate }];
      if (Date.now() - written < CURVE_MS) return;
      written = Date.now();
      await write();
    },
    write,
  };
}

const LAST_WORDS = 2000;

/** All that started with the command; the group is the trainer's own where it leads one, and then it dies too. */
function endGroup(child: ChildProcess): void {
  child.kill('SIGKILL');
  try {
    process.kill(-process.pid, 'SIGKILL');
  } catch {
    // It leads none.
  }
}

export interface OutsideOptions {
  /** The request's data, not divided yet. */
  readonly dataset: Dataset;
  readonly onProgress: (progress: TrainingProgress) => void;
}

/**
 * Has the request's trainer do the training, and writes `result.json` and `curve.jsonl` into its folder, in which the
 * program may keep what it likes. Throws TrainingError where it ends without a result.
 */
export async function trainOutside(
  request: TrainingRequest,
  { dataset: whole, onProgress }: OutsideOptions,
): Promise<TrainingResult> {
  const { folder, trainer = '' } = request;
  const dataset = divided(whole, request.division);
  await mkdir(join(folder, OWN_CHECKPOINTS), { recursive: true });
  const curve = await openCurve(folder);
  const killsBefore = await kernelKills();
  const started = performance.now();
  const child = spawn('/bin/sh', ['-c', trainer], { stdio: ['pipe', 'pipe', 'pipe'] });
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const ended = () => endGroup(child);
  process.on('exit', ended);
  let lastWords = '';
  child.stderr.on('data', (bytes: Buffer) => {
    lastWords = (lastWords + bytes.toString()).slice(-LAST_WORDS);
    process.stderr.write(bytes);
  });
  // One that ends before it has read all of it says so by how it ends.
  child.stdin.on('error', () => {});
  child.stdin.end(`${JSON.stringify(documentFor(request, dataset))}\n`);
  let last: Said | undefined;
  try {
    let number = 0;
    for await (const line of linesOf(child.stdout)) {
      number++;
      if (line.trim() === '') continue;
      last = understood(line, number);
      if (last.kind !== 'progress') continue;
      onProgress(last.progress);
      await curve.add(last.progress);
    }
    const [code, signal] = await closed;
    process.off('exit', ended);
    await curve.write();
    if (last?.kind === 'failure') throw new TrainingError(last.failure);
    if (code !== 0) {
      const kernelKilled = (await kernelKills()) > killsBefore;
      throw new TrainingError(explainDeath({ code, signal, lastWords: lastWords.trim(), kernelKilled }));
    }
    if (last?.kind !== 'result')
      throw broken('the trainer ended with status 0 and a last line that is no result');
    const seconds = (performance.now() - started) / 1000;
    const result = resultFrom(last, request, dataset, seconds);
    // A result is whole with its weights; a program may have none to leave.
    const weights = join(folder, WEIGHTS);
    if (!(await stat(weights).catch(() => undefined))) await writeFile(weights, '');
    await writeJson(join(folder, RESULT), result);
    return result;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}
