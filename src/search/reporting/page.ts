/**
 * A search, or one training without a search, as one page that needs nothing beside it: no request leaves it. What it
 * shows is data of the run's folder; names of others are escaped.
 */
import type { DataConfiguration, Dataset } from '../../data/index.js';
import { PARTS } from '../../data/index.js';
import { html, type Markup, markup } from '../../markup.js';
import type { Factors } from '../../network/index.js';
import { METRICS } from '../../training/metrics.js';
import type { VideoPrediction } from '../../training/predictions.js';
import type { Evaluation, EvaluationName, Score } from '../../training/training.js';
import { amount } from '../counted.js';
import { warningsOn } from '../planning/warnings.js';
import { moveOf } from '../state.js';
import type { CandidateView, FinalView, RoundView, Trajectory } from '../views.js';
import { type Interval, meanInterval, shareInterval } from './intervals.js';
import type { RunFacts } from './run.js';
import { STYLE } from './style.js';

/** What a page tells of. A training without a search has no rounds. */
export interface Told
  extends Pick<
    Trajectory,
    | 'complexity'
    | 'contraction'
    | 'createdAt'
    | 'dataset'
    | 'endedAt'
    | 'notes'
    | 'recipeChoice'
    | 'rounds'
    | 'spending'
    | 'unreachable'
  > {
  readonly title: string;
  /** What was asked for, and of which videos. */
  readonly about: string;
  /** How it stands where it is not at its end. */
  readonly standing?: string;
  /** How it was made: the method, the seed. */
  readonly method: string;
  /** How the test videos were kept apart. */
  readonly apart: string;
  /** What is above the command that repeats it. */
  readonly again: string;
  /** The network found. `reason`: why this one. */
  readonly final?: Pick<FinalView, 'factors' | 'cost' | 'outcome'> & { readonly reason?: string };
  /** With every default. */
  readonly configuration: { readonly data: DataConfiguration };
}

/** What a page is made of; pictures as SVG, strips as JPEG. */
export interface Reported {
  readonly told: Told;
  readonly facts: RunFacts;
  /** Absent in runs that began before it was kept. */
  readonly data: Dataset | undefined;
  readonly pictures: {
    readonly trajectory?: string;
    readonly curves: readonly { readonly title: string; readonly svg: string }[];
    readonly confusion?: string;
  };
  readonly tested: { readonly name: EvaluationName; readonly evaluation: Evaluation } | undefined;
  /** The worst first, as many as are shown. */
  readonly mistakes: readonly VideoPrediction[];
  /** How many there are. */
  readonly mistaken: number;
  readonly strips: ReadonlyMap<string, Buffer>;
  /** Of what the page would show, what can't be read, and why. */
  readonly damaged: readonly string[];
}

/** As the target counts it. */
const costText = (cost: CandidateView['cost'], complexity: Trajectory['complexity']): string => {
  const value = cost[complexity];
  return value === undefined ? '' : amount(value);
};
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const minutes = (seconds: number): string =>
  seconds < 90
    ? `${Math.round(seconds)} s`
    : seconds < 6000
      ? `${Math.round(seconds / 60)} min`
      : `${(seconds / 3600).toFixed(1)} h`;
const time = (iso: string): string => iso.replace('T', ' ').replace(/\.\d+Z$/, ' UTC');
const networkText = ({ frames, stride, crop, width, bottleneck, depth }: Factors): string =>
  `${frames}x${stride}, ${crop} px, w ${width}, b ${bottleneck}, d ${depth}`;

const interval = ({ from, to }: Interval, text: (value: number) => string) => `${text(from)} to ${text(to)}`;

const EVALUATION_TITLES: Readonly<Record<EvaluationName, string>> = {
  test: 'test videos, middle of the frame',
  'test-left-center-right': 'test videos, three windows across the frame',
  validation: 'validation videos, middle of the frame',
  'validation-left-center-right': 'validation videos, three windows across the frame',
};

function scoreRow(name: EvaluationName, { videos, viewsPerVideo, metrics, errors }: Score): Markup {
  return html`<tr><td class="t">${EVALUATION_TITLES[name]}</td><td class="n">${videos}</td><td class="n">${viewsPerVideo}</td><td class="n">${percent(metrics.accuracy)}</td><td class="n">${interval(shareInterval(metrics.accuracy, videos), percent)}</td><td class="n">${percent(metrics.top5)}</td><td class="n">${metrics.loss.toFixed(3)}</td><td class="n">${interval(meanInterval(metrics.loss, errors.loss), (value) => Math.max(0, value).toFixed(3))}</td></tr>`;
}

/** What was found, in figures, and how sure they are. */
function result({ told, data }: Reported): Markup {
  const { final, standing, unreachable, notes, dataset, apart } = told;
  const evaluations = Object.entries(final?.outcome?.evaluations ?? {}) as [EvaluationName, Score][];
  const [first] = [...evaluations].sort(([a], [b]) => Number(b === 'test') - Number(a === 'test'));
  return html`
${standing !== undefined && html`<p class="warn">${standing}</p>`}
${
  first &&
  html`<p class="big">${percent(first[1].metrics.accuracy)} of ${first[1].videos} ${first[0].startsWith('test') ? 'test' : 'validation'} videos right</p>
<p>With 95 % confidence the accuracy on such videos is ${interval(shareInterval(first[1].metrics.accuracy, first[1].videos), percent)}; guessing comes to ${percent(dataset.chance.accuracy)}.</p>`
}
${
  final &&
  html`<dl>
<dt>network</dt><dd>${networkText(final.factors)}</dd>
<dt>multiply-adds</dt><dd>${final.cost.multiplyAdds.toLocaleString('en-US')} a clip</dd>
<dt>parameters</dt><dd>${final.cost.parameters.toLocaleString('en-US')}</dd>
${final.reason !== undefined && html`<dt>why this one</dt><dd>${final.reason}</dd>`}
</dl>`
}
${unreachable !== undefined && html`<p class="warn">The target was not reached: ${unreachable}</p>`}
${notes.map((note) => html`<p class="warn">${note}</p>`)}
${
  evaluations.length > 0 &&
  html`<div class="wide"><table><thead><tr><th>tested on</th><th class="n">videos</th><th class="n">views each</th><th class="n">accuracy</th><th class="n">95 % interval</th><th class="n">top 5</th><th class="n">loss</th><th class="n">95 % interval</th></tr></thead>
<tbody>${evaluations.map(([name, score]) => scoreRow(name, score))}</tbody></table></div>`
}
${data && data.parts.test > 0 && final?.outcome && html`<p class="quiet">${apart}</p>`}`;
}

const drawn = (svg: string | undefined, caption = ''): Markup | false =>
  svg !== undefined &&
  html`<figure class="drawn">${markup(svg)}${caption !== '' && html`<figcaption class="quiet">${caption}</figcaption>`}</figure>`;

const estimate = ({ estimates }: CandidateView, metric: 'accuracy' | 'loss'): string => {
  const own = estimates?.[metric];
  if (!own) return '';
  return metric === 'accuracy'
    ? `${percent(own.mean)} ± ${(100 * own.error).toFixed(0)}`
    : `${own.mean.toFixed(2)} ± ${own.error.toFixed(2)}`;
};

/** What decided a round, in one sentence. */
function choiceSentence(round: RoundView): string {
  const { winner, candidates } = round;
  if (!winner) return 'not decided yet';
  const { choice } = winner;
  const rival = candidates.find(({ id }) => id === choice.runnerUp);
  const by =
    choice.decidedBy in METRICS
      ? METRICS[choice.decidedBy as keyof typeof METRICS].title
      : choice.decidedBy.replaceAll('-', ' ');
  const sure =
    choice.probability === undefined ? '' : `, the best with a probability of ${percent(choice.probability)}`;
  const ahead =
    rival && choice.difference
      ? `; ${METRICS[choice.difference.metric].title} ${Math.abs(choice.difference.value).toFixed(3)} ± ${choice.difference.error.toFixed(3)} from ${moveOf(rival)}`
      : '';
  return `${choice.undecided ? 'within the noise, ' : ''}by ${by}${sure}${ahead}`;
}

function choices({ told }: Reported): Markup {
  const { rounds, recipeChoice, contraction, complexity } = told;
  const shown = rounds.filter(({ step }) => step !== 'recipe');
  return html`
${recipeChoice && html`<p>Recipe: ${recipeChoice.changed.length === 0 ? 'as it was' : recipeChoice.changed.join(', ')} (${recipeChoice.reason}).</p>`}
<div class="wide"><table><thead><tr><th class="n">round</th><th>won by</th><th>network</th><th class="n">${complexity === 'multiplyAdds' ? 'multiply-adds' : complexity}</th><th class="n">accuracy</th><th class="n">loss</th><th>how sure</th></tr></thead><tbody>
${shown.map((round) => {
  const won = round.candidates.find(({ id }) => id === round.winner?.candidate);
  return html`<tr><td class="n">${round.round}</td><td>${won ? moveOf(won) : ''}</td><td class="k">${won ? networkText(won.factors) : ''}</td><td class="n">${won ? costText(won.cost, complexity) : ''}</td><td class="n">${won ? estimate(won, 'accuracy') : ''}</td><td class="n">${won ? estimate(won, 'loss') : ''}</td><td class="t">${choiceSentence(round)}</td></tr>`;
})}
${contraction && html`<tr><td></td><td>${contraction.axis} back</td><td class="k">${networkText(contraction.to)}</td><td class="n">${costText(contraction.cost, complexity)}</td><td class="n">${contraction.candidate ? estimate(contraction.candidate, 'accuracy') : ''}</td><td class="n">${contraction.candidate ? estimate(contraction.candidate, 'loss') : ''}</td><td>to the target</td></tr>`}
</tbody></table></div>
<p class="quiet">Accuracy and loss are of validation videos, with one standard error, of the noise of trainings and videos.</p>`;
}

function candidates({ told }: Reported): Markup {
  const { rounds, complexity } = told;
  const row = (round: RoundView, candidate: CandidateView) => {
    const seconds = candidate.trainings.reduce((sum, { outcome }) => sum + (outcome?.seconds ?? 0), 0);
    const failure = candidate.trainings.findLast((training) => training.failure)?.failure?.reason;
    return html`<tr${candidate.id === round.winner?.candidate && markup(' class="won"')}><td class="n">${round.round}</td><td>${moveOf(candidate)}</td><td class="k">${networkText(candidate.factors)}</td><td class="n">${costText(candidate.cost, complexity)}</td><td class="n">${estimate(candidate, 'accuracy')}</td><td class="n">${estimate(candidate, 'loss')}</td><td class="n">${candidate.trainings.length}</td><td class="n">${minutes(seconds)}</td><td>${candidate.dropped ?? (candidate.estimates ? '' : failure)}</td></tr>`;
  };
  return html`<details><summary>All candidates, with what became of them</summary><div class="wide"><table><thead><tr><th class="n">round</th><th>change</th><th>network</th><th class="n">cost</th><th class="n">accuracy</th><th class="n">loss</th><th class="n">trainings</th><th class="n">time</th><th>dropped</th></tr></thead><tbody>
${rounds.map((round) => [
  ...round.candidates.map((candidate) => row(round, candidate)),
  ...round.skipped.map(
    ({ axis, reason }) =>
      html`<tr><td class="n">${round.round}</td><td>${axis}</td><td colspan="7" class="quiet">left out: ${reason}</td></tr>`,
  ),
])}</tbody></table></div></details>`;
}

function mistakes({ mistakes: shown, mistaken, strips, tested, told, pictures }: Reported): Markup | false {
  if (!tested) return false;
  const { classes } = told.dataset;
  const name = (label: number) => classes[label] ?? String(label);
  const one = ({ video, label, predicted, score, likelihood }: VideoPrediction) => {
    const strip = strips.get(video);
    return html`<figure class="mistake">${strip && html`<img src="data:image/jpeg;base64,${strip.toString('base64')}" alt="Six frames of ${video}" width="576" height="96">`}
<figcaption>${video}: <b>${name(label)}</b> taken for <b>${name(predicted)}</b> (score ${percent(score)}; of ${name(label)} ${percent(likelihood)})</figcaption></figure>`;
  };
  return html`<h2>What is taken for what</h2>
${drawn(pictures.confusion)}
${
  mistaken === 0
    ? shown.length === 0 && html`<p>Every video is right, or what was said of each was not kept.</p>`
    : html`<p>${mistaken} of ${tested.evaluation.videos} videos are wrong. The worst first, by the score of the true class${shown.length < mistaken && `; ${shown.length} are shown`}. The frames are evenly spaced.</p>${shown.map(one)}`
}`;
}

function videos({ data, told }: Reported): Markup {
  const { dataset, configuration } = told;
  if (!data)
    return html`<dl><dt>videos</dt><dd>${configuration.data.path}</dd><dt>fingerprint</dt><dd>${dataset.fingerprint}</dd></dl>`;
  const count = (label: number, part: string) =>
    data.videos.filter((video) => video.label === label && video.part === part).length;
  const groupsIn = (part: string) => [
    ...new Set(
      data.videos.flatMap((video) => (video.part === part && video.group !== undefined ? [video.group] : [])),
    ),
  ];
  const warnings = warningsOn(data);
  return html`<dl>
<dt>folder</dt><dd>${configuration.data.path}</dd>
<dt>frame rate</dt><dd>strides count at ${data.rate} frames per second</dd>
${PARTS.map((part) => groupsIn(part).length > 0 && html`<dt>${part} groups</dt><dd>${groupsIn(part).join(', ')}</dd>`)}
<dt>fingerprint</dt><dd><code>${data.fingerprint}</code></dd>
</dl>
${warnings.map(({ message }) => html`<p class="warn">${message}</p>`)}
<details${data.classes.length <= 12 && markup(' open')}><summary>${data.classes.length} classes</summary><div class="wide"><table><thead><tr><th>class</th>${PARTS.map((part) => html`<th class="n">${part}</th>`)}</tr></thead><tbody>
${data.classes.map((name, label) => html`<tr><td>${name}</td>${PARTS.map((part) => html`<td class="n">${count(label, part)}</td>`)}</tr>`)}
<tr class="won"><td>all</td>${PARTS.map((part) => html`<td class="n">${data.parts[part]}</td>`)}</tr></tbody></table></div></details>
${
  data.skipped.length + data.noVideo.length + data.remarks.length > 0 &&
  html`<details><summary>Left out or noted: ${data.skipped.length + data.noVideo.length + data.remarks.length}</summary><div class="wide"><table><tbody>
${data.skipped.map(({ path, reason }) => html`<tr><td>${path}</td><td>skipped: ${reason}</td></tr>`)}
${data.noVideo.map(({ reason, files, first }) => html`<tr><td>${files} files, as ${first}</td><td>no video: ${reason}</td></tr>`)}
${data.remarks.map(({ path, remark }) => html`<tr><td>${path}</td><td>${remark}</td></tr>`)}</tbody></table></div></details>`
}`;
}

function making({ facts, told }: Reported): Markup {
  const { versions, machine, workers, command, energy } = facts;
  const { spending, createdAt, endedAt, method, again, configuration } = told;
  const wall = endedAt === undefined ? undefined : (Date.parse(endedAt) - Date.parse(createdAt)) / 1000;
  return html`<dl>
<dt>began</dt><dd>${time(createdAt)}</dd>
${endedAt !== undefined && html`<dt>ended</dt><dd>${time(endedAt)}${wall !== undefined && `, after ${minutes(wall)}`}</dd>`}
<dt>spent</dt><dd>${spending.trainings} ${spending.trainings === 1 ? 'training' : 'trainings'}, ${amount(spending.multiplyAdds)} multiply-adds, ${minutes(3600 * spending.hours)} of workers</dd>
${energy !== undefined && html`<dt>energy</dt><dd>${(energy.joules / 3.6e6).toFixed(3)} kWh of this machine's processors, all that ran on them included</dd>`}
<dt>method</dt><dd>${method}</dd>
<dt>workers</dt><dd>${workers.join(', ') || 'none yet'}</dd>
<dt>machine</dt><dd>${machine.host}: ${machine.processor}, ${machine.cores} cores, ${(machine.memoryBytes / 1e9).toFixed(0)} GB${machine.cards.map((card) => `, ${card}`)}; ${machine.system}</dd>
<dt>versions</dt><dd>${Object.entries(versions).map(([name, version], index) => `${index > 0 ? ', ' : ''}${name} ${version}`)}</dd>
</dl>
<p>${again}</p><pre>${command}</pre>
<p>The network on its own test videos again:</p><pre>x3d-search evaluate --network .</pre>
<details><summary>Configuration, with every default</summary><pre>${JSON.stringify(configuration, undefined, 2)}</pre></details>`;
}

export function reportPage(reported: Reported): string {
  const { told, pictures } = reported;
  const { title, about, rounds } = told;
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title}</title><style>${markup(STYLE)}</style></head><body>
<h1>${title}</h1>
<p class="quiet">${about}</p>
${result(reported)}
${pictures.trajectory !== undefined && html`<h2>What was tried</h2>${drawn(pictures.trajectory)}`}
${rounds.length > 0 && html`<h2>The choices, and how sure each was</h2>${choices(reported)}${candidates(reported)}`}
${mistakes(reported)}
${pictures.curves.length > 0 && html`<h2>How the ${rounds.length > 0 ? 'networks' : 'network'} learned</h2>${pictures.curves.map(({ title, svg }) => html`<h3>${title}</h3>${drawn(svg)}`)}`}
<h2>The videos</h2>${videos(reported)}
<h2>How it was made</h2>${reported.damaged.map((what) => html`<p class="warn">${what}</p>`)}${making(reported)}
</body></html>
`.markup;
}
