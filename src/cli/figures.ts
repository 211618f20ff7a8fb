/** How figures are written for people. */
import type { Factors } from '../network/index.js';
import type { Complexity } from '../search/configuration.js';
import { amount, counted, quantity } from '../search/counted.js';
import type { CandidateCost } from '../search/events.js';
import type { Ending } from '../search/planning/ending.js';
import type { Range } from '../search/planning/plan.js';
import type { Score } from '../training/training.js';

export { amount, quantity };

/** What a network costs, as its search counts it. */
export const costText = (cost: CandidateCost, complexity: Complexity): string =>
  quantity(counted(cost, complexity), complexity);

/** 1500000 bytes as "1.5 MB". */
export function bytes(value: number): string {
  const text = amount(value);
  const unit = text.replace(/[\d.]/g, '');
  return `${text.slice(0, text.length - unit.length)} ${unit === 'K' ? 'k' : unit}B`;
}

/** 605256512 as "605,256,512". */
export const digits = (value: number): string => value.toLocaleString('en-US');

/** 0.925 as "92.5 %". */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** 75 as "1:15". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const pad = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

/** What is foretold, in one unit: 8 as "8 min", 0.5 as "30 s", 150 as "2.5 h". */
export const roughly = (minutes: number): string =>
  minutes < 1.5
    ? `${Math.round(60 * minutes)} s`
    : minutes < 100
      ? `${Math.round(minutes)} min`
      : `${Number((minutes / 60).toPrecision(2))} h`;

/** "8 min (5 to 12 min)"; without what all would say alike. */
export function spread({ likely, from, to }: Range, text: (value: number) => string): string {
  const [least, most] = [text(from), text(to)];
  if (least === most) return text(likely);
  const [figure, unit] = least.split(' ');
  return `${text(likely)} (${unit !== undefined && most.endsWith(` ${unit}`) ? figure : least} to ${most})`;
}

/** How long it is from now to the end of a search, in words. */
export function timeLeft(ending: Ending, now = Date.now()): string {
  const minutes = (at: string) => Math.max(0, Date.parse(at) - now) / 60_000;
  const { likely, from, to } = ending;
  return spread({ likely: minutes(likely), from: minutes(from), to: minutes(to) }, roughly);
}

/** Frames x stride, as the papers write a clip. */
export const clip = ({ frames, stride }: Factors): string => `${frames}x${stride}`;

/** All that makes a network of its base. */
export const networkText = (factors: Factors): string => {
  const { crop, width, bottleneck, depth } = factors;
  return `${clip(factors)}, ${crop} px, width ${width}, bottleneck ${bottleneck}, depth ${depth}`;
};

/** Where a move changed nothing. */
export const NO_CHANGE = 'none';

/** What one move changed, as "crop 48 -> 64"; tau and t change the clip. */
export function change(from: Factors, to: Factors): string {
  const changes: string[] = [];
  if (from.frames !== to.frames || from.stride !== to.stride)
    changes.push(`clip ${clip(from)} -> ${clip(to)}`);
  for (const name of ['crop', 'width', 'bottleneck', 'depth'] as const)
    if (from[name] !== to[name]) changes.push(`${name} ${from[name]} -> ${to[name]}`);
  return changes.join(', ') || NO_CHANGE;
}

/** `validation-loss` as people write it. */
export const inWords = (name: string): string => name.replaceAll('-', ' ');

const viewsText = (views: number) => `${views} ${views === 1 ? 'view' : 'views'}`;

/** What a test with more windows of each video adds, after the score of the usual one. */
export const windowsText = (windows: Score | undefined): string =>
  windows ? `; ${percent(windows.metrics.accuracy)} with ${viewsText(windows.viewsPerVideo)}` : '';

/** As "75.0 % ± 8 of 30 videos, loss 0.52 (10 views each)". */
export const scoreText = ({ metrics, errors, videos, viewsPerVideo }: Score): string =>
  `${percent(metrics.accuracy)} ± ${(100 * errors.accuracy).toFixed(0)} of ${videos} videos, loss ${metrics.loss.toFixed(2)} (${viewsText(viewsPerVideo)} each)`;
