/** What `evaluate` found: as a table, as JSON, and as files. */
import { join } from 'node:path';
import pc from 'picocolors';
import { csvRow } from '../csv.js';
import type { Part } from '../data/index.js';
import { writeJson, writeWhole } from '../files.js';
import { confusionSpecification } from '../search/charts/confusion.js';
import { svgOf } from '../search/drawing.js';
import { type Interval, shareInterval } from '../search/reporting/intervals.js';
import type { Assessment } from '../training/assess.js';
import { mistakesIn } from '../training/predictions.js';
import type { Evaluation } from '../training/training.js';
import { percent } from './figures.js';
import { columns } from './table.js';

export interface Evaluated extends Assessment {
  readonly part: 'validation' | 'test';
  readonly classes: readonly string[];
  /** Whose videos they are, where that is known. */
  readonly search?: {
    readonly name: string;
    /** Of the search's own part. */
    readonly own: number;
    /** That were left out, by their part in the search. */
    readonly leftOut: Readonly<Record<Part, number>>;
  };
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

const intervalText = ({ from, to }: Interval) => `${(100 * from).toFixed(1)} to ${percent(to)}`;

/** The end of a text that is too long: of a path it says the most. */
const shortened = (text: string, most: number) => (text.length <= most ? text : `…${text.slice(1 - most)}`);

/** Mistakes that are named. */
const MOST_MISTAKES = 10;
const MOST_NAME = 34;
const MOST_CLASS = 14;

const plural = (count: number, one: string) => `${count} ${one}${count === 1 ? '' : 's'}`;

/** Which videos these are. */
function sourceText({ part, search, center }: Evaluated): string[] {
  const all = plural(center.videos, 'video');
  if (!search) return [`on ${all} of the ${part} part`];
  const { name, own, leftOut } = search;
  const others = center.videos - own;
  const what =
    others === 0
      ? `the ${part} part of run ${name}`
      : own === 0
        ? `the ${part} part, none of them of run ${name}`
        : `the ${part} part: ${own} of run ${name}, ${others} that it did not have`;
  const left = (['train', 'validation', 'test'] as const).flatMap((one) =>
    leftOut[one] === 0 ? [] : [`${leftOut[one]} of its ${one === 'train' ? 'training' : one} part`],
  );
  return [
    `on ${all} of ${what}`,
    ...(left.length === 0 ? [] : [`left out    ${left.join(', ')}: the network was made with them`]),
    ...(part === 'validation' && own > 0
      ? [pc.yellow('Validation videos chose this network: it does better on them.')]
      : []),
  ];
}

function mistakesText({ videos, classes }: Evaluated): string[] {
  const mistakes = mistakesIn(videos);
  if (mistakes.length === 0) return [];
  const table = columns({
    'worst mistakes': 'left',
    class: 'left',
    'taken for': 'left',
    score: 'right',
    'of class': 'right',
  });
  const name = (label: number) => shortened(classes[label] ?? String(label), MOST_CLASS);
  for (const { video, label, predicted, score, likelihood } of mistakes.slice(0, MOST_MISTAKES))
    table.push([
      // Of a list's videos, which may lie anywhere, the way there from the list says nothing.
      shortened(video.replace(/^(\.\.\/)+/, ''), MOST_NAME),
      name(label),
      name(predicted),
      percent(score),
      percent(likelihood),
    ]);
  const more = mistakes.length - MOST_MISTAKES;
  return ['', table.toString(), ...(more > 0 ? [`and ${more} more`] : [])];
}

export function evaluationText(evaluated: Evaluated): string {
  const table = columns({
    strategy: 'left',
    views: 'right',
    'top-1': 'right',
    '95 % interval': 'right',
    'top-5': 'right',
    loss: 'right',
  });
  const row = (name: string, { videos, viewsPerVideo, metrics }: Evaluation) =>
    table.push([
      name,
      viewsPerVideo,
      percent(metrics.accuracy),
      intervalText(shareInterval(metrics.accuracy, videos)),
      percent(metrics.top5),
      metrics.loss.toFixed(3),
    ]);
  row('K-Center', evaluated.center);
  row('K-LeftCenterRight', evaluated.leftCenterRight);
  return [
    table.toString(),
    ...sourceText(evaluated),
    ...evaluated.skipped.map(({ path, reason }) => pc.yellow(`skipped     ${path}: ${reason}`)),
    ...mistakesText(evaluated),
  ].join('\n');
}

/** With names for classes; the worst mistakes first. */
export function evaluationData({ videos, classes, ...rest }: Evaluated) {
  const name = (label: number) => classes[label] ?? String(label);
  const mistakes = mistakesIn(videos);
  const wrong = new Set(mistakes);
  const named = [...mistakes, ...videos.filter((video) => !wrong.has(video))].map(
    ({ video, label, predicted, score, likelihood, windows }) => ({
      video,
      class: name(label),
      predicted: name(predicted),
      score,
      likelihood,
      windows: windows.map(({ predicted: own, ...window }) => ({ ...window, predicted: name(own) })),
    }),
  );
  return { classes, ...rest, videos: named };
}

const COLUMNS = ['video', 'window', 'from', 'to', 'class', 'predicted', 'score', 'score of class'];

/** A row for each video, window "all", and below it one for each of its windows. */
function csvText(evaluated: Evaluated): string {
  const rounded = (value: number) => Number(value.toFixed(6));
  const rows = evaluationData(evaluated).videos.flatMap(
    ({ video, class: truth, predicted, score, likelihood, windows }) => [
      [video, 'all', '', '', truth, predicted, rounded(score), rounded(likelihood)],
      ...windows.map((window, index) => [
        video,
        index + 1,
        rounded(window.from),
        rounded(window.to),
        truth,
        window.predicted,
        rounded(window.score),
        rounded(window.likelihood),
      ]),
    ],
  );
  return [COLUMNS, ...rows].map(csvRow).join('');
}

/** evaluation.json, predictions.csv and confusion.svg. */
export async function writeEvaluation(folder: string, evaluated: Evaluated): Promise<void> {
  const { classes, center } = evaluated;
  await writeJson(join(folder, 'evaluation.json'), evaluationData(evaluated));
  await writeWhole(join(folder, 'predictions.csv'), csvText(evaluated));
  await writeWhole(
    join(folder, 'confusion.svg'),
    await svgOf(confusionSpecification(classes, center.confusion)),
  );
}
