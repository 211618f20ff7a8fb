/** Predictions over time as one HTML file that needs nothing beside it: a strip of colours and a curve of each class. */
import { type Stretch, smoothed, stretchesOf, type TimedPrediction, topClasses } from './predicting.js';

/** Distinct on white; more classes take them again. After Paul Tol's muted scheme. */
const COLOURS = ['#4477aa', '#ee6677', '#228833', '#ccbb44', '#66ccee', '#aa3377', '#777777', '#ee8866'];
/** Classes whose curves are drawn: those that are most probable at any time come first. */
const MOST_CURVES = 8;
const WIDTH = 1000;
const CURVES_HEIGHT = 160;

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

export function clock(seconds: number): string {
  const tenths = Math.round(seconds * 10);
  const [minutes, rest] = [Math.floor(tenths / 600), (tenths % 600) / 10];
  return `${minutes}:${rest.toFixed(1).padStart(4, '0')}`;
}

const percent = (score: number) => `${(100 * score).toFixed(0)} %`;

function section({ video, scores, windows }: TimedPrediction, classes: readonly string[]): string {
  const seconds = Math.max(video.seconds, 1e-9);
  const smooth = smoothed(windows);
  const stretches = stretchesOf(smooth, video.seconds);
  const peaks = scores.map((_, k) =>
    smooth.reduce((peak, window) => Math.max(peak, window.scores[k] as number), 0),
  );
  const shown = topClasses(peaks, MOST_CURVES).map(({ label }) => label);
  const colourOf = (label: number) => COLOURS[shown.indexOf(label) % COLOURS.length] ?? '#bbbbbb';
  const name = (label: number) => escaped(classes[label] ?? String(label));
  const x = (time: number) => ((WIDTH * time) / seconds).toFixed(1);
  const y = (score: number) => (CURVES_HEIGHT * (1 - score)).toFixed(1);
  const strip = ({ from, to, label, score }: Stretch) =>
    `<rect x="${x(from)}" y="0" width="${x(to - from)}" height="24" fill="${colourOf(label)}">` +
    `<title>${clock(from)} to ${clock(to)}: ${name(label)}, ${percent(score)}</title></rect>`;
  const curve = (label: number) => {
    const points = smooth.map(
      ({ from, to, scores: own }) => `${x((from + to) / 2)},${y(own[label] as number)}`,
    );
    return `<polyline fill="none" stroke="${colourOf(label)}" stroke-width="2" points="${points.join(' ')}"><title>${name(label)}</title></polyline>`;
  };
  const rows = stretches.map(
    ({ from, to, label, score }) =>
      `<tr><td>${clock(from)}</td><td>${clock(to)}</td><td><i style="background:${colourOf(label)}"></i>${name(label)}</td><td>${percent(score)}</td></tr>`,
  );
  return `<section><h2>${escaped(video.name)}</h2>
<p>${clock(video.seconds)}, ${windows.length} windows. On the whole: ${topClasses(scores, 3)
    .map(({ label, score }) => `${name(label)} ${percent(score)}`)
    .join(', ')}.</p>
<svg viewBox="0 -4 ${WIDTH} ${CURVES_HEIGHT + 48}" role="img" aria-label="Scores over time">
<line x1="0" y1="${CURVES_HEIGHT}" x2="${WIDTH}" y2="${CURVES_HEIGHT}" stroke="#999"/><line x1="0" y1="${CURVES_HEIGHT / 2}" x2="${WIDTH}" y2="${CURVES_HEIGHT / 2}" stroke="#ddd"/>
${[...shown].reverse().map(curve).join('\n')}
<g transform="translate(0 ${CURVES_HEIGHT + 14})">${stretches.map(strip).join('')}</g>
</svg>
<p class="key">${shown.map((label) => `<span><i style="background:${colourOf(label)}"></i>${name(label)}</span>`).join(' ')}</p>
<table><tr><th>from</th><th>to</th><th>class</th><th>score</th></tr>${rows.join('')}</table></section>`;
}

/** `classes` in the order of the scores. */
export function timelineHtml(
  network: string,
  classes: readonly string[],
  predictions: readonly TimedPrediction[],
): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(network)}: predictions over time</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:1040px;margin:2rem auto;padding:0 1rem}
h2{font-size:1rem;margin:2rem 0 0;overflow-wrap:anywhere}p{margin:.2rem 0}svg{width:100%;height:auto}
i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em}.key span{margin-right:1.2em}
td,th{padding:0 1.2em 0 0;text-align:left;font-weight:normal;font-variant-numeric:tabular-nums}th{color:#777}
</style></head><body>
<h1>${escaped(network)}</h1><p>The most probable class over time, and the scores (0 to 1) of the classes that are highest at any time; each window is smoothed with its neighbours.</p>
${predictions.map((prediction) => section(prediction, classes)).join('\n')}
</body></html>
`;
}
